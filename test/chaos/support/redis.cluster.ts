import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { startNodes, urlOf } from '#libs/testing';
import { RedisProcess } from './redis.process.js';

const LOOK_MS = 50;

/** Six servers, each of which can die and come back: three masters and a replica of each. */
export class RedisCluster {
  private constructor(
    readonly nodes: readonly RedisProcess[],
    readonly first: RedisProcess,
  ) {}

  static async start(): Promise<RedisCluster> {
    const nodes = await startNodes((args) => RedisProcess.start(args));
    const [first] = nodes;
    if (!first) throw new Error('no node was started');
    return new RedisCluster(nodes, first);
  }

  get url(): string {
    return urlOf(this.nodes);
  }

  /** Those that hold slots now. */
  async masters(): Promise<RedisProcess[]> {
    const roles = await Promise.all(this.nodes.map((node) => tells(node, 'role:master')));
    return this.nodes.filter((_, i) => roles[i]);
  }

  /** Resolves once a replica of `node` has taken over, and all slots are served. */
  async hasReplaced(node: RedisProcess): Promise<void> {
    const others = this.nodes.filter((other) => other !== node);
    for (;;) {
      const roles = await Promise.all(others.map((other) => tells(other, 'role:master')));
      const served = await Promise.all(others.map((other) => tells(other, 'cluster_state:ok')));
      if (roles.filter(Boolean).length === 3 && served.every(Boolean)) return;
      await delay(LOOK_MS);
    }
  }

  /** Resolves once it follows a master, with all that this has. */
  async hasFollowed(node: RedisProcess): Promise<void> {
    while (!(await tells(node, 'master_link_status:up'))) await delay(LOOK_MS);
  }

  async stop(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.stop()));
  }
}

/** Whether this line is in what it says of itself. */
async function tells(node: RedisProcess, line: string): Promise<boolean> {
  const redis = new Redis(node.url);
  try {
    const told = `${await redis.cluster('INFO')}${await redis.info('replication')}`;
    return told.includes(`${line}\r`);
  } finally {
    redis.disconnect();
  }
}
