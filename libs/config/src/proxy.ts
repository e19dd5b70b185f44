import ipaddr from 'ipaddr.js';

/** Names for ranges of addresses, as Fastify has them. */
const RANGES = new Set(['loopback', 'linklocal', 'uniquelocal']);

/** True for an entry of TRUST_PROXY. */
export function isProxy(entry: string): boolean {
  if (RANGES.has(entry)) return true;
  // Short forms (`10.1`, `10/8`) would mean another thing to whoever reads them.
  if (!/^([0-9]+\.){3}[0-9]+(\/[0-9]+)?$|:/.test(entry)) return false;
  return entry.includes('/') ? ipaddr.isValidCIDR(entry) : ipaddr.isValid(entry);
}
