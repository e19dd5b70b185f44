import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { get } from 'node:http';
import { BrowserPage, findBrowser } from './support/browser.js';
import { Installation } from './support/installation.js';

const PASSWORD = 'board-secret-1';
const BOARD = '/admin/queues';
const QUEUES = '/admin/queues/api/queues';

interface Login {
  password?: string;
  headers?: Record<string, string>;
}

function logIn(url: string, { password = PASSWORD, headers = {} }: Login = {}): Promise<Response> {
  return fetch(new URL('/admin/login', url), {
    method: 'POST',
    body: new URLSearchParams({ username: 'admin', password }),
    headers,
    redirect: 'manual',
  });
}

function cookieOf(answer: Response): string {
  return answer.headers.getSetCookie()[0]?.split(';', 1)[0] ?? '';
}

async function statusOf(url: string, path: string, headers: Record<string, string> = {}) {
  return (await fetch(new URL(path, url), { headers, redirect: 'manual' })).status;
}

describe('the login of the board', () => {
  let foretell: Installation;
  let first: string;
  let second: string;

  beforeAll(async () => {
    const settings = { BOARD_PASSWORD: PASSWORD, PUBLIC_URL: 'https://foretell.example.com' };
    foretell = await Installation.start(settings);
    first = foretell.client.url;
    await foretell.add('api');
    second = foretell.client.url;
  });

  afterAll(async () => {
    await foretell.stop();
  });

  it('opens the board at every api, until logout', async () => {
    const answer = await logIn(first);
    expect(answer.status).toBe(303);
    expect(answer.headers.get('location')).toBe(BOARD);
    const [cookie = ''] = answer.headers.getSetCookie();
    expect(cookie.split('; ').slice(1).sort()).toEqual(
      ['HttpOnly', 'Max-Age=43200', 'Path=/admin', 'SameSite=Strict', 'Secure'].sort(),
    );
    const session = { cookie: cookieOf(answer) };
    for (const url of [first, second]) {
      expect(await statusOf(url, BOARD, session)).toBe(200);
      expect(await statusOf(url, QUEUES, session)).toBe(200);
    }
    const out = await fetch(new URL('/admin/logout', second), {
      method: 'POST',
      headers: session,
      redirect: 'manual',
    });
    expect(out.headers.getSetCookie()[0]).toMatch(/^foretell-board=;.*(Max-Age=0|1970)/);
    for (const url of [first, second]) expect(await statusOf(url, QUEUES, session)).toBe(401);
  });

  it('is where a browser is sent, and nothing else opens the board', async () => {
    const page = await fetch(new URL(BOARD, first), {
      headers: { accept: 'text/html' },
      redirect: 'manual',
    });
    expect([page.status, page.headers.get('location')]).toEqual([303, '/admin/login']);
    const basic = `Basic ${Buffer.from(`admin:${PASSWORD}`).toString('base64')}`;
    const tries = [
      {},
      { authorization: basic },
      { cookie: 'foretell-board=' },
      { cookie: `foretell-board=${'A'.repeat(43)}` },
      { cookie: 'foretell-board=s%3Aadmin' },
    ];
    for (const headers of tries) expect(await statusOf(first, QUEUES, headers)).toBe(401);
    for (const path of ['/admin/queues/static/../api/queues', '/admin/queues//api/queues']) {
      expect(await statusOf(first, path)).not.toBe(200);
    }
  });

  it('takes nothing that another site sends', async () => {
    const foreign = [
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site', origin: 'https://evil.example.com' },
      { origin: 'https://evil.example.com' },
      { origin: 'null' },
    ];
    for (const headers of foreign) {
      const answer = await logIn(first, { headers });
      expect([answer.status, answer.headers.getSetCookie()]).toEqual([403, []]);
    }
    const session = { cookie: cookieOf(await logIn(first)) };
    const put = (headers: Record<string, string>) =>
      fetch(new URL(`${QUEUES}/predict-iris/pause`, first), {
        method: 'PUT',
        headers: { ...session, ...headers },
      });
    expect((await put({ origin: 'https://evil.example.com' })).status).toBe(403);
    // Looking only, for its own page as well.
    expect((await put({ 'sec-fetch-site': 'same-origin' })).status).toBe(405);
    for (const origin of [new URL(first).origin, 'https://foretell.example.com']) {
      expect((await logIn(first, { headers: { origin } })).status).toBe(303);
    }
  });

  it('looks at no more than ten wrong passwords of an address, whichever api is asked', async () => {
    const wrong = (url: string) => logIn(url, { password: 'wrong' });
    const answers = await Promise.all(
      Array.from({ length: 14 }, (_, i) => wrong(i % 2 === 0 ? first : second)),
    );
    const statuses = answers.map(({ status }) => status).sort();
    expect(statuses).toEqual([...Array<number>(10).fill(401), ...Array<number>(4).fill(429)]);
    const late = await logIn(first);
    expect(late.status).toBe(429);
    expect(Number(late.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(late.headers.getSetCookie()).toEqual([]);
  });
});

describe('a board without a password', () => {
  let foretell: Installation | undefined;

  afterEach(async () => {
    await foretell?.stop();
    foretell = undefined;
  });

  it('is open to this machine by its own name only', async () => {
    foretell = await Installation.start({}, ['api', 'worker']);
    const { client } = foretell;
    expect((await client.get(QUEUES)).status).toBe(200);
    const { port } = new URL(client.url);
    expect(await statusByHost(client.url, `rebound.example.com:${port}`)).toBe(403);
    expect(await statusByHost(client.url, `localhost:${port}`)).toBe(200);
  });

  it('is closed where keys are in use', async () => {
    foretell = await Installation.start({ API_KEYS: 'alice:alice-key-1234' }, ['api', 'worker']);
    const { client } = foretell;
    for (const headers of [{}, { authorization: 'Bearer alice-key-1234' }]) {
      expect((await client.withHeaders(headers).get(QUEUES)).status).toBe(403);
    }
  });
});

const browser = findBrowser();
const inBrowser = browser === undefined ? describe.skip : describe;

inBrowser('in a browser (skipped where no chromium is in PATH)', () => {
  let foretell: Installation;
  let page: BrowserPage;

  beforeAll(async () => {
    foretell = await Installation.start({ BOARD_PASSWORD: PASSWORD });
    page = await BrowserPage.open(browser ?? '');
  });

  afterAll(async () => {
    await page.close();
    await foretell.stop();
  });

  const shows = (text: string) => `document.body.innerText.includes(${JSON.stringify(text)})`;
  const submit = (password: string) =>
    page.evaluate(
      `document.querySelector('[name=password]').value = ${JSON.stringify(password)};
       document.querySelector('button').click()`,
    );

  it('one logs in to the board, sees the queues and logs out', async () => {
    const job = await foretell.client.predict('iris', { input: [1, 2, 3, 4] });
    await page.goTo(new URL(BOARD, foretell.client.url).href);
    await page.until(`location.pathname === '/admin/login' && ${shows('Log in')}`);
    await submit('wrong');
    await page.until(shows('not the password'));
    await submit(PASSWORD);
    await page.until(`location.pathname === '${BOARD}' && ${shows('iris')}`);
    await page.goTo(
      new URL(`${BOARD}/queue/predict-iris?status=completed`, foretell.client.url).href,
    );
    await page.until(shows(job.id));
    await page.goTo(new URL('/admin/login', foretell.client.url).href);
    await page.until(shows('You are logged in'));
    await page.evaluate(`document.querySelector('button').click()`);
    await page.until(shows('Password'));
    await page.goTo(new URL(BOARD, foretell.client.url).href);
    await page.until(shows('Password'));
    // Its fonts are asked of no third party.
    expect(page.refused.filter((text) => !text.includes('fonts.googleapis.com'))).toEqual([]);
  });

  it('the documentation shows the operations', async () => {
    page.refused.length = 0;
    await page.goTo(new URL('/docs', foretell.client.url).href);
    await page.until(shows('/v1/models/{model}/predict'));
    expect(page.refused).toEqual([]);
  });
});

/** `fetch` sets the header itself. */
function statusByHost(url: string, host: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    get(new URL(QUEUES, url), { headers: { host } }, (response) => {
      response.resume();
      resolve(response.statusCode);
    }).once('error', reject);
  });
}
