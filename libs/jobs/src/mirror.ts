import type { RedisConnection } from './redis.js';
import { subscribe } from './subscribe.js';

/** From a look that failed, as Redis is away, to the next. */
const LOOK_AGAIN_MS = 1000;
/** A connection may be dead for long before the system says so; what was told meanwhile is seen by then. */
const LOOK_ANYWAY_MS = 15_000;

/**
 * What is asked for too often to be looked up each time: every process keeps a copy in memory, is told of a
 * change on a channel, and then reads it all again.
 */
export class Mirror<T> {
  /** Looks are taken one after the other, so that an older answer never replaces a newer one. */
  private looks = Promise.resolve();
  private again: NodeJS.Timeout | undefined;
  private anyway: NodeJS.Timeout | undefined;
  private stop: (() => void) | undefined;

  /** @param take is given what was read, each time. */
  constructor(
    private readonly redis: RedisConnection,
    private readonly channel: string,
    private readonly read: () => Promise<T>,
    private readonly take: (copy: T) => void,
  ) {}

  /** Nothing is known before. */
  async open(): Promise<void> {
    const follow = () => {
      this.follow();
    };
    this.stop = await subscribe(this.redis, this.channel, follow, follow);
    await this.look();
    this.anyway = setInterval(follow, LOOK_ANYWAY_MS).unref();
  }

  close(): void {
    this.stop?.();
    clearTimeout(this.again);
    clearInterval(this.anyway);
  }

  /** Afterwards the copy has all that was written before. */
  look(): Promise<void> {
    const next = this.looks.then(async () => {
      this.take(await this.read());
    });
    this.looks = next.catch(() => undefined);
    return next;
  }

  private follow(): void {
    this.look().catch(() => {
      clearTimeout(this.again);
      this.again = setTimeout(() => {
        this.follow();
      }, LOOK_AGAIN_MS).unref();
    });
  }
}
