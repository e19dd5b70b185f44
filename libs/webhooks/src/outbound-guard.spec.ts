import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { LookupAddress } from 'node:dns';
import { type DnsAnswer, startTestDns, type TestDns } from '#libs/testing';
import { OutboundForbidden } from './outbound-forbidden.js';
import { OutboundGuard } from './outbound-guard.js';

const PUBLIC = '93.184.215.14';
const PUBLIC_V6 = '2606:2800:21f:cb07::1';

function lookup(guard: OutboundGuard, url: string, options = {}): Promise<LookupAddress[]> {
  const origin = new URL(url);
  return new Promise((resolve, reject) => {
    guard.lookupFor(origin)(
      origin.hostname,
      { all: true, ...options },
      (error, address, family) => {
        if (error) reject(error);
        else if (typeof address === 'string') resolve([{ address, family: family ?? 0 }]);
        else resolve(address);
      },
    );
  });
}

describe('OutboundGuard.checkUrl', () => {
  const closed = new OutboundGuard({ allow: [] });

  it.each([
    '127.0.0.1',
    '127.255.255.254',
    '0.0.0.0',
    '10.1.2.3',
    '172.16.0.1',
    '192.168.0.1',
    '169.254.169.254',
    '168.63.129.16',
    '100.64.0.1',
    '192.0.0.192',
    '192.0.2.1',
    '198.18.0.1',
    '224.0.0.1',
    '255.255.255.255',
    '[::1]',
    '[::]',
    '[::ffff:127.0.0.1]',
    '[::ffff:7f00:1]',
    '[::ffff:8.8.8.8]',
    '[::127.0.0.1]',
    '[64:ff9b::7f00:1]',
    '[64:ff9b::8.8.8.8]',
    '[64:ff9b:1::a00:1]',
    '[2002:7f00:1::]',
    '[2002:808:808::]',
    '[2001:0:4136:e378:8000:63bf:3fff:fdd2]',
    '[2001:db8::1]',
    '[fd00:ec2::254]',
    '[fe80::1]',
    '[ff02::1]',
    '0x7f.1',
    '0x7f000001',
    '2130706433',
    '017700000001',
    '0177.0.0.1',
    '127.1',
    '127.0.0.1.',
    '１２７.0.0.1',
    '127。0。0。1',
    '%31%32%37.0.0.1',
    // Public, and yet not written as what they are.
    '0x08080808',
    '0x8.0x8.0x8.0x8',
    '134744072',
    '8.8.2056',
    '010.8.8.8',
    '8.8.8.8.',
    '８.8.8.8',
    '8.8.8.%38',
    '8.8.\t8.8',
    'localhost',
    'LOCALHOST',
    'localhost.',
    'a.localhost',
    `${'a'.repeat(64)}.example.com`,
    `${'a.'.repeat(130)}com`,
    'a..example.com',
    'redis',
  ])('refuses http://%s/', (host) => {
    for (const url of [`http://${host}/`, `https://${host}/x?y`, `https://${host}:443/`]) {
      expect(() => closed.checkUrl(url)).toThrow(OutboundForbidden);
    }
  });

  it.each([
    '',
    'example.com',
    '//example.com',
    'http:example.com',
    'http:/8.8.8.8/',
    'http:\\\\8.8.8.8/',
    'http://8.8.8.8\\@example.com/',
    'ftp://example.com',
    'file:///etc/passwd',
    'javascript:alert(1)',
    'data:text/plain,x',
    'http://',
    'http://user@example.com/',
    'http://user:pass@example.com/',
    'http://example.com@127.0.0.1/',
    'http://example.com:99999/',
  ])('refuses %p', (url) => {
    expect(() => closed.checkUrl(url)).toThrow(OutboundForbidden);
  });

  it.each([
    'https://example.com/hook',
    'http://example.com:80',
    'HTTPS://EXAMPLE.COM:443/?x#y',
    'https://8.8.8.8/',
    'https://8.8.8.8',
    'https://8.8.8.8:443/',
    'https://8.8.8.8?x',
    'https://[2606:4700:4700::1111]/',
    'https://[2606:4700:4700:0::1111]/',
    'https://100.128.0.1/',
    'https://localhost.example.com/',
    'https://bücher.example/',
  ])('lets %s pass', (url) => {
    expect(closed.checkUrl(url).href).toContain('://');
  });

  it.each(['http://example.com:443/', 'https://example.com:80/', 'http://8.8.8.8:6379/'])(
    'refuses another port: %s',
    (url) => {
      expect(() => closed.checkUrl(url)).toThrow(/^port \d+ may not be called$/);
    },
  );

  it.each<[string[], string[], string[]]>([
    [
      ['hooks', 'LocalHost'],
      ['http://HOOKS:9/', 'http://localhost./', 'http://localhost:9/'],
      ['http://127.0.0.1/', 'http://redis/', 'http://a.hooks:9/', 'http://hooks2/'],
    ],
    [
      ['hooks:8443', 'hooks.example.com:8443'],
      ['https://hooks:8443/', 'https://hooks.example.com:8443/', 'https://hooks.example.com/'],
      ['https://hooks/', 'https://hooks:8444/', 'https://hooks.example.com:8444/'],
    ],
    [
      ['127.0.0.1', '::1'],
      ['http://127.0.0.1/', 'http://127.0.0.1:9/', 'http://[::1]:9/', 'http://[0:0::1]/'],
      ['http://127.0.0.2/', 'http://[::ffff:127.0.0.1]/', 'http://2130706433/', 'http://127.1:9/'],
    ],
    [
      ['10.0.0.1:8080', '[fd00::1]:8080', '8.8.8.8:8080'],
      [
        'http://10.0.0.1:8080/',
        'http://[fd00::1]:8080/',
        'http://8.8.8.8:8080/',
        'http://8.8.8.8/',
      ],
      ['http://10.0.0.1/', 'http://[fd00::1]:8081/', 'http://10.0.0.2:8080/', 'http://8.8.8.8:81/'],
    ],
    [
      ['10.0.0.0/8', 'fd00::/8'],
      ['http://10.255.255.255/', 'http://10.0.0.1:9/', 'http://[fd12::1]:9/'],
      ['http://172.16.0.1/', 'http://[fc00::1]/', 'http://[::1]/', 'http://8.8.8.8:9/'],
    ],
    [
      ['*:8443'],
      ['https://example.com:8443/', 'https://8.8.8.8:8443/', 'https://[2606:4700::1]:8443/'],
      ['https://10.0.0.1:8443/', 'https://redis:8443/', 'https://example.com:8444/'],
    ],
  ])('opens %p and nothing else', (allow, opened, kept) => {
    const guard = new OutboundGuard({ allow });
    for (const url of opened) expect(guard.checkUrl(url)).toBeInstanceOf(URL);
    for (const url of kept) expect(() => guard.checkUrl(url)).toThrow(OutboundForbidden);
  });

  it('leaves a name at a port that some addresses have open to the look-up', () => {
    const guard = new OutboundGuard({ allow: ['10.0.0.0/8', '127.0.0.1:9'] });
    expect(guard.checkUrl('http://hooks.example.com:8080/')).toBeInstanceOf(URL);
  });

  it('does not start with an entry that opens nothing', () => {
    expect(() => new OutboundGuard({ allow: ['*.example.com'] })).toThrow('*.example.com');
  });
});

