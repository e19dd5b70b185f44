import ipaddr from 'ipaddr.js';

export type Address = ipaddr.IPv4 | ipaddr.IPv6;

/** Serves the machines of Azure from within: metadata, keys, DNS. The rest of the world cannot reach it. */
const AZURE_WIRE_SERVER = '168.63.129.16';

/** All of IPv6 that was ever given out lies in 2000::/3; the rest may lead anywhere. */
const GLOBAL_IPV6 = ipaddr.IPv6.parseCIDR('2000::/3');

/**
 * True for unicast addresses that the whole internet can reach. IPv6 that carries IPv4 (mapped, NAT64, 6to4,
 * Teredo) never is, whatever it carries: where it leads is up to gateways.
 */
export function isPublic(address: Address): boolean {
  if (address.range() !== 'unicast') return false;
  if (address instanceof ipaddr.IPv6) return address.match(GLOBAL_IPV6);
  return address.toString() !== AZURE_WIRE_SERVER;
}
