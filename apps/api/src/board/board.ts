import { createBullBoard } from '@bull-board/api';
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import { FastifyAdapter } from '@bull-board/fastify';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { type Config, isLoopback } from '#libs/config';
import { BoardSessions, type Bundle, type JobMessage, PredictQueues } from '#libs/jobs';
import { ModelCatalog } from '../models/model.catalog.js';
import { ApiKeys } from '../security/api-keys.js';
import { addLogin, LOGIN } from './board.login.js';
import { refuseCrossSite, onlyHere } from './board.guards.js';

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
    options: {
      uiConfig: {
        boardTitle: 'Foretell',
        hideRedisDetails: true,
        ...(BOARD_PASSWORD === undefined ? {} : { miscLinks: [{ text: 'Log out', url: LOGIN }] }),
      },
    },
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
    scope.addHook('onRequest', refuseCrossSite(config));
    if (BOARD_PASSWORD === undefined) scope.addHook('onRequest', onlyHere(app.get(ApiKeys)));
    else
      await addLogin(scope, {
        password: BOARD_PASSWORD,
        board: PATH,
        config,
        sessions: app.get(BoardSessions),
      });
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