describe('OutboundGuard and names', () => {
  let dns: TestDns;
  let names: Record<string, { A?: DnsAnswer; AAAA?: DnsAnswer }>;

  beforeAll(async () => {
    dns = await startTestDns((name, type) => {
      const known = names[name];
      return known ? (known[type] ?? []) : 'NXDOMAIN';
    });
  });

  beforeEach(() => {
    names = {};
    dns.questions.length = 0;
  });

  afterAll(() => dns.stop());

  const guard = (allow: string[] = [], dnsTimeoutMs = 5000) =>
    new OutboundGuard({ allow, nameServers: [dns.address], dnsTimeoutMs });

  it('yields all addresses of a name, IPv4 first', async () => {
    names = { 'x.example': { A: [PUBLIC, '8.8.8.8'], AAAA: [PUBLIC_V6] } };
    const v4 = { address: PUBLIC, family: 4 };
    const v6 = { address: PUBLIC_V6, family: 6 };
    expect(await lookup(guard(), 'http://x.example')).toEqual([
      v4,
      { address: '8.8.8.8', family: 4 },
      v6,
    ]);
    expect(await lookup(guard(), 'http://x.example', { all: false })).toEqual([v4]);
    expect(await lookup(guard(), 'http://x.example', { family: 6 })).toEqual([v6]);
    expect(await lookup(guard(), 'http://x.example', { family: 'IPv4' })).toHaveLength(2);
  });

  it.each<[string, { A?: DnsAnswer; AAAA?: DnsAnswer }]>([
    ['a private address', { A: ['10.0.0.1'] }],
    ['a public and a private address', { A: [PUBLIC, '10.0.0.1'] }],
    ['a private address of the other family', { A: [PUBLIC], AAAA: ['fd00::1'] }],
    ['a private address of the one family that there is', { AAAA: ['::1'] }],
    ['IPv4 in IPv6', { A: [PUBLIC], AAAA: ['::ffff:8.8.8.8'] }],
    ['the metadata of a cloud', { A: ['169.254.169.254'] }],
  ])('refuses a name that leads to %s, whoever asks', async (_, addresses) => {
    names = { 'x.example': addresses };
    const text = 'x.example leads to an address that is not public';
    for (const options of [{}, { all: false }, { family: 4 }]) {
      const refused = lookup(guard(), 'http://x.example', options);
      await expect(refused).rejects.toThrow(new OutboundForbidden(text));
    }
    await expect(guard().checkTarget('http://x.example/')).rejects.toThrow(
      new OutboundForbidden(text),
    );
  });

  it.each<[string, DnsAnswer]>([
    ['has none', []],
    ['cannot be told', 'SERVFAIL'],
  ])('does with one family where the other %s', async (_, other) => {
    names = {
      'x.example': { A: [PUBLIC], AAAA: other },
      'y.example': { A: other, AAAA: [PUBLIC_V6] },
    };
    expect(await lookup(guard(), 'http://x.example')).toEqual([{ address: PUBLIC, family: 4 }]);
    expect(await lookup(guard(), 'http://y.example')).toEqual([{ address: PUBLIC_V6, family: 6 }]);
  });

  it.each<[string, DnsAnswer, DnsAnswer, string]>([
    ['does not exist', 'NXDOMAIN', 'NXDOMAIN', 'ENOTFOUND'],
    ['has no address', [], [], 'ENODATA'],
    ['cannot be told', [], 'SERVFAIL', 'ESERVFAIL'],
  ])('says that a name %s, and lets its submission pass', async (_, A, AAAA, code) => {
    names = { 'x.example': { A, AAAA } };
    await expect(lookup(guard(), 'http://x.example')).rejects.toMatchObject({ code });
    expect((await guard().checkTarget('http://x.example/')).hostname).toBe('x.example');
  });

  it('says so where a name has none of the family that is asked for', async () => {
    names = { 'x.example': { A: [PUBLIC] } };
    await expect(lookup(guard(), 'http://x.example', { family: 6 })).rejects.toMatchObject({
      code: 'ENOTFOUND',
    });
  });

  it('is not held up by a name server that does not answer', async () => {
    names = { 'silent.example': { A: 'silent', AAAA: 'silent' }, 'x.example': { A: [PUBLIC] } };
    const sut = guard([], 20);
    const order: string[] = [];
    const silent = Array.from({ length: 20 }, (_, i) => {
      names[`silent${String(i)}.example`] = { A: 'silent', AAAA: 'silent' };
      return lookup(sut, `http://silent${String(i)}.example`).catch((error: unknown) => {
        order.push('silent');
        return (error as NodeJS.ErrnoException).code;
      });
    });
    await lookup(sut, 'http://x.example');
    order.push('x');
    expect(new Set(await Promise.all(silent))).toEqual(new Set(['ETIMEOUT']));
    expect(order[0]).toBe('x');
    expect((await sut.checkTarget('http://silent.example/')).hostname).toBe('silent.example');
  });

  it('asks once for a name that many submissions hand in, and anew at each connection', async () => {
    names = { 'x.example': { A: [PUBLIC] } };
    const sut = guard();
    await Promise.all(Array.from({ length: 50 }, () => sut.checkTarget('http://x.example/')));
    await sut.checkTarget('https://x.example/other');
    expect([...dns.questions].sort()).toEqual(['A x.example', 'AAAA x.example']);
    names = { 'x.example': { A: ['127.0.0.1'] } };
    await expect(lookup(sut, 'http://x.example')).rejects.toThrow(OutboundForbidden);
    expect(dns.questions).toHaveLength(4);
  });

  it('asks nobody about addresses, names that are open, and what is refused without', async () => {
    const sut = guard(['hooks.internal', '127.0.0.1']);
    await sut.checkTarget('http://hooks.internal:9/');
    await sut.checkTarget('http://127.0.0.1:9/');
    await sut.checkTarget('https://8.8.8.8/');
    await expect(sut.checkTarget('http://10.0.0.1/')).rejects.toThrow(OutboundForbidden);
    expect(dns.questions).toEqual([]);
  });

  it('has the system look up a name that is open', async () => {
    const addresses = await lookup(guard(['localhost']), 'http://localhost:9');
    expect(addresses.length).toBeGreaterThan(0);
    expect(await lookup(guard(['localhost:9']), 'http://localhost:9')).toEqual(addresses);
    expect(dns.questions).toEqual([]);
  });

  it.each<[string[], string, string[], boolean]>([
    [['10.0.0.0/8'], 'http://x.example:8080', ['10.1.2.3'], true],
    [['10.0.0.0/8'], 'http://x.example:8080', ['10.1.2.3', PUBLIC], false],
    [['10.0.0.0/8'], 'http://x.example', ['10.1.2.3', PUBLIC], true],
    [['10.0.0.0/8'], 'http://x.example', ['172.16.0.1'], false],
    [['10.1.2.3:8080'], 'http://x.example:8080', ['10.1.2.3'], true],
    [['10.1.2.3:8080'], 'http://x.example', ['10.1.2.3'], false],
    [['*:8080'], 'http://x.example:8080', [PUBLIC], true],
    [['*:8080'], 'http://x.example:8080', ['10.1.2.3'], false],
    [['x.example:8080'], 'http://x.example', ['10.1.2.3'], false],
  ])('judges address and port together: %p, %s at %p: %p', async (allow, url, A, passes) => {
    names = { 'x.example': { A } };
    const looked = lookup(guard(allow), url);
    const handedIn = guard(allow).checkTarget(url);
    if (passes) {
      expect((await looked).map(({ address }) => address)).toEqual(A);
      expect(await handedIn).toBeInstanceOf(URL);
    } else {
      await expect(looked).rejects.toThrow(OutboundForbidden);
      await expect(handedIn).rejects.toThrow(OutboundForbidden);
    }
  });
});

it('bears more names at once than it remembers', async () => {
  const dns = await startTestDns(() => 'NXDOMAIN');
  // Some questions get lost in such a rush: their submissions pass without.
  const sut = new OutboundGuard({ allow: [], nameServers: [dns.address], dnsTimeoutMs: 300 });
  const urls = Array.from({ length: 1500 }, (_, i) => `http://n${String(i)}.example/`);
  expect(await Promise.all(urls.map((url) => sut.checkTarget(url)))).toHaveLength(1500);
  await dns.stop();
});
