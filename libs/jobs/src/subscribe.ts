import { Cluster } from 'ioredis';
import type { RedisConnection } from './redis.js';
import { subscribeToCluster } from './subscribe.cluster.js';
import { LISTENING, pingOften } from './subscriber.js';

/**
 * Listens to a channel, on a connection of its own.
 * @param onGap called whenever the connection is there again: what was said meanwhile was missed.
 * @returns stops listening.
 */
export async function subscribe(
  redis: RedisConnection,
  channel: string,
  listener: (message: string) => void,
  onGap: () => void = () => undefined,
): Promise<() => void> {
  if (redis instanceof Cluster) return subscribeToCluster(redis, channel, listener, onGap);
  const subscriber = redis.duplicate(LISTENING);
  subscriber.on('error', () => undefined);
  subscriber.on('message', (_, message) => {
    listener(message);
  });
  if (subscriber.status === 'wait') await subscriber.connect();
  await subscriber.subscribe(channel);
  subscriber.on('ready', () => {
    // ioredis subscribes again by itself; from this answer on nothing is missed.
    subscriber.subscribe(channel).then(onGap, () => undefined);
  });
  const stopPings = pingOften(subscriber);
  return () => {
    stopPings();
    subscriber.disconnect();
  };
}
