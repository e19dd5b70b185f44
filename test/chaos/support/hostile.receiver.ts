import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';

/** What a receiver does once it has a whole request, with all that HTTP has to say against it. */
type Misdeed = (socket: Socket) => void;

const ENDLESS = Buffer.alloc(65_536, 'x');

/** Writes a byte a second, for as long as somebody waits for it. */
function drip(socket: Socket, text: string): void {
  let at = 0;
  const timer = setInterval(() => socket.write(text[at++ % text.length] ?? ''), 1000);
  socket.once('close', () => {
    clearInterval(timer);
  });
}

/** Writes as fast as it is taken. */
function flood(socket: Socket): void {
  const more = () => {
    while (!socket.destroyed && socket.write(ENDLESS));
  };
  socket.on('drain', more);
  more();
}

export const MISDEEDS = {
  /** Nobody listens. */
  'is away': () => undefined,
  'never answers': () => undefined,
  'drips its status line': (socket) => {
    drip(socket, 'HTTP/1.1 200 OK\r\nx: ');
  },
  'drips its answer': (socket) => {
    socket.write('HTTP/1.1 500 Oops\r\ncontent-length: 1000000\r\n\r\n');
    drip(socket, 'x');
  },
  resets: (socket) => {
    socket.resetAndDestroy();
  },
  'closes without a word': (socket) => {
    socket.end();
  },
  'closes within its headers': (socket) => {
    socket.end('HTTP/1.1 200 OK\r\ncontent-le');
  },
  'closes within its answer': (socket) => {
    socket.end('HTTP/1.1 503 Later\r\ncontent-length: 1000\r\n\r\nhalf');
  },
  'answers 500': (socket) => {
    socket.end('HTTP/1.1 500 Oops\r\ncontent-length: 0\r\nconnection: close\r\n\r\n');
  },
  'redirects to itself': (socket) => {
    socket.end('HTTP/1.1 307 There\r\nlocation: /hook\r\ncontent-length: 0\r\n\r\n');
  },
  'answers without end': (socket) => {
    socket.write('HTTP/1.1 500 Oops\r\ncontent-type: text/plain\r\n\r\n');
    flood(socket);
  },
  'has headers without end': (socket) => {
    socket.write('HTTP/1.1 200 OK\r\nx: ');
    flood(socket);
  },
  'speaks no HTTP': (socket) => {
    socket.end('220 mail.example ESMTP\r\n');
  },
} satisfies Record<string, Misdeed>;

export type MisdeedName = keyof typeof MISDEEDS;

/** What came of a call: which delivery it was, and whether it was taken. */
export interface Call {
  webhookId: string;
  taken: boolean;
}

/** A receiver that does its worst, until it is told to behave. */
export class HostileReceiver {
  readonly calls: Call[] = [];
  private readonly sockets = new Set<Socket>();
  private readonly server: Server;
  private behaves = false;
  private port = 0;

  constructor(readonly name: MisdeedName) {
    this.server = createServer((socket) => {
      this.hear(socket);
    });
  }

  async start(): Promise<string> {
    this.server.listen(this.port, '127.0.0.1');
    await once(this.server, 'listening');
    ({ port: this.port } = this.server.address() as AddressInfo);
    if (this.name === 'is away' && !this.behaves) this.server.close();
    return `http://127.0.0.1:${this.port}/hook`;
  }

  /** From now on it takes all. */
  async behave(): Promise<void> {
    this.behaves = true;
    for (const socket of this.sockets) socket.destroy();
    if (!this.server.listening) await this.start();
  }

  /** Ids of what it has taken. */
  get taken(): Set<string> {
    return new Set(this.calls.filter(({ taken }) => taken).map(({ webhookId }) => webhookId));
  }

  stop(): void {
    for (const socket of this.sockets) socket.destroy();
    this.server.close();
  }

  private hear(socket: Socket): void {
    this.sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('close', () => this.sockets.delete(socket));
    let text = '';
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1');
      const call = requestIn(text);
      if (call === null) return;
      text = '';
      this.calls.push({ ...call, taken: this.behaves });
      if (this.behaves) socket.write('HTTP/1.1 204 Thanks\r\n\r\n');
      else MISDEEDS[this.name](socket);
    });
  }
}

/** Null while the request is not whole. */
function requestIn(text: string): { webhookId: string } | null {
  const end = text.indexOf('\r\n\r\n');
  if (end < 0) return null;
  const headers = text.slice(0, end);
  const length = Number(/^content-length: (\d+)/im.exec(headers)?.[1] ?? 0);
  if (text.length < end + 4 + length) return null;
  return { webhookId: /^webhook-id: (\S+)/im.exec(headers)?.[1] ?? '' };
}
