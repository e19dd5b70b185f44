import { Cluster, type Redis, type RedisOptions } from 'ioredis';
import type { RedisConnection } from './redis.js';

/** From one look at who holds which slots to the next: a node that hangs never says that it was replaced. */
const LOOK_AGAIN_MS = 5000;
/** Tries while a replica takes over, 100 ms apart; whoever owes an answer gives up before its caller does. */
const FAILOVER_TRIES = 15;

/**
 * A connection to all nodes of a Redis Cluster.
 * @param node options of the connection to each; their database is the only one that a cluster has.
 * @param failFast see `openRedis`.
 */
export function connectCluster(
  urls: readonly string[],
  { username, password, tls, socketTimeout, commandTimeout, retryStrategy }: RedisOptions,
  failFast: boolean,
): Cluster {
  const cluster = new Cluster([...urls], {
    lazyConnect: true,
    // ioredis repeats what has met a failover, but no pipeline that has met it in several slots.
    enableAutoPipelining: false,
    enableOfflineQueue: !failFast,
    maxRedirections: failFast ? FAILOVER_TRIES : Infinity,
    slotsRefreshInterval: LOOK_AGAIN_MS,
    ...(retryStrategy && { clusterRetryStrategy: (attempt) => Number(retryStrategy(attempt)) }),
    // A certificate is of the name that a node is known by.
    dnsLookup: (name, found) => {
      found(null, name);
    },
    redisOptions: {
      ...(username !== undefined && { username }),
      ...(password !== undefined && { password }),
      ...(tls && { tls }),
      ...(socketTimeout !== undefined && { socketTimeout }),
      ...(commandTimeout !== undefined && { commandTimeout }),
    },
  });
  cluster.on('error', () => undefined);
  return cluster;
}

/** The servers that are written to: of a cluster several, else the one. */
export function mastersOf(redis: RedisConnection): Redis[] {
  return redis instanceof Cluster ? redis.nodes('master') : [redis];
}
