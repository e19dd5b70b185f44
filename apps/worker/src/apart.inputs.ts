import { Injectable, Logger } from '@nestjs/common';
import { HandBack, Payloads, type TakenJob } from '#libs/jobs';
import { LastingTrouble } from '#libs/telemetry';

/** Inputs that are fetched, or have been and are still needed; a larger one has all room for itself. */
const MAX_BYTES = 256 * 1024 * 1024;
/** Before a job whose store is out of reach is taken again. */
const AWAY_DELAY_MS = 2000;

/**
 * Fetches inputs that are stored apart before their jobs go to a batcher, so that no runner waits for a
 * store; several at a time, as far as memory allows.
 */
@Injectable()
export class ApartInputs {
  private readonly trouble = new LastingTrouble(new Logger('Inputs'));
  private readonly line: { bytes: number; enter: () => void }[] = [];
  private heldBytes = 0;
  private stopping = false;

  constructor(private readonly payloads: Payloads) {}

  /**
   * @param serve is given the job with its input, or without where that has gone for good.
   * @throws HandBack when the store is out of reach, or this worker is to stop; else what `serve` throws.
   */
  async bring(taken: TakenJob, serve: (brought: TakenJob) => Promise<void>): Promise<void> {
    const { message } = taken;
    await this.enter(message.bytes);
    try {
      const input = await this.fetch(message.id);
      await serve(input === null ? taken : { ...taken, message: { ...message, input } });
    } finally {
      this.leave(message.bytes);
    }
  }

  /** What waits for room goes back. */
  stop(): void {
    this.stopping = true;
    this.admit();
  }

  private async fetch(id: string): Promise<string | null> {
    if (this.stopping) throw new HandBack(0);
    try {
      return await this.payloads.input(id);
    } catch (err) {
      this.trouble.met(err, 'inputs not fetched, jobs handed back');
      throw new HandBack(AWAY_DELAY_MS);
    }
  }

  private enter(bytes: number): Promise<void> {
    return new Promise((enter) => {
      this.line.push({ bytes, enter });
      this.admit();
    });
  }

  private leave(bytes: number): void {
    this.heldBytes -= bytes;
    this.admit();
  }

  private admit(): void {
    for (let next = this.line[0]; next && this.hasRoom(next.bytes); next = this.line[0]) {
      this.line.shift();
      this.heldBytes += next.bytes;
      next.enter();
    }
  }

  private hasRoom(bytes: number): boolean {
    return this.stopping || this.heldBytes === 0 || this.heldBytes + bytes <= MAX_BYTES;
  }
}
