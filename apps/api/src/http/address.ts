import ipaddr from 'ipaddr.js';

/** Of an IPv6 address; whoever has one has all with the same start. */
const NETWORK_PARTS = 4;

/** What stands for a caller's address where callers are counted: an IPv4 address, or a network of IPv6. */
export function networkOf(address: string): string {
  if (!ipaddr.isValid(address)) return address;
  // IPv4 may come as IPv6: `::ffff:10.1.2.3`.
  const plain = ipaddr.process(address);
  if (plain.kind() === 'ipv4') return plain.toString();
  const parts = (plain as ipaddr.IPv6).parts.slice(0, NETWORK_PARTS);
  return `${parts.map((part) => part.toString(16)).join(':')}::/64`;
}
