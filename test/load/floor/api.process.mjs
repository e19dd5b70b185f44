// The floor's API: takes whatever comes and puts it on a queue.
import { Queue } from 'bullmq';
import fastify from 'fastify';
import { QUEUE, redisOptions } from './queue.mjs';

const queue = new Queue(QUEUE, { connection: redisOptions() });
const app = fastify();

app.post('/predict', async (request, reply) => {
  const { id } = await queue.add('predict', request.body, {
    removeOnComplete: true,
    removeOnFail: true,
  });
  reply.code(202);
  return { id };
});

for (const event of ['SIGTERM', 'disconnect']) process.once(event, () => process.exit(0));
process.send?.({ url: await app.listen({ port: 0, host: '127.0.0.1' }) });
