import { setTimeout as sleep } from 'node:timers/promises';
import type { Cluster, Redis } from 'ioredis';
import { LISTENING, pingOften } from './subscriber.js';

/** From a connection that is lost, or does not come about, to the next. */
const AGAIN_MS = 200;

/**
 * Listens to a channel of a Redis Cluster: any node tells what is said at any other. ioredis would do so by itself,
 * but not tell when it has moved from one that is lost to another. See `subscribe`.
 */
export async function subscribeToCluster(
  cluster: Cluster,
  channel: string,
  listener: (message: string) => void,
  onGap: () => void,
): Promise<() => void> {
  let stopped = false;
  let subscriber: Redis | undefined;

  const open = async () => {
    const nodes = cluster.nodes();
    const node = nodes[Math.floor(Math.random() * nodes.length)];
    if (!node) throw new Error('no node of the cluster is known');
    subscriber = node.duplicate({
      ...LISTENING,
      lazyConnect: true,
      retryStrategy: null,
      readOnly: false,
    });
    subscriber.on('error', () => undefined);
    subscriber.on('message', (_, message) => {
      listener(message);
    });
    await subscriber.connect();
    await subscriber.subscribe(channel);
    const stopPings = pingOften(subscriber);
    subscriber.once('end', () => {
      stopPings();
      void openAgain();
    });
  };

  const close = () => {
    if (subscriber?.status !== 'end') subscriber?.disconnect();
  };

  const openAgain = async () => {
    while (!stopped) {
      await sleep(AGAIN_MS, undefined, { ref: false });
      try {
        await open();
        onGap();
        break;
      } catch {
        close();
      }
    }
    if (stopped) close();
  };

  // A node that hangs does not end the connection, but is replaced sooner or later.
  const onNodeLost = ({ options: { host, port } }: Redis) => {
    if (subscriber?.options.host === host && subscriber?.options.port === port) close();
  };

  await open();
  cluster.on('-node', onNodeLost);
  return () => {
    stopped = true;
    cluster.off('-node', onNodeLost);
    close();
  };
}
