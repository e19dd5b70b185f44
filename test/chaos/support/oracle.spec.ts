import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Accepted } from './ledger.js';
import { judge } from './oracle.js';
import { echo } from './workloads.js';
import { World } from './world.js';

/** Nothing that is planted here goes away. */
const PATIENCE_MS = 500;

let world: World;
let jobs: Accepted[];

beforeAll(async () => {
  world = await World.start(1, { models: ['fixture:slow'] });
  const work = [1, 2, 3, 4, 5, 6].map((iterations) => echo([iterations]));
  const sent = await Promise.all(
    work.map((one, i) => world.load.submit(one, { hooked: i < 3, key: `key ${i}` })),
  );
  jobs = sent.filter((job) => job !== undefined);
});

afterAll(async () => {
  await world.stop();
});

/** Where the record of a job is. */
async function recordOf({ id }: Accepted): Promise<string> {
  const [key = ''] = await world.admin.keys(`*:job:${id}`);
  return key;
}

const tell = (id: string, message: string) =>
  fetch(world.hooks.url, {
    method: 'POST',
    headers: { 'webhook-id': message },
    body: JSON.stringify({ data: { id } }),
  });

it('finds nothing wrong with a world in which nothing went wrong', async () => {
  const { row, complaints } = await judge(world);
  expect(complaints).toEqual([]);
  expect(row).toMatchObject({ accepted: 6, losses: 0, duplicates: 0, wrong: 0 });
  expect(row.webhooks).toEqual({ expected: 3, missing: 0, repeated: 0, unknown: 0 });
});

it('finds what is lost, wrong, changed, doubled, left behind, untold and leaked', async () => {
  const [lost, wrong, changed, doubled, ...rest] = jobs;
  if (!lost || !wrong || !changed || !doubled) throw new Error('jobs are missing');
  delete lost.end;
  await world.admin.del(await recordOf(lost));
  if (wrong.end) wrong.end = { ...wrong.end, output: { echo: [99] } };
  await world.admin.hset(await recordOf(changed), 'ended_at', Date.now() + 1000);
  world.ledger.accept(doubled, 'key 4');
  await world.admin.zadd('{foretell:000}:waiting:slow', 1, 'job_of_nobody');
  for (const { id } of rest) await tell(id, 'one');
  await tell(changed.id, 'another');
  await tell('job_unknown', 'one');
  world.hooks.ends.delete(wrong.id);
  world.foretell.app('api').lines.push(`{"msg":"${world.secrets[0]}"}`);

  const { row, complaints } = await judge(world, PATIENCE_MS);
  expect(row).toMatchObject({ losses: 1, duplicates: 4 });
  expect(row.webhooks).toMatchObject({ missing: 1, unknown: 1 });
  expect(complaints.map((line) => line.replaceAll(/job_\w{20,}/g, 'job'))).toEqual([
    'job has not ended: succeeded',
    expect.stringMatching(/^job: output: \{"echo":\[99\]\} instead of \{"echo":\[2\]\}/),
    'job: its end has changed since it was first read',
    'job: its end has changed since it was first read',
    expect.stringMatching(/^one key, two jobs/),
    expect.stringMatching(/^job was told as \S+,another/),
    'left behind: {foretell:000}:waiting:slow: 1',
    'job: no webhook came',
    'webhooks of unknown jobs: job_unknown',
    expect.stringMatching(/^api wrote a secret/),
  ]);
});
