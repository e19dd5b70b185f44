import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Installation } from './support/installation.js';

const FUZZ = path.join(import.meta.dirname, '../fuzz/fuzz.mjs');

/** `npm run test:fuzz` in short. */
describe('requests with some bytes changed', () => {
  let foretell: Installation;

  beforeAll(async () => {
    const settings = { LOG_LEVEL: 'error', REQUEST_TIMEOUT_S: '1' };
    // Without a courier: the addresses that callbacks would go to are made up.
    foretell = await Installation.start(settings, ['api', 'worker']);
  });

  afterAll(async () => {
    await foretell.stop();
  });

  it('get no 5xx, and do no harm', async () => {
    const options = ['--url', foretell.client.url, '--requests', '600', '--seed', '7'];
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [FUZZ, ...options]);
    expect(stderr).toBe('');
    expect(stdout).toContain('600 requests');
  });
});
