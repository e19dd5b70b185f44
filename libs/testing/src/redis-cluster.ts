import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { freePort, startTestRedis, type TestRedis } from './redis.js';

const MASTERS = 3;
const SLOTS = 16_384;
const LOOK_MS = 50;
/** A master that is silent for so long is replaced by its replica. */
const NODE_TIMEOUT_MS = 1000;

/** A Redis Cluster of a test's own: three masters, each with a replica. */
export interface TestCluster {
  /** Of all six nodes. */
  url: string;
  /** The masters; then their replicas, in the same order. */
  nodes: TestRedis[];
  stop(): Promise<void>;
}

/** @param args further arguments of every `redis-server`. */
export async function startTestCluster(args: readonly string[] = []): Promise<TestCluster> {
  const nodes = await startNodes(async (own) => startTestRedis({ args: [...own, ...args] }));
  return {
    url: urlOf(nodes),
    nodes,
    stop: async () => {
      await Promise.all(nodes.map((node) => node.stop()));
    },
  };
}

/**
 * Starts six servers by `start` and makes a cluster of them: three masters, then their replicas in the same order.
 * @param start is given arguments of `redis-server`.
 */
export async function startNodes<T extends TestRedis>(
  start: (args: string[]) => Promise<T>,
): Promise<T[]> {
  const buses = await Promise.all(Array.from({ length: 2 * MASTERS }, freePort));
  const nodes = await Promise.all(buses.map((bus) => start(argsOf(bus))));
  const connections = nodes.map(({ url }) => new Redis(url));
  try {
    await form(nodes, buses, connections);
  } finally {
    for (const connection of connections) connection.disconnect();
  }
  return nodes;
}

/** Names all of them. */
export function urlOf(nodes: readonly TestRedis[]): string {
  return `redis://${nodes.map(({ port }) => `127.0.0.1:${String(port)}`).join(',')}`;
}

/** @param bus port at which the nodes speak to each other: by default there may be none. */
function argsOf(bus: number): string[] {
  const settings = {
    'cluster-enabled': 'yes',
    'cluster-port': String(bus),
    'cluster-node-timeout': String(NODE_TIMEOUT_MS),
    // A master waits 5 s for further replicas otherwise.
    'repl-diskless-sync-delay': '0',
  };
  return Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]);
}

async function form(
  nodes: readonly TestRedis[],
  buses: readonly number[],
  connections: readonly Redis[],
): Promise<void> {
  const ids = await Promise.all(connections.map((node) => node.cluster('MYID')));
  const [masters, replicas] = [connections.slice(0, MASTERS), connections.slice(MASTERS)];
  for (const [i, master] of masters.entries()) {
    const from = Math.floor((i * SLOTS) / MASTERS);
    const to = Math.floor(((i + 1) * SLOTS) / MASTERS) - 1;
    await master.cluster('ADDSLOTSRANGE', from, to);
    await master.cluster('SET-CONFIG-EPOCH', i + 1);
  }
  for (const [i, bus] of buses.entries()) {
    if (i > 0) await masters[0]?.cluster('MEET', '127.0.0.1', nodes[i]?.port ?? 0, bus);
  }
  await untilAll(connections, `cluster_known_nodes:${String(nodes.length)}`);
  await Promise.all(replicas.map((replica, i) => replica.cluster('REPLICATE', String(ids[i]))));
  await untilAll(connections, 'cluster_state:ok');
  await untilAll(replicas, 'master_link_status:up');
}

/** Looks at what each says of the cluster and of its replication. */
async function untilAll(nodes: readonly Redis[], line: string): Promise<void> {
  for (const node of nodes) {
    const told = async () => `${await node.cluster('INFO')}${await node.info('replication')}`;
    while (!(await told()).includes(`${line}\r`)) await sleep(LOOK_MS);
  }
}
