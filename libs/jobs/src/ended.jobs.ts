import type { Result } from 'ioredis';
import { clock } from '#libs/clock';
import type { Keys } from './keys.js';
import { callbackOf, labelsOf } from './labels.js';
import { cachedResult, decodeRecord, encodeEnd, type JobRecord, type JobSpec } from './record.js';
import type { RedisConnection } from './redis.js';
import type { Replication } from './replication.js';
import { jobScriptText } from './script.js';
import type { Arguments } from './script-arguments.js';

declare module 'ioredis' {
  interface RedisCommander<Context> {
    createEnded(keyCount: number, ...args: Arguments): Result<(0 | 1)[], Context>;
  }
}

interface Asked {
  spec: JobSpec;
  outputs: string;
  end: string;
  created: (record: JobRecord | null) => void;
  failed: (error: unknown) => void;
}

/** Jobs that have ended as they are accepted, since their results are known. */
export class EndedJobs {
  /** By model. */
  private readonly asked = new Map<string, Asked[]>();

  constructor(
    private readonly redis: RedisConnection,
    private readonly keys: Keys,
    private readonly replication: Replication,
  ) {
    redis.defineCommand('createEnded', { lua: jobScriptText('create-ended.lua') });
  }

  /**
   * Writes the record of a job that succeeds with outputs of before (JSON text of an array). What is asked for in
   * one turn of the event loop leaves together.
   * @returns null where there is a record with its id, which stays as it is. @throws what Redis threw.
   */
  create(spec: JobSpec, outputs: string): Promise<JobRecord | null> {
    const { model, count, createdAt } = spec;
    const end = encodeEnd(cachedResult(outputs, { count, createdAt, takenAt: createdAt }));
    return new Promise((created, failed) => {
      const asked = this.asked.get(model) ?? [];
      asked.push({ spec, outputs, end, created, failed });
      this.asked.set(model, asked);
      if (asked.length === 1) setImmediate(() => void this.write(model));
    });
  }

  private async write(model: string): Promise<void> {
    const jobs = this.asked.get(model) ?? [];
    this.asked.delete(model);
    const { keys } = this;
    const now = clock.now();
    const names = [keys.expiries(model), keys.outbox(model)];
    for (const { spec } of jobs) names.push(keys.record(spec.id));
    const args: Arguments = [now, keys.listPrefix(model), keys.labelPrefix(model)];
    args.push(keys.courierChannel);
    for (const { spec, outputs, end } of jobs) {
      args.push(JSON.stringify(spec), spec.owner, outputs, end);
      args.push(labelsOf(spec), callbackOf(spec), spec.resultTtlS * 1000);
    }
    try {
      const answers = await this.redis.createEnded(names.length, ...names, ...args);
      await this.replication.reached(model);
      jobs.forEach((job, i) => {
        job.created(answers[i] === 1 ? recordOf(job, now) : null);
      });
    } catch (error) {
      for (const { failed } of jobs) failed(error);
    }
  }
}

/** As it was written. */
function recordOf({ spec, outputs, end }: Asked, now: number): JobRecord | null {
  const at = String(now);
  const stored = { status: 'succeeded', spec: JSON.stringify(spec), outputs, end } as const;
  return decodeRecord({ ...stored, started_at: at, ended_at: at });
}
