import type { JobView } from '#libs/contracts';
import { goldenCases } from '../../e2e/support/generation.js';
import { type HeldOut, heldOut } from '../../e2e/support/models.js';
import type { Random } from './random.js';

/** A job that is to be submitted, and what must come of it. */
export interface Work {
  model: string;
  body: Record<string, unknown>;
  /** @returns what is wrong with how it ended; null where it is as it must be. */
  check: (view: JobView) => string | null;
  /** Of its caller, where that is not the usual one. */
  headers?: Record<string, string>;
}

/** Makes jobs. */
export type Workload = (random: Random) => Work;

/** Most iterations of a job: a few milliseconds. */
const MOST_ITERATIONS = 100;
const TOLERANCE = 1e-3;

/** The fixture `slow`, which answers with what it was asked: one in five has several instances. */
export const echoes: Workload = (random) => {
  const one = () => [random.whole(1, MOST_ITERATIONS)];
  if (!random.chance(0.2)) return echo(one());
  const inputs = Array.from({ length: random.whole(2, 6) }, one);
  const outputs = inputs.map((input) => ({ echo: input }));
  return { model: 'slow', body: { inputs }, check: expecting({ outputs }) };
};

/** The same model, for half a second each: such a job is likely to be in hand when something happens. */
export const longEchoes: Workload = (random) => echo([random.whole(5000, 15_000)]);

/** @param input how many iterations it takes: 20,000 are about a second. */
export function echo(input: readonly [number] | number[]): Work {
  return { model: 'slow', body: { input }, check: expecting({ output: { echo: input } }) };
}

/** The model `iris`, whose answers another implementation has given before. */
export async function irises(): Promise<Workload> {
  const { rows } = await heldOut('iris');
  return (random) => {
    const row = random.pick(rows);
    return { model: 'iris', body: { input: row.input }, check: (view) => likeReference(view, row) };
  };
}

/** @returns a check that a job has succeeded, at its first attempt, with these fields. */
export function expecting(fields: Partial<JobView>): Work['check'] {
  return (view) => {
    const wanted = { status: 'succeeded', attempts: 1, ...fields };
    for (const [name, value] of Object.entries(wanted)) {
      const found = JSON.stringify(view[name as keyof JobView]);
      if (found !== JSON.stringify(value))
        return `${name}: ${found} instead of ${JSON.stringify(value)} (${JSON.stringify(view.error)})`;
    }
    return null;
  };
}

function likeReference(view: JobView, { reference }: HeldOut['rows'][number]): string | null {
  const wrong = expecting({})(view);
  if (wrong !== null) return wrong;
  const { probabilities } = view.output as { probabilities: Record<string, number> };
  const expected = reference[view.version] ?? [];
  const far = Object.values(probabilities).some(
    (value, i) => Math.abs(value - (expected[i] ?? NaN)) > TOLERANCE || expected[i] === undefined,
  );
  return far ? `probabilities ${JSON.stringify(probabilities)}, not ${expected.join()}` : null;
}

/** The fixture `tiny_lm`, greedily: what another implementation makes of the same prompts. */
export async function generations(): Promise<Workload> {
  const golden = await goldenCases();
  return (random) => {
    const { prompt, max_tokens, output } = random.pick(golden);
    const body = { input: prompt, parameters: { temperature: 0, max_tokens } };
    return { model: 'tiny_lm', body, check: expecting({ output }) };
  };
}
