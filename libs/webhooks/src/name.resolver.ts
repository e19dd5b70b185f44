import type { LookupAddress } from 'node:dns';
import { Resolver } from 'node:dns/promises';

/** Tries of each name server, the second with twice the time. */
const TRIES = 2;

/**
 * Asks name servers, and not the hosts file. It waits on sockets (c-ares): a name server that does not
 * answer holds up nobody else, as it would in the few threads of `dns.lookup`.
 */
export class NameResolver {
  private readonly resolver: Resolver;

  /** @param servers `address`, `address:port` or `[v6]:port`; none: the system's. */
  constructor(servers: readonly string[], timeoutMs: number) {
    this.resolver = new Resolver({ timeout: timeoutMs, tries: TRIES });
    if (servers.length > 0) this.resolver.setServers(servers);
  }

  /**
   * All addresses of a name, IPv4 first.
   * @throws Error with a `code` of node:dns, when neither family has any.
   */
  async resolve(name: string): Promise<LookupAddress[]> {
    const [v4, v6] = await Promise.allSettled([
      this.resolver.resolve4(name),
      this.resolver.resolve6(name),
    ]);
    if (v4.status === 'rejected' && v6.status === 'rejected') {
      // That there is none of the other family explains nothing.
      throw codeOf(v4.reason) === 'ENODATA' ? v6.reason : v4.reason;
    }
    return [...found(v4, 4), ...found(v6, 6)];
  }
}

function found(look: PromiseSettledResult<string[]>, family: number): LookupAddress[] {
  return look.status === 'rejected' ? [] : look.value.map((address) => ({ address, family }));
}

function codeOf(error: unknown): unknown {
  return (error as NodeJS.ErrnoException).code;
}
