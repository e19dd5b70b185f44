import { setTimeout as delay } from 'node:timers/promises';
import type { AppName } from '../../e2e/support/installation.js';
import { chaosCase } from '../support/chaos-case.js';
import { echo, type Workload } from '../support/workloads.js';
import { WrongClock } from '../support/wrong-clock.js';

const WRONG: [AppName, number][] = [
  ['api', 60],
  ['api', -60],
  ['worker', 60],
  ['worker', -60],
  ['courier', 60],
  ['courier', -60],
];
/** Less than the clocks are off, and more than a job of this case takes. */
const SHORT_S = 45;
/** Processes agree on the time no better than Redis answers them, on a machine that is busy. */
const AGREED_MS = 250;

/** Jobs whose times are judged by several processes: too long after their submission they expire or are buried. */
const timed: Workload = (random) => {
  const work = echo([random.whole(1, 100)]);
  const limits = { queue_timeout_s: SHORT_S, result_ttl_s: SHORT_S };
  return {
    ...work,
    body: { ...work.body, ...limits },
    check: (view) => {
      const [created = NaN, started = NaN, ended = NaN] = [
        ...[view.created_at, view.started_at, view.ended_at].map((time) => Date.parse(time ?? '')),
      ];
      const inOrder = created <= started + AGREED_MS && started <= ended + AGREED_MS;
      return inOrder && ended < created + SHORT_S * 1000
        ? work.check(view)
        : `${view.status}: created, started and ended at ${created}, ${started}, ${ended}`;
    },
  };
};

chaosCase(
  {
    name: 'clocks',
    apps: ['api', 'worker', 'courier'],
    env: { PUBLIC_URL: 'http://foretell.test' },
    long: { seconds: 60, jumps: 20 },
  },
  async (world, { seconds, jumps }) => {
    const { load, random, foretell } = world;
    const clocks = await Promise.all(
      WRONG.map(async ([name, aheadS]) => {
        const clock = await WrongClock.startingAt(aheadS);
        await world.add(name, clock.env);
        return clock;
      }),
    );
    await foretell.client.untilSettled();
    load.start({ ratePerS: 10, workloads: [timed], hooked: 0.5, keyed: 0.3 });
    await world.fault('clocks a minute ahead and a minute behind', () => delay(seconds * 1000));
    for (let i = 0; i < jumps; i++) {
      await world.accepted(random.whole(5, 40));
      await world.fault('a clock that jumps', () => random.pick(clocks).set(random.whole(-60, 60)));
    }
    await load.stop();
    await world.ended([...world.ledger.jobs.values()]);
    const began = performance.now();
    const hooked = [...world.ledger.jobs.values()].filter((job) => job.hooked);
    while (!hooked.every(({ id }) => world.hooks.ends.has(id))) await delay(20);
    const measured = performance.now() - began;
    world.promise('webhooks after the last job, whatever the clocks', { bound: 5000, measured });
  },
);
