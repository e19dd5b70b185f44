import { describe, expect, it } from '@jest/globals';
import ipaddr from 'ipaddr.js';
import { isPublic } from './public-address.js';

describe('isPublic', () => {
  it.each([
    ['this network', '0.0.0.0', '0.255.255.255'],
    ['private', '10.0.0.0', '10.255.255.255'],
    ['CGNAT, with the metadata of Alibaba', '100.64.0.0', '100.100.100.200', '100.127.255.255'],
    ['loopback', '127.0.0.1', '127.255.255.255'],
    ['link-local, with the metadata of most clouds', '169.254.0.1', '169.254.169.254'],
    ['private', '172.16.0.0', '172.31.255.255'],
    ["Azure's wire server", '168.63.129.16'],
    ["IETF protocols, with Oracle's metadata", '192.0.0.1', '192.0.0.192', '192.0.0.255'],
    ['documentation', '192.0.2.1', '198.51.100.1', '203.0.113.1'],
    ['AS112 and AMT', '192.31.196.1', '192.52.193.1', '192.175.48.1'],
    ['6to4 relays', '192.88.99.1'],
    ['private', '192.168.0.0', '192.168.255.255'],
    ['benchmarks', '198.18.0.1', '198.19.255.255'],
    ['multicast', '224.0.0.1', '239.255.255.255'],
    ['reserved, broadcast', '240.0.0.1', '255.255.255.255'],
    ['unspecified, loopback', '::', '::1'],
    ['IPv4-mapped', '::ffff:127.0.0.1', '::ffff:8.8.8.8'],
    ['IPv4-compatible', '::127.0.0.1', '::8.8.8.8'],
    ['IPv4-translated', '::ffff:0:127.0.0.1', '::ffff:0:8.8.8.8'],
    ['NAT64', '64:ff9b::7f00:1', '64:ff9b::808:808', '64:ff9b:1::a00:1', '64:ff9b:1::808:808'],
    ['discard', '100::1'],
    ['Teredo', '2001::1', '2001:0:4136:e378:8000:63bf:3fff:fdd2'],
    ['other IETF protocols', '2001:1::1', '2001:2::1', '2001:10::1', '2001:20::1', '2001:1ff::1'],
    ['documentation', '2001:db8::1', '3fff::1'],
    ['6to4', '2002:7f00:1::', '2002:808:808::'],
    ['AS112', '2620:4f:8000::1'],
    ['segment routing', '5f00::1'],
    ['not given out', '4000::1', '8000::1'],
    [
      'unique local, with the metadata of AWS and Google',
      'fd00:ec2::254',
      'fd20:ce::254',
      'fc00::1',
    ],
    ['link-local, site-local', 'fe80::1', 'fec0::1'],
    ['multicast', 'ff02::1'],
  ])('refuses %s', (_, ...addresses) => {
    expect(addresses.filter((address) => isPublic(ipaddr.parse(address)))).toEqual([]);
  });

  it.each([
    '1.1.1.1',
    '8.8.8.8',
    '100.63.255.255',
    '100.128.0.0',
    '168.63.129.15',
    '172.15.255.255',
    '172.32.0.0',
    '192.0.1.1',
    '223.255.255.255',
    '2606:4700:4700::1111',
    '2a00:1450:4001:810::200e',
  ])('lets %s pass', (address) => {
    expect(isPublic(ipaddr.parse(address))).toBe(true);
  });
});
