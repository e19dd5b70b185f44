import type { Redis } from 'ioredis';

/**
 * Listens to a channel, on a connection of its own.
 * @param onGap called whenever the connection is there again: what was said meanwhile was missed.
 * @returns stops listening.
 */
export async function subscribe(
  redis: Redis,
  channel: string,
  listener: (message: string) => void,
  onGap: () => void = () => undefined,
): Promise<() => void> {
  const subscriber = redis.duplicate({
    maxRetriesPerRequest: null,
    enableOfflineQueue: true,
    enableAutoPipelining: false,
  });
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
  return () => {
    subscriber.disconnect();
  };
}
