import { type AddressRange, type OutboundRule, parseOutboundRule } from '#libs/config';
import type { Address } from './public-address.js';

/** What the operator opens although it is not public, or not at the default port. */
export class OutboundRules {
  private readonly rules: OutboundRule[];

  /** @throws TypeError for an entry that OUTBOUND_ALLOW cannot have. */
  constructor(entries: readonly string[]) {
    this.rules = entries.map((entry) => {
      const rule = parseOutboundRule(entry);
      if (!rule) throw new TypeError(`nothing can be opened by ${JSON.stringify(entry)}`);
      return rule;
    });
  }

  /** The name may be called at this port, wherever it leads. */
  openHost(host: string, port: number): boolean {
    return this.rules.some((r) => r.kind === 'host' && r.host === host && covers(r, port));
  }

  openAddress(address: Address, port: number): boolean {
    return this.rules.some(
      (r) => r.kind === 'range' && isWithin(address, r.range) && covers(r, port),
    );
  }

  /** Every public host may be called at this port. */
  openPort(port: number): boolean {
    return this.rules.some((r) => r.kind === 'port' && r.port === port);
  }

  /** Some address may be called at this port: where a name leads decides. */
  mayOpen(port: number): boolean {
    return this.rules.some((r) => r.kind === 'range' && covers(r, port));
  }
}

function covers(rule: { port: number | null }, port: number): boolean {
  return rule.port === null || rule.port === port;
}

function isWithin(address: Address, range: AddressRange): boolean {
  return address.kind() === range[0].kind() && address.match(range);
}
