import { setTimeout as delay } from 'node:timers/promises';
import type { JobView } from '#libs/contracts';
import type { Accepted } from './ledger.js';
import { remains } from './remains.js';
import type { Row } from './report.js';
import type { World } from './world.js';

/** After the last fault, every job that was accepted has ended; and after that, all is empty and every webhook has come. */
const PATIENCE_MS = 90_000;
const LOOK_MS = 250;
const READERS = 16;
/** Lines of log for a job, and beside the jobs. */
const LINES_A_JOB = 12;
const OTHER_LINES = 4000;
/** A promise may be missed by so much on a machine that does other work; beyond it the case fails. */
const SLACK = 4;

export interface Verdict {
  row: Omit<Row, 'case' | 'form' | 'seed'>;
  /** What is not as it was promised; empty: all is. */
  complaints: string[];
}

/** Holds a world to what its clients were told. The load is stopped, and every fault is over. */
export async function judge(world: World, patienceMs = PATIENCE_MS): Promise<Verdict> {
  await world.load.stop();
  const { ledger, hooks, watch } = world;
  await eventually(patienceMs, () => ledger.open.length === 0);
  const stuck = ledger.open;
  const left = await untilEmpty(world, patienceMs);
  const wrong = await wrongEnds(world);
  const hooked = [...ledger.jobs.values()].filter((job) => job.hooked && !job.lost);
  const owing = () => hooked.filter(({ id }) => !hooks.ends.has(id));
  await eventually(patienceMs, () => owing().length === 0);
  await world.load.hangUp();
  const { lost } = ledger;
  const changed = wrong.filter(({ what }) => what === CHANGED);
  const unknownIds = [...hooks.ends.keys()].filter((id) => !ledger.jobs.has(id));
  const unknowns = ledger.refusals.filter(({ unknown }) => unknown).length;
  const twice = [...hooks.ends].filter(([, messages]) => messages.size > 1);
  const duplicates = ledger.doubles.length + changed.length + twice.length;
  world.promise('error lines a second', {
    bound: 10,
    measured: watch.errorLinesPerS,
    unit: 'lines/s',
  });
  const complaints = [
    ...stuck.map(({ id, last }) => `${id} has not ended: ${last?.status ?? 'not there'}`),
    ...(world.losesData ? [] : lost.map(({ id }) => `${id} is said to be lost`)),
    ...(world.losesData ? wrong.filter((one) => !changed.includes(one)) : wrong).map(
      ({ job, what }) => `${job.id}: ${what}`,
    ),
    ...ledger.doubles.map((ids) => `one key, two jobs: ${ids.join()}`),
    ...twice.map(([id, messages]) => `${id} was told as ${[...messages].join()}`),
    ...left.map((what) => `left behind: ${what}`),
    ...owing().map(({ id }) => `${id}: no webhook came`),
    ...(unknownIds.length > unknowns ? [`webhooks of unknown jobs: ${unknownIds.join()}`] : []),
    ...watch.growth(),
    ...watch.leaks(world.secrets),
    ...manyLines(world),
    ...world.promises
      .filter(({ bound, measured }) => measured > bound * SLACK)
      .map(({ what, bound, measured, unit }) => `${what}: ${measured} ${unit}, not ${bound}`),
  ];
  const row = {
    faults: countBy(world.faults.map(({ name }) => name)),
    accepted: ledger.jobs.size,
    refused: ledger.refused,
    losses: stuck.length + lost.length,
    duplicates,
    wrong: wrong.length - changed.length,
    webhooks: {
      expected: hooked.length,
      missing: owing().length,
      repeated: hooks.repeated,
      unknown: unknownIds.length,
    },
    recoveryMs: recoveryMs(world),
    errorLinesPerS: watch.errorLinesPerS,
    promises: world.promises,
  };
  return { row, complaints };
}

const CHANGED = 'its end has changed since it was first read';

async function wrongEnds(world: World): Promise<{ job: Accepted; what: string }[]> {
  const wrong: { job: Accepted; what: string }[] = [];
  const judgeOne = async (job: Accepted): Promise<void> => {
    const { end } = job;
    if (!end) return;
    await world.load.read(job);
    const what = job.work.check(end);
    if (what !== null) wrong.push({ job, what });
    if (told(job.last) !== told(end)) wrong.push({ job, what: CHANGED });
  };
  const left = world.ledger.jobs.values();
  const reader = async () => {
    for (const job of left) await judgeOne(job);
  };
  await Promise.all(Array.from({ length: READERS }, reader));
  return wrong;
}

/** Whichever api it was that told it. */
function told(view: JobView | undefined): string | undefined {
  return JSON.stringify(view, (key, value: unknown) => (key.endsWith('_url') ? undefined : value));
}

/** From the end of a fault until everything that was open then had ended. */
export function recoveryMs({ faults, ledger }: World): number {
  const times = [...ledger.jobs.values()].flatMap(({ acceptedAt, end }) => {
    const endedAt = Date.parse(end?.ended_at ?? '');
    return faults.filter(({ to }) => acceptedAt < to && endedAt > to).map(({ to }) => endedAt - to);
  });
  return Math.max(0, ...times);
}

async function untilEmpty({ admin }: World, patienceMs: number): Promise<string[]> {
  let left: string[] = [];
  await eventually(patienceMs, async () => (left = await remains(admin)).length === 0);
  return left;
}

function manyLines({ watch, ledger }: World): string[] {
  const submitted = ledger.jobs.size + ledger.refusals.length;
  const most = OTHER_LINES + LINES_A_JOB * submitted;
  return watch.lines > most ? [`${watch.lines} lines of log for ${submitted} submissions`] : [];
}

async function eventually(ms: number, isSo: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + ms;
  while (!(await isSo()) && performance.now() < deadline) await delay(LOOK_MS);
}

function countBy(names: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}
