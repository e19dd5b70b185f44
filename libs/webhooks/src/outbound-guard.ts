import ipaddr from 'ipaddr.js';
import { LRUCache } from 'lru-cache';
import type { LookupAddress } from 'node:dns';
import { lookup } from 'node:dns/promises';
import { isIP, type LookupFunction } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import {
  type Destination,
  destinationOf,
  isLocalName,
  isPossibleName,
  isSpelledOut,
} from './destination.js';
import { NameResolver } from './name.resolver.js';
import { OutboundForbidden } from './outbound-forbidden.js';
import { OutboundRules } from './outbound-rules.js';
import { isPublic } from './public-address.js';

const DNS_TIMEOUT_MS = 1000;
/** How long a submission trusts what an earlier one has looked up. */
const REMEMBERED_MS = 30_000;
const MAX_REMEMBERED = 1000;

export interface OutboundGuardOptions {
  /** Entries of OUTBOUND_ALLOW. */
  allow: readonly string[];
  /** Entries of OUTBOUND_DNS; none: the name servers of the system. */
  nameServers?: readonly string[];
  /** Of one question to one name server, and of a submission for its name. */
  dnsTimeoutMs?: number;
}

/**
 * Decides which addresses calls that callers cause may reach: public ones at the default port, and those that
 * the operator allows. It is asked twice: with the URL when it is handed in, and with the addresses at the
 * moment of connecting, so that a name which changes its mind in between gains nothing.
 */
export class OutboundGuard {
  private readonly rules: OutboundRules;
  private readonly resolver: NameResolver;
  /** Addresses by name; none where the look-up failed or took too long. */
  private readonly remembered: LRUCache<string, readonly LookupAddress[]>;

  constructor({ allow, nameServers = [], dnsTimeoutMs = DNS_TIMEOUT_MS }: OutboundGuardOptions) {
    this.rules = new OutboundRules(allow);
    this.resolver = new NameResolver(nameServers, dnsTimeoutMs);
    this.remembered = new LRUCache<string, readonly LookupAddress[]>({
      max: MAX_REMEMBERED,
      ttl: REMEMBERED_MS,
      fetchMethod: (host) =>
        Promise.race([
          this.resolver.resolve(host).catch(() => []),
          delay(dnsTimeoutMs, [], { ref: false }),
        ]),
    });
  }

  /**
   * Checks everything that can be told without a look-up.
   * @throws OutboundForbidden
   */
  checkUrl(text: string): URL {
    const url = URL.parse(text);
    if (!url) throw new OutboundForbidden('it is not a URL');
    if (!/^https?:\/\//i.test(text)) {
      throw new OutboundForbidden('it must start with http:// or https://');
    }
    if (url.username !== '' || url.password !== '') {
      throw new OutboundForbidden('it must not carry a user or password');
    }
    const destination = destinationOf(url);
    const { host, port } = destination;
    if (isIP(host) !== 0) {
      if (!isSpelledOut(text, url)) {
        throw new OutboundForbidden(`it must spell its address as ${host}`);
      }
      this.checkAddress(host, destination);
    } else if (!this.rules.openHost(host, port)) {
      if (!isPossibleName(host)) throw new OutboundForbidden('its host is no name that can exist');
      if (isLocalName(host)) throw new OutboundForbidden(`${host} is a local name`);
      if (!this.mayUsePort(destination) && !this.rules.mayOpen(port)) throw portClosed(port);
    }
    return url;
  }

  /**
   * `checkUrl`, and a look-up of the name, so that whoever hands in a URL hears of it at once. A look-up that
   * fails or takes long lets pass: connecting will judge.
   * @throws OutboundForbidden
   */
  async checkTarget(text: string): Promise<URL> {
    const url = this.checkUrl(text);
    const destination = destinationOf(url);
    const { host, port } = destination;
    if (isIP(host) !== 0 || this.rules.openHost(host, port)) return url;
    // A look-up that made way for others is rejected.
    const addresses = await this.remembered.fetch(host).catch(() => []);
    this.checkAddresses(addresses ?? [], destination);
    return url;
  }

  /**
   * A look-up for `net.connect` to an origin, which yields nothing but addresses that may be reached. An
   * address in place of a name is not looked up: that is for `checkUrl`.
   */
  lookupFor(origin: URL): LookupFunction {
    const destination = destinationOf(origin);
    return (_, { all, family }, callback) => {
      this.resolve(destination)
        .then((addresses) => {
          const usable = addresses.filter((a) => isOfFamily(a, family));
          const [first] = usable;
          if (!first) callback(noAddress(destination.host), '', 0);
          else if (all === true) callback(null, usable);
          else callback(null, first.address, first.family);
        })
        .catch((error: unknown) => {
          callback(error as NodeJS.ErrnoException, '', 0);
        });
    };
  }

  private async resolve(destination: Destination): Promise<LookupAddress[]> {
    const { host, port } = destination;
    // Names that the operator opens may live in the hosts file, or wherever else the system looks.
    if (this.rules.openHost(host, port)) return lookup(host, { all: true });
    const addresses = await this.resolver.resolve(host);
    this.checkAddresses(addresses, destination);
    return addresses;
  }

  /** One that may not be reached is enough: who mixes them in is up to something. */
  private checkAddresses(addresses: readonly LookupAddress[], destination: Destination): void {
    for (const { address } of addresses) this.checkAddress(address, destination);
  }

  private checkAddress(address: string, destination: Destination): void {
    const { host, port } = destination;
    const parsed = ipaddr.parse(address);
    if (this.rules.openAddress(parsed, port)) return;
    if (!isPublic(parsed)) {
      // The caller need not learn what names of the inside lead to.
      const subject = address === host ? `${host} is` : `${host} leads to`;
      throw new OutboundForbidden(`${subject} an address that is not public`);
    }
    if (!this.mayUsePort(destination)) throw portClosed(port);
  }

  private mayUsePort({ port, isDefaultPort }: Destination): boolean {
    return isDefaultPort || this.rules.openPort(port);
  }
}

function isOfFamily({ family }: LookupAddress, asked: number | string | undefined): boolean {
  if (asked === undefined || asked === 0) return true;
  return family === (asked === 6 || asked === 'IPv6' ? 6 : 4);
}

function portClosed(port: number): OutboundForbidden {
  return new OutboundForbidden(`port ${String(port)} may not be called`);
}

function noAddress(host: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${host} has no address`), { code: 'ENOTFOUND' });
}
