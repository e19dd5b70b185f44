import { describe, expect, it } from '@jest/globals';
import { isNameServer, parseOutboundRule } from './outbound-rule.js';

describe('parseOutboundRule', () => {
  it.each([
    ['receiver', 'receiver', null],
    ['Hooks.Example.com.', 'hooks.example.com', null],
    ['hooks_1.internal:8443', 'hooks_1.internal', 8443],
    ['bücher.example', 'xn--bcher-kva.example', null],
  ])('takes %p for a host', (entry, host, port) => {
    expect(parseOutboundRule(entry)).toEqual({ kind: 'host', host, port });
  });

  it.each([
    ['127.0.0.1', '127.0.0.1/32', null],
    ['127.0.0.1:8080', '127.0.0.1/32', 8080],
    ['10.0.0.0/8', '10.0.0.0/8', null],
    ['0.0.0.0/0', '0.0.0.0/0', null],
    ['::1', '::1/128', null],
    ['[::1]', '::1/128', null],
    ['[FD00::1]:9', 'fd00::1/128', 9],
    ['fd00::/8', 'fd00::/8', null],
  ])('takes %p for a range of addresses', (entry, range, port) => {
    const rule = parseOutboundRule(entry);
    if (rule?.kind !== 'range') throw new Error('not a range');
    expect(rule.port).toBe(port);
    expect(`${rule.range[0].toString()}/${String(rule.range[1])}`).toBe(range);
  });

  it('takes *:8443 for a port of every public host', () => {
    expect(parseOutboundRule('*:8443')).toEqual({ kind: 'port', port: 8443 });
  });

  it.each([
    '',
    '*',
    '*.example.com',
    '*:',
    '*:0',
    '*:x',
    'host:0',
    'host:080',
    'host:65536',
    'host:8080:1',
    ':8080',
    'a b',
    'a..b',
    'http://host/',
    'user@host',
    '10.0.0.0/33',
    '10.0.0.0/',
    '10.0.0.0/8/8',
    '10.0.0.0/8:80',
    '10.0.0/8',
    'host/8',
    '::1/129',
    '[::1',
    '[::1]x',
    '[10.0.0.1]:80',
    '[host]:80',
    '127.1',
    '0x7f.1',
    '2130706433:80',
    '１２７.0.0.1',
    '256.0.0.1',
  ])('takes %p for nothing', (entry) => {
    expect(parseOutboundRule(entry)).toBeNull();
  });
});

describe('isNameServer', () => {
  it.each(['10.0.0.2', '10.0.0.2:5353', '::1', '[::1]', '[::1]:53'])('takes %p', (entry) => {
    expect(isNameServer(entry)).toBe(true);
  });

  it.each(['', 'dns.example.com', '10.0.0.2:0', '10.0.0.2:x', '10.0.0', '*:53', '10.0.0.0/8'])(
    'refuses %p',
    (entry) => {
      expect(isNameServer(entry)).toBe(false);
    },
  );
});
