import { setTimeout as delay } from 'node:timers/promises';
import { chaosCase } from '../support/chaos-case.js';
import { HostileReceiver, type MisdeedName, MISDEEDS } from '../support/hostile.receiver.js';
import { echoes, type Workload } from '../support/workloads.js';
import type { World } from '../support/world.js';

/** Each receiver is tried soon after it has come back, instead of hours later. */
const RETRY = { WEBHOOK_TIMEOUT_S: '2', WEBHOOK_FIRST_RETRY_MS: '500' };
const PATIENCE_MS = 180_000;

chaosCase(
  {
    name: 'hostile-receivers',
    apps: ['api', 'worker', 'courier', 'courier'],
    env: RETRY,
    short: { faultMs: 8000 },
    long: { faultMs: 120_000 },
  },
  async (world, { faultMs }) => {
    const hostile = (Object.keys(MISDEEDS) as MisdeedName[]).map((n) => new HostileReceiver(n));
    const urls = await Promise.all(hostile.map((receiver) => receiver.start()));
    const calling = urls.map((url) => calls(echoes, url));
    const arrivals = noteArrivals(world);
    world.load.start({ ratePerS: 20, workloads: [echoes], hooked: 1 });
    world.load.start({ ratePerS: 40, workloads: calling });
    try {
      await world.fault(`${hostile.length} receivers at their worst`, () => delay(faultMs));
      world.promise('99 of 100 webhooks of a good receiver come within', {
        bound: 2000,
        measured: lateness(world, arrivals, 0.99),
      });
      await world.load.stop();
      await Promise.all(hostile.map((receiver) => receiver.behave()));
      await untilTold(world, hostile, urls);
    } finally {
      for (const receiver of hostile) receiver.stop();
    }
  },
);

/** The same work, whose end is told to this URL. */
function calls(workload: Workload, url: string): Workload {
  return (random) => {
    const work = workload(random);
    return { ...work, body: { ...work.body, webhook: { url } } };
  };
}

/** When the end of each job was first told to the good receiver, ms since the epoch. */
function noteArrivals({ hooks }: World): Map<string, number> {
  const arrivals = new Map<string, number>();
  hooks.answer = (request, response) => {
    const id = jobOf(String(request.headers['webhook-id']));
    if (!arrivals.has(id)) arrivals.set(id, Date.now());
    response.writeHead(204).end();
  };
  return arrivals;
}

/** From the end of a job until its webhook came; of those that did not, until now. */
function lateness({ ledger }: World, arrivals: Map<string, number>, quantile: number): number {
  const late = [...ledger.jobs.values()]
    .filter(({ hooked, end }) => hooked && end)
    .map(({ id, end }) => (arrivals.get(id) ?? Date.now()) - Date.parse(end?.ended_at ?? ''))
    .sort((a, b) => a - b);
  return late[Math.floor(late.length * quantile)] ?? 0;
}

/** @throws Error where a receiver that has come to its senses does not hear of all its jobs, or of others. */
async function untilTold(world: World, hostile: HostileReceiver[], urls: string[]): Promise<void> {
  const jobs = [...world.ledger.jobs.values()];
  const expected = urls.map((url) => {
    const own = jobs.filter(
      ({ work }) => JSON.stringify(work.body['webhook']) === JSON.stringify({ url }),
    );
    return new Set(own.map(({ id }) => id));
  });
  const deadline = performance.now() + PATIENCE_MS;
  const missing = () =>
    hostile.flatMap(({ name, taken }, i) => {
      const told = new Set([...taken].map(jobOf));
      const owed = [...(expected[i] ?? [])];
      const count = owed.filter((id) => !told.has(id)).length;
      return count > 0 ? [`${name}: ${count} of ${owed.length} are missing`] : [];
    });
  while (missing().length > 0 && performance.now() < deadline) await delay(100);
  const strangers = hostile.flatMap(({ name, calls: all }, i) =>
    all.filter(({ webhookId }) => expected[i]?.has(jobOf(webhookId)) !== true).map(() => name),
  );
  const wrong = [...missing(), ...strangers.map((name) => `${name}: was called for no job of it`)];
  if (wrong.length > 0) throw new Error(wrong.join('\n'));
}

/** `msg_<uuid>_1` is of `job_<uuid>`. */
function jobOf(webhookId: string): string {
  return webhookId.replace(/^msg_(.*)_\d+$/, 'job_$1');
}
