import type { Socket } from 'node:net';

/** What a line does to what goes over it. */
export interface LineShape {
  /** Each byte arrives so much later. */
  delayMs?: number;
  bytesPerS?: number;
}

/** More than this on its way, and the sender has to wait, as it would before a full socket. */
const MAX_UNDER_WAY = 1024 * 1024;

/** One direction of a connection: whatever comes in at one end comes out at the other, in order, as late as its shape says. */
export class SlowLine {
  private readonly queue: { chunk: Buffer | null; due: number }[] = [];
  private bytes = 0;
  /** When all that came so far has been put on the line. */
  private freeAt = 0;
  private timer: NodeJS.Timeout | undefined;
  private isClosed = false;

  constructor(
    private readonly from: Socket,
    private readonly to: Socket,
    private readonly shape: () => LineShape,
  ) {}

  /** @param chunk null: the end. */
  send(chunk: Buffer | null): void {
    if (this.isClosed) return;
    const { delayMs = 0, bytesPerS = Infinity } = this.shape();
    const length = chunk?.length ?? 0;
    this.freeAt = Math.max(performance.now(), this.freeAt) + (1000 * length) / bytesPerS;
    this.queue.push({ chunk, due: this.freeAt + delayMs });
    this.bytes += length;
    if (this.bytes > MAX_UNDER_WAY) this.from.pause();
    if (!this.timer) this.deliver();
  }

  /** Takes nothing more, without a word; what is on its way still arrives. */
  close(): void {
    this.isClosed = true;
  }

  /** What is on its way is lost, too. */
  kill(): void {
    this.close();
    this.queue.length = 0;
  }

  private readonly deliver = (): void => {
    this.timer = undefined;
    for (let head = this.queue[0]; head; head = this.queue[0]) {
      const waitMs = head.due - performance.now();
      if (waitMs > 0) {
        this.timer = setTimeout(this.deliver, Math.ceil(waitMs));
        return;
      }
      this.queue.shift();
      this.bytes -= head.chunk?.length ?? 0;
      if (head.chunk) this.to.write(head.chunk);
      else this.to.end();
    }
    this.from.resume();
  };
}
