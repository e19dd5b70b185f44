import { networkOf } from '../http/address.js';

/** Whose requests are counted together. @param owner '' without a key. */
export function callerKey(owner: string, ip: string): string {
  return owner === '' ? `address:${networkOf(ip)}` : `key:${owner}`;
}
