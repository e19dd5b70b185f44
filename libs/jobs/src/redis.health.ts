import { Cluster, type Redis } from 'ioredis';
import { mastersOf } from './redis.cluster.js';
import { field } from './redis.info.js';
import type { RedisConnection } from './redis.js';

const TIMEOUT_MS = 1000;
/** Between two looks at whether Redis still answers. */
const LOOK_MS = 250;
/** How long a process that is to end waits for a Redis that does not answer, where it holds something. */
const HOLD_MS = 12_000;

export interface RedisMemory {
  usedBytes: number;
  /** 0: no limit. */
  maxBytes: number;
}

/** Whether Redis answers, within a second, and how full it is. */
export class RedisHealth {
  constructor(private readonly redis: RedisConnection) {}

  /** Whether the connection stands; one that hangs still does. */
  get isUp(): boolean {
    return this.redis.status === 'ready';
  }

  /** Calls `listener` whenever a connection that stood is lost. */
  onDown(listener: () => void): void {
    let wasUp = this.isUp;
    this.redis.on('ready', () => (wasUp = true));
    // Also told of every attempt that fails.
    this.redis.on('close', () => {
      if (wasUp) listener();
      wasUp = false;
    });
  }

  /**
   * Of a cluster, one master that is sure of the others is enough: its slots are served.
   * @throws Error when it does not answer.
   */
  async ping(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        reject(new Error(`Redis did not answer within ${String(TIMEOUT_MS)} ms`));
      }, TIMEOUT_MS);
    });
    try {
      await Promise.race([this.answer(), late]);
    } finally {
      clearTimeout(timer);
    }
  }

  /**
   * For a process that is to end: resolves when `work` is done or, as that would use up the time there is,
   * once Redis does not answer. What cannot be brought to its end is left to others.
   * @param holds whether there is something that is worth waiting for Redis to come back, for 12 s.
   * @returns whether the work is done. @throws what it threw.
   */
  async doneOrAway(work: Promise<unknown>, holds: () => boolean = () => false): Promise<boolean> {
    const done = work.then(() => true);
    const deadline = performance.now() + HOLD_MS;
    for (;;) {
      const look = new Promise<false>((resolve) => setTimeout(resolve, LOOK_MS, false).unref());
      if (await Promise.race([done, look])) return true;
      const answers = await this.ping().then(
        () => true,
        () => false,
      );
      if (!answers && (!holds() || performance.now() > deadline)) return false;
    }
  }

  /** Of a cluster: of the fullest node. */
  async memory(): Promise<RedisMemory> {
    const all = await Promise.all(mastersOf(this.redis).map(memoryOf));
    const [first = { usedBytes: 0, maxBytes: 0 }, ...others] = all;
    return others.reduce((most, next) => (fullness(next) > fullness(most) ? next : most), first);
  }

  private async answer(): Promise<unknown> {
    return this.redis instanceof Cluster
      ? Promise.any(mastersOf(this.redis).map(checkServing))
      : this.redis.ping();
  }
}

async function checkServing(node: Redis): Promise<void> {
  const info = await node.cluster('INFO');
  if (!info.includes('cluster_state:ok')) throw new Error('the cluster is down');
}

async function memoryOf(node: Redis): Promise<RedisMemory> {
  const info = await node.info('memory');
  return {
    usedBytes: Number(field(info, 'used_memory')),
    maxBytes: Number(field(info, 'maxmemory')),
  };
}

function fullness({ usedBytes, maxBytes }: RedisMemory): number {
  return maxBytes > 0 ? usedBytes / maxBytes : 0;
}
