import { connect, type Socket } from 'node:net';
import { type RedisCommand, RespReader } from './resp.reader.js';
import { type LineShape, SlowLine } from './slow.line.js';

/** What becomes of a connection whose reply is lost: it breaks, or it stands and is silent from then on. */
export type AfterLoss = 'cut' | 'silent';

export interface LinkOptions {
  client: Socket;
  targetPort: number;
  /** How commands travel. */
  up: () => LineShape;
  /** How replies travel. */
  down: () => LineShape;
  /** Commands that are about to be passed on. @returns what becomes of the connection; undefined: nothing. */
  onCommands: (commands: readonly RedisCommand[]) => AfterLoss | undefined;
  onGone: () => void;
}

/** A connection of a client to Redis, as it goes through the proxy. */
export class FaultLink {
  private readonly client: Socket;
  private readonly server: Socket;
  private readonly up: SlowLine;
  private readonly down: SlowLine;
  private silent = false;

  constructor(options: LinkOptions) {
    const { client, targetPort, up, down, onCommands, onGone } = options;
    const server = connect({ port: targetPort, host: '127.0.0.1', allowHalfOpen: true });
    this.client = client;
    this.server = server;
    this.up = new SlowLine(client, server, up);
    this.down = new SlowLine(server, client, down);
    const reader = new RespReader();
    client.on('data', (chunk) => {
      const loss = onCommands(reader.read(chunk));
      this.up.send(chunk);
      if (loss) this.lose(loss);
    });
    server.on('data', (chunk) => this.down.send(chunk));
    client.on('end', () => this.up.send(null));
    server.on('end', () => this.down.send(null));
    client.on('close', () => {
      if (this.isSilent) return;
      server.destroy();
      onGone();
    });
    server.on('close', () => {
      if (!this.isSilent) client.destroy();
    });
    for (const socket of [client, server]) {
      socket.setNoDelay();
      socket.on('error', () => {
        if (!this.isSilent) this.cut();
      });
    }
  }

  /** It is half-open. */
  get isSilent(): boolean {
    return this.silent;
  }

  /** Both ends hear of it at once. */
  cut(): void {
    this.client.resetAndDestroy();
    this.server.resetAndDestroy();
  }

  /** Neither end hears of the other again, nor of its going. */
  silence(): void {
    this.silent = true;
    this.up.close();
    this.down.kill();
  }

  /** What Redis is told before it hears of the end, it still does. */
  private lose(after: AfterLoss): void {
    if (after === 'silent') {
      this.silence();
      return;
    }
    this.down.kill();
    this.up.send(null);
  }
}
