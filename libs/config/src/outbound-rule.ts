import ipaddr from 'ipaddr.js';
import { isIP, isIPv4, isIPv6 } from 'node:net';
import { domainToASCII } from 'node:url';

export type AddressRange = [ipaddr.IPv4 | ipaddr.IPv6, number];

/** What an entry of OUTBOUND_ALLOW opens; a `port` of null is any. */
export type OutboundRule =
  | { kind: 'host'; host: string; port: number | null }
  | { kind: 'range'; range: AddressRange; port: number | null }
  /** A port of every public host. */
  | { kind: 'port'; port: number };

/** Labels of letters, digits, `-` and `_`: what can be looked up, and no wildcard that would never match. */
const NAME = /^[a-z0-9_-]+(\.[a-z0-9_-]+)*$/;

/**
 * Reads `host`, `address`, `CIDR`, `host:port`, `address:port`, `[v6]:port` or `*:port`.
 * @returns null for anything else.
 */
export function parseOutboundRule(entry: string): OutboundRule | null {
  if (entry.includes('/')) return cidr(entry);
  const { host, port } = splitPort(entry);
  if (Number.isNaN(port)) return null;
  if (host === '*') return port === null ? null : { kind: 'port', port };
  if (isIP(host) !== 0) return { kind: 'range', range: wholeAddress(host), port };
  const name = domainToASCII(host).replace(/\.$/, '');
  // An odd spelling of an address (`127.1`) comes out as an address.
  return NAME.test(name) && isIP(name) === 0 ? { kind: 'host', host: name, port } : null;
}

/** True for `address`, `address:port` or `[v6]:port`. */
export function isNameServer(entry: string): boolean {
  const { host, port } = splitPort(entry);
  return isIP(host) !== 0 && !Number.isNaN(port);
}

/** The port is null where there is none, and NaN where it is none. */
function splitPort(entry: string): { host: string; port: number | null } {
  if (isIPv6(entry)) return { host: entry, port: null };
  const [, v6, name = '', port] = /^(?:\[(.*)\]|([^[\]:]*))(?::(.*))?$/.exec(entry) ?? [];
  // Brackets are for IPv6 alone.
  if (v6 !== undefined && !isIPv6(v6)) return { host: '', port: null };
  return { host: v6 ?? name, port: port === undefined ? null : portOf(port) };
}

function portOf(text: string): number {
  return /^[1-9][0-9]{0,4}$/.test(text) && Number(text) <= 65_535 ? Number(text) : NaN;
}

function cidr(entry: string): OutboundRule | null {
  const [address = '', bits = '', ...more] = entry.split('/');
  const most = isIPv6(address) ? 128 : isIPv4(address) ? 32 : -1;
  if (more.length > 0 || !/^[0-9]{1,3}$/.test(bits) || Number(bits) > most) return null;
  return { kind: 'range', range: ipaddr.parseCIDR(entry), port: null };
}

function wholeAddress(address: string): AddressRange {
  return [ipaddr.parse(address), isIPv4(address) ? 32 : 128];
}
