import { lookup } from 'node:dns/promises';
import { isIP, type LookupFunction } from 'node:net';
import ipaddr from 'ipaddr.js';

/** The URL may not be called: the message says why. */
export class OutboundForbidden extends Error {
  override readonly name = 'OutboundForbidden';
}

type Range = [ipaddr.IPv4 | ipaddr.IPv6, number];

/**
 * Decides which addresses calls that callers cause may reach: public ones, and those that the operator
 * allows. It is asked twice: with the URL when it is handed in, and with the address at the moment of
 * connecting, so that a name which changes its mind in between gains nothing.
 */
export class OutboundGuard {
  private readonly hosts = new Set<string>();
  private readonly ranges: Range[] = [];

  /** @param allow hosts, addresses or CIDRs that may be reached although they are not public. */
  constructor(allow: readonly string[]) {
    for (const entry of allow) {
      if (entry.includes('/')) this.ranges.push(ipaddr.parseCIDR(entry));
      else if (isIP(entry) !== 0) this.ranges.push(wholeAddress(entry));
      else this.hosts.add(entry.toLowerCase());
    }
  }

  /**
   * Checks everything that can be told without a look-up.
   * @throws OutboundForbidden
   */
  checkUrl(text: string): URL {
    const url = URL.parse(text);
    if (!url) throw new OutboundForbidden('it is not a URL');
    if (url.protocol !== 'http:' && url.protocol !== 'https:') {
      throw new OutboundForbidden('it must start with http:// or https://');
    }
    if (url.username !== '' || url.password !== '') {
      throw new OutboundForbidden('it must not carry a user or password');
    }
    const host = bareHost(url);
    if (isIP(host) !== 0) this.checkAddress(host);
    else if (isLocalName(host) && !this.hosts.has(host)) {
      throw new OutboundForbidden(`${host} is a local name`);
    }
    return url;
  }

  /** @throws OutboundForbidden for an address that is not public and not allowed. */
  checkAddress(address: string): void {
    // `process` unwraps IPv4 that is mapped into IPv6, so that it is judged as what it is.
    const parsed = ipaddr.process(address);
    if (isPublic(parsed)) return;
    if (this.ranges.some((range) => matches(parsed, range))) return;
    throw new OutboundForbidden(`${address} is not a public address`);
  }

  /** A look-up for `net.connect` that yields only addresses which may be reached. */
  readonly lookup: LookupFunction = (hostname, options, callback) => {
    const host = hostname.toLowerCase();
    lookup(hostname, { all: true, family: familyOf(options.family) })
      .then((addresses) => {
        if (!this.hosts.has(host)) for (const { address } of addresses) this.checkAddress(address);
        const [first] = addresses;
        if (!first) throw new Error(`${hostname} has no address`);
        if (options.all === true) callback(null, addresses);
        else callback(null, first.address, first.family);
      })
      .catch((error: unknown) => {
        callback(error as NodeJS.ErrnoException, '', 0);
      });
  };
}

function familyOf(family: number | string | undefined): number {
  return family === 4 || family === 'IPv4' ? 4 : family === 6 || family === 'IPv6' ? 6 : 0;
}

/** All of IPv6 that was ever given out lies in 2000::/3; the rest may lead anywhere (`::127.0.0.1`). */
const GLOBAL_IPV6 = ipaddr.parseCIDR('2000::/3');

function isPublic(address: ipaddr.IPv4 | ipaddr.IPv6): boolean {
  if (address.range() !== 'unicast') return false;
  return address.kind() === 'ipv4' || matches(address, GLOBAL_IPV6);
}

function wholeAddress(address: string): Range {
  const parsed = ipaddr.parse(address);
  return [parsed, parsed.kind() === 'ipv4' ? 32 : 128];
}

function matches(address: ipaddr.IPv4 | ipaddr.IPv6, range: Range): boolean {
  return address.kind() === range[0].kind() && address.match(range);
}

function bareHost(url: URL): string {
  return url.hostname
    .toLowerCase()
    .replace(/^\[|\]$/g, '')
    .replace(/\.$/, '');
}

function isLocalName(host: string): boolean {
  return host === 'localhost' || host.endsWith('.localhost') || !host.includes('.');
}
