import { EventStream } from '#libs/testing';
import { chaosCase } from '../support/chaos-case.js';
import { Laggard } from '../support/laggard.js';
import { echoes, type Work } from '../support/workloads.js';
import type { World } from '../support/world.js';

const KEY = { authorization: 'Bearer chaos-key-that-no-log-may-hold' };
/** Of a result of some MB: more than lies in the buffers between an api and who does not read. */
const ELEMENTS = 200_000;
const HEARTBEAT_S = 1;
const ROWS = 200;
const ITERATIONS = 400;
const OUTPUTS = JSON.stringify(Array(ROWS).fill({ echo: [ITERATIONS] }));

chaosCase(
  {
    name: 'slow-readers',
    apps: ['api', 'worker', 'courier'],
    models: ['fixture:slow', 'fixture:masked_mean'],
    env: { EVENTS_HEARTBEAT_S: String(HEARTBEAT_S), PUBLIC_URL: 'http://foretell.test' },
    long: { laggards: 60, followers: 100 },
  },
  async (world, { laggards, followers }) => {
    world.load.start({ ratePerS: 20, workloads: [echoes], hooked: 0.3 });
    const { client } = world.foretell;
    const large = await client.withHeaders(KEY).predict('masked_mean', {
      input: { x: Array(ELEMENTS).fill(0.1), mask: Array(ELEMENTS).fill(1) },
    });
    const lag = (path: string) =>
      Promise.all(
        Array.from({ length: laggards }, () => Laggard.ask(new URL(path, client.url), KEY)),
      );

    await world.fault(`${laggards} readers of events that take nothing`, async () => {
      const measured = await untilDropped(await lag(`/v1/jobs/${large.id}/events`));
      // Four heartbeats, from when the buffers between the two are full.
      const bound = 3 * 4 * HEARTBEAT_S * 1000;
      world.promise('a reader of events that takes nothing is dropped within', { bound, measured });
    });

    await world.fault(`${followers} readers of events that vanish and return`, () =>
      Promise.all(Array.from({ length: followers }, () => follow(world))),
    );

    await world.fault(`${laggards} readers of results that take nothing`, async () => {
      const measured = await untilDropped(await lag(`/v1/jobs/${large.id}`));
      const bound = 150_000;
      world.promise('a reader of results that takes nothing is dropped within', {
        bound,
        measured,
      });
    });

    const [api] = world.running('api');
    await world.add('api');
    await world.fault(`an api is stopped that has ${laggards} such readers`, async () => {
      await lag(`/v1/jobs/${large.id}`);
      const began = performance.now();
      const code = api && (await world.kill(api, 'SIGTERM'));
      if (code !== 0) throw new Error(`the api ended with ${code}`);
      world.promise('the api is gone within', {
        bound: 25_000,
        measured: performance.now() - began,
      });
    });
  },
);

/** @returns how long that took, ms. */
async function untilDropped(laggards: Laggard[]): Promise<number> {
  const began = performance.now();
  for (const laggard of laggards) await laggard.dropped();
  return performance.now() - began;
}

/** Reads the events of a job of its own, and hangs up again and again. @throws Error where one is lost or comes twice. */
async function follow({ load, random, urls }: World): Promise<void> {
  const job = await load.submit(rows(), { key: `follower-${random.next()}` });
  if (!job) throw new Error('it was not accepted');
  const outputs: unknown[] = [];
  const seen = new Set<string>();
  let last: string | undefined;
  for (let ended = false; !ended;) {
    const headers = { ...KEY, ...(last !== undefined && { 'last-event-id': last }) };
    const stream = await EventStream.open(new URL(`/v1/jobs/${job.id}/events`, urls[0]), headers);
    for (;;) {
      const event = await stream.next();
      if (event === null) break;
      if (event.id === undefined) continue;
      if (seen.has(event.id)) throw new Error(`event ${event.id} came twice`);
      seen.add((last = event.id));
      if (event.event === 'output') outputs.push(...(event.data as { outputs: unknown[] }).outputs);
      ended = event.event === 'end';
      if (ended || random.chance(0.5)) break;
    }
    stream.close();
  }
  if (JSON.stringify(outputs) !== OUTPUTS) throw new Error(`${job.id}: outputs are lost or twice`);
}

/** A job of several batches. */
function rows(): Work {
  return {
    model: 'slow',
    body: { inputs: Array(ROWS).fill([ITERATIONS]) },
    check: ({ status, outputs }) =>
      JSON.stringify(outputs) === OUTPUTS ? null : `${status}, with other outputs`,
  };
}
