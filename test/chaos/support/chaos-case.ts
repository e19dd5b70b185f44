import { it } from '@jest/globals';
import { judge } from './oracle.js';
import { keepRow } from './report.js';
import { World, type WorldOptions } from './world.js';

/** Which form runs: the short one within `npm test`, the long one in `npm run test:chaos`. */
const FORM = process.env['CHAOS'] === 'long' ? 'long' : 'short';
/** Told in the name, so that a failure can be had again: `SEED=…`. */
const SEED = Number(process.env['SEED'] ?? Date.now() % 2 ** 31);
const TIMEOUT_MS = { short: 400_000, long: 1_800_000 } as const;

export interface ChaosCase<P> extends WorldOptions {
  /** In the report and for `npm run test:chaos -- -t <name>`: unique, in the form of a file's name. */
  name: string;
  /** What its short form is told; absent in files `*.long.chaos.spec.ts`, which that leaves out. */
  short?: P;
  long: P;
}

/**
 * A case: breaks a world under load, which is then held to what its clients were told.
 * @param run starts a load, injects faults, and ends when all are over. What is thrown in it fails the case.
 */
export function chaosCase<P>(
  { name, short, long, ...options }: ChaosCase<P>,
  run: (world: World, form: P) => Promise<void>,
): void {
  const test = async () => {
    const world = await World.start(SEED, options);
    try {
      await run(world, FORM === 'long' ? long : (short ?? long));
      const { row, complaints } = await judge(world);
      await keepRow({ case: name, form: FORM, seed: SEED, ...row });
      if (complaints.length > 0) throw new Error(told(complaints));
    } finally {
      await world.stop();
    }
  };
  it(`${name} (seed ${SEED})`, test, TIMEOUT_MS[FORM]);
}

function told(complaints: readonly string[]): string {
  const first = complaints.slice(0, 20);
  const more = complaints.length - first.length;
  return [
    `${complaints.length} complaints:`,
    ...first,
    ...(more > 0 ? [`and ${more} more`] : []),
  ].join('\n');
}
