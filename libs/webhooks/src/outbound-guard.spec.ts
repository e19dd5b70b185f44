import { describe, expect, it } from '@jest/globals';
import type { LookupAddress } from 'node:dns';
import { OutboundForbidden, OutboundGuard } from './outbound-guard.js';

function lookup(guard: OutboundGuard, host: string, all = true): Promise<LookupAddress[]> {
  return new Promise((resolve, reject) => {
    guard.lookup(host, { all }, (error, address, family) => {
      if (error) reject(error);
      else if (typeof address === 'string') resolve([{ address, family: family ?? 0 }]);
      else resolve(address);
    });
  });
}

describe('OutboundGuard', () => {
  const closed = new OutboundGuard([]);

  it.each([
    '127.0.0.1',
    '127.255.255.254',
    '0.0.0.0',
    '10.1.2.3',
    '172.16.0.1',
    '172.31.255.255',
    '192.168.0.1',
    '169.254.169.254',
    '100.64.0.1',
    '192.0.2.1',
    '198.18.0.1',
    '224.0.0.1',
    '240.0.0.1',
    '255.255.255.255',
    '[::1]',
    '[::]',
    '[::ffff:127.0.0.1]',
    '[::ffff:7f00:1]',
    '[::ffff:10.0.0.1]',
    '[::127.0.0.1]',
    '[64:ff9b::7f00:1]',
    '[64:ff9b:1::a00:1]',
    '[2002:7f00:1::]',
    '[2001:db8::1]',
    '[fd00::1]',
    '[fe80::1]',
    '[fec0::1]',
    '[ff02::1]',
    '0x7f.1',
    '0x7f000001',
    '2130706433',
    '017700000001',
    '127.1',
    '127.0.0.1.',
    '１２７.0.0.1',
    'localhost',
    'LOCALHOST',
    'localhost.',
    'a.localhost',
    'redis',
  ])('refuses http://%s/', (host) => {
    for (const url of [`http://${host}/`, `https://${host}:8443/x?y`]) {
      expect(() => closed.checkUrl(url)).toThrow(OutboundForbidden);
    }
  });

  it.each([
    '',
    'example.com',
    '//example.com',
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
    'http://example.com:8080',
    'https://8.8.8.8/',
    'https://[2606:4700:4700::1111]/',
    'https://[::ffff:8.8.8.8]/',
    'https://100.128.0.1/',
    'https://172.32.0.1/',
    'https://localhost.example.com/',
  ])('lets %s pass', (url) => {
    expect(closed.checkUrl(url).href).toContain('://');
  });

  it('tells names that lead to this machine when they are looked up', async () => {
    await expect(lookup(closed, 'localhost')).rejects.toThrow(OutboundForbidden);
    await expect(lookup(closed, 'localhost', false)).rejects.toThrow(OutboundForbidden);
    await expect(lookup(closed, 'nowhere.invalid')).rejects.toThrow();
  });

  it('allows a host by its name, and that one alone', async () => {
    const guard = new OutboundGuard(['LocalHost', 'receiver']);
    expect(guard.checkUrl('http://localhost.:9/').port).toBe('9');
    expect(guard.checkUrl('http://RECEIVER/').hostname).toBe('receiver');
    expect((await lookup(guard, 'localhost')).length).toBeGreaterThan(0);
    expect(() => guard.checkUrl('http://127.0.0.1/')).toThrow(OutboundForbidden);
    expect(() => guard.checkUrl('http://redis/')).toThrow(OutboundForbidden);
  });

  it('allows an address, whichever way it is written', () => {
    const guard = new OutboundGuard(['127.0.0.1', '::1']);
    for (const host of ['127.0.0.1', '[::ffff:127.0.0.1]', '2130706433', '[::1]', '[0:0::1]']) {
      expect(guard.checkUrl(`http://${host}/`)).toBeInstanceOf(URL);
    }
    expect(() => guard.checkUrl('http://127.0.0.2/')).toThrow(OutboundForbidden);
  });

  it('allows a CIDR of either family', () => {
    const guard = new OutboundGuard(['10.0.0.0/8', 'fd00::/8']);
    guard.checkAddress('10.255.255.255');
    guard.checkAddress('fd12::1');
    for (const address of ['172.16.0.1', 'fc00::1', '::1']) {
      expect(() => {
        guard.checkAddress(address);
      }).toThrow(OutboundForbidden);
    }
  });
});
