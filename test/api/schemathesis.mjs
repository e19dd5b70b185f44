// The main file of npm run test:api; scripts/schemathesis.mjs starts it with all it needs.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { rootDir } from '../../scripts/lib/paths.mjs';
import { PlainError, runMain } from '../../scripts/lib/plain-error.mjs';
import { findPython } from '../../scripts/lib/python.mjs';
import { run } from '../../scripts/lib/run.mjs';
import { endingSignals } from '../../scripts/lib/signals.mjs';
import { stopAll } from '../load/lib/child.mjs';
import { startForetell } from '../load/lib/foretell.mjs';

const KEY = 'tester-key-0001';
/** Each with the seconds that testing it may take. Models with pictures are left out: what is generated is none. */
const DOCUMENTS = /** @type {const} */ ([
  ['/docs-json', 70],
  ['/v1/models/iris/openapi.json', 30],
  ['/v1/models/diabetes/openapi.json', 30],
]);

await runMain(async () => {
  const bin = await findPython(join(import.meta.dirname, 'requirements.txt'));
  if (!bin) {
    throw new PlainError(
      'npm run test:api needs python3 with its venv module, and PyPI: see the lines above',
    );
  }
  const base = join(rootDir, '.foretell');
  mkdirSync(base, { recursive: true });
  const dir = mkdtempSync(join(base, 'test-api-'));
  const ending = new AbortController();
  void endingSignals().first.then(() => ending.abort());
  let failed = true;
  try {
    // Without a courier: the addresses that callbacks would go to are made up.
    const env = {
      API_KEYS: `tester:${KEY}:predict+read+webhooks+models:write+admin`,
      LOG_LEVEL: 'warn',
      // hooks.py tells of each request that it comes from elsewhere: wrong keys are tried as well.
      TRUST_PROXY: '127.0.0.1',
    };
    const { url } = await startForetell(dir, { env, courier: false });
    const codes = [];
    for (const [path, seconds] of DOCUMENTS) {
      const document = await fetchDocument(url, path, dir);
      await setDefaultWebhook(url);
      codes.push(await run(join(bin, 'openapi-spec-validator'), [document], { cwd: dir }));
      codes.push(await test(bin, document, url, { seconds, dir, signal: ending.signal }));
    }
    failed = ending.signal.aborted || codes.some((code) => code !== 0);
  } finally {
    await stopAll();
    if (failed) console.log(`Logs are in ${dir}`);
    else rmSync(dir, { recursive: true, force: true });
  }
  return failed ? 1 : 0;
});

/**
 * @param {string} url
 * @param {string} path
 * @param {string} dir
 * @returns {Promise<string>} the file that it was written to
 */
async function fetchDocument(url, path, dir) {
  const answer = await fetch(url + path, { headers: { authorization: `Bearer ${KEY}` } });
  if (!answer.ok) throw new PlainError(`${path} answers ${answer.status}`);
  const file = join(dir, `${path.split('/').filter(Boolean).join('-')}.json`);
  writeFileSync(file, await answer.text());
  return file;
}

/**
 * A submission may leave its URL to the default webhook; testing may have removed it.
 * @param {string} url
 */
async function setDefaultWebhook(url) {
  const { ok, status } = await fetch(`${url}/v1/webhooks/default`, {
    method: 'PUT',
    headers: { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' },
    // An address, so that no name need be looked up.
    body: JSON.stringify({ url: 'https://1.1.1.1/' }),
  });
  if (!ok) throw new PlainError(`PUT /v1/webhooks/default answers ${status}`);
}

/**
 * @param {string} bin
 * @param {string} document
 * @param {string} url
 * @param {{ seconds: number, dir: string, signal: AbortSignal }} options
 */
function test(bin, document, url, { seconds, dir, signal }) {
  const config = join(import.meta.dirname, 'schemathesis.toml');
  const args = ['--config-file', config, 'run', document, '--url', url];
  const limits = ['--max-time', String(seconds), ...process.argv.slice(2)];
  return run(join(bin, 'schemathesis'), [...args, ...limits], {
    cwd: dir,
    env: {
      ...process.env,
      FORETELL_TEST_KEY: KEY,
      SCHEMATHESIS_HOOKS: join(import.meta.dirname, 'hooks.py'),
      PYTHONDONTWRITEBYTECODE: '1',
    },
    signal,
  });
}
