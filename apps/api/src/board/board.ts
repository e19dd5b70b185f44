import { createBullBoard } from '@bull-board/api';
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import { FastifyAdapter } from '@bull-board/fastify';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { type Config, isLoopback } from '#libs/config';
import { type Bundle, type JobMessage, PredictQueues } from '#libs/jobs';
import { ModelCatalog } from '../models/model.catalog.js';
import { boardAccess } from './board.access.js';

const PATH = '/admin/queues';

/**
 * Bull Board over the models' queues. Inputs, which small jobs carry, are not shown. Predictions are for looking at only: a
 * job removed behind its record's back would never end.
 */
export async function mountBoard(app: NestFastifyApplication, config: Config): Promise<void> {
  const { BOARD_PASSWORD, HOST } = config.server;
  if (BOARD_PASSWORD === undefined && !isLoopback(HOST)) return;

  const queues = app.get(PredictQueues);
  const catalog = app.get(ModelCatalog);
  const serverAdapter = new FastifyAdapter().setBasePath(PATH);
  const board = createBullBoard({
    queues: [],
    serverAdapter,
    options: { uiConfig: { boardTitle: 'Foretell', hideRedisDetails: true } },
  });

  const models = new Map<string, BullMQAdapter>();
  catalog.onNames((names) => {
    for (const name of names.filter((n) => !models.has(n))) {
      const description = `Jobs of ${name}`;
      const adapter = new BullMQAdapter(queues.of(name), { readOnlyMode: true, description });
      adapter.setFormatter('data', withoutInputs);
      models.set(name, adapter);
    }
    board.replaceQueues(names.flatMap((name) => models.get(name) ?? []));
  });

  const fastify = app.getHttpAdapter().getInstance();
  await fastify.register(async (scope) => {
    if (BOARD_PASSWORD !== undefined) scope.addHook('onRequest', boardAccess(BOARD_PASSWORD));
    await scope.register(serverAdapter.registerPlugin() as never, { prefix: PATH });
  });
}

function withoutInputs({ jobs }: Bundle): { jobs: Partial<JobMessage>[] } {
  return {
    jobs: jobs.map(({ input, ...shown }) =>
      input === undefined ? shown : { ...shown, input: '[redacted]' },
    ),
  };
}
