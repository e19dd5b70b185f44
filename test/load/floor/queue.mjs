export const QUEUE = 'floor';

/** Commands of one turn of the event loop go to Redis together. */
export function redisOptions() {
  const { hostname, port } = new URL(process.env.REDIS_URL ?? '');
  return {
    host: hostname,
    port: Number(port),
    enableAutoPipelining: true,
    maxRetriesPerRequest: null,
  };
}
