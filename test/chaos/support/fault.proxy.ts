import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { type AfterLoss, FaultLink } from './fault.link.js';
import type { RedisCommand } from './resp.reader.js';
import type { LineShape } from './slow.line.js';

export type Matches = (command: RedisCommand) => boolean;

interface Loss {
  matches: Matches;
  after: AfterLoss;
  left: number;
  done: () => void;
}

/** A TCP proxy before a Redis that does to connections what networks do. Without a fault it passes on everything. */
export class FaultProxy {
  private readonly links = new Set<FaultLink>();
  private losses: Loss[] = [];
  private up: LineShape = {};
  private down: LineShape = {};
  private refuses = false;

  private constructor(
    private readonly server: Server,
    private readonly targetPort: number,
  ) {
    server.on('connection', (client) => this.take(client));
  }

  /** Listens on a free port of the loopback. @param targetPort of the loopback, too. */
  static async start(targetPort: number): Promise<FaultProxy> {
    const proxy = new FaultProxy(createServer({ allowHalfOpen: true }), targetPort);
    proxy.server.listen(0, '127.0.0.1');
    await once(proxy.server, 'listening');
    return proxy;
  }

  get url(): string {
    return `redis://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** How commands (`up`) and replies (`down`) travel from now on, over open connections as well. */
  shape({ up = {}, down = {} }: { up?: LineShape; down?: LineShape }): void {
    this.up = up;
    this.down = down;
  }

  /** Resets every connection that `picks` says. @returns how many. */
  cut(picks: () => boolean = () => true): number {
    const picked = this.pick(picks);
    for (const link of picked) link.cut();
    return picked.length;
  }

  /** Whether new connections are reset at once. */
  refuse(refuses: boolean): void {
    this.refuses = refuses;
  }

  /**
   * Open connections that `picks` says become half-open for good: neither end hears of the other again, nor
   * of its going. New ones work. @returns how many.
   */
  halfOpen(picks: () => boolean = () => true): number {
    const picked = this.pick(picks);
    for (const link of picked) link.silence();
    return picked.length;
  }

  /**
   * Lets Redis run the next `times` commands that match, and loses their replies and all that follow on their
   * connections. Resolves when that many have come by.
   */
  loseReplies(matches: Matches, times = 1, after: AfterLoss = 'cut'): Promise<void> {
    return new Promise((done) => this.losses.push({ matches, after, left: times, done }));
  }

  /** What comes from now on is passed on; what has become half-open stays so. */
  heal(): void {
    this.shape({});
    this.refuses = false;
    this.losses = [];
  }

  async stop(): Promise<void> {
    this.refuses = true;
    this.server.close();
    for (const link of this.links) link.cut();
    await once(this.server, 'close');
  }

  private pick(picks: () => boolean): FaultLink[] {
    return [...this.links].filter((link) => !link.isSilent && picks());
  }

  private take(client: Socket): void {
    if (this.refuses) {
      client.resetAndDestroy();
      return;
    }
    const link = new FaultLink({
      client,
      targetPort: this.targetPort,
      up: () => this.up,
      down: () => this.down,
      onCommands: (commands) => this.lossAmong(commands),
      onGone: () => this.links.delete(link),
    });
    this.links.add(link);
  }

  private lossAmong(commands: readonly RedisCommand[]): AfterLoss | undefined {
    const loss = this.losses.find(({ matches }) => commands.some(matches));
    if (!loss) return undefined;
    loss.left--;
    if (loss.left === 0) {
      this.losses = this.losses.filter((other) => other !== loss);
      loss.done();
    }
    return loss.after;
  }
}
