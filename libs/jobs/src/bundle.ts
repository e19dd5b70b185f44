import type { Priority } from '#libs/contracts';
import type { CacheUse } from './cache-use.js';

/** What a BullMQ job carries of a job: enough to form a batch, and the input while it is small. */
export interface JobMessage {
  id: string;
  version: string;
  /** Instances, that is rows of a batch. */
  count: number;
  /** Size of the input. */
  bytes: number;
  /** The input is stored apart from the record. */
  inputApart?: boolean | undefined;
  createdAt: number;
  /** See Turns: lower goes first. */
  turn: number;
  /** Absent: the first. */
  attempt?: number | undefined;
  resultTtlS: number;
  requestId: string;
  /** W3C trace context that its spans are under. Absent: it is not traced. */
  traceparent?: string | undefined;
  /** The record's input once more where it is small: it spares the worker a round trip. */
  input?: string | undefined;
  /** `shapeSignature` of the instances: one for all, or one each; absent where the graph's shapes are fixed. */
  shape?: string | string[] | undefined;
  /** Absent: normal. */
  priority?: Priority | undefined;
  /** Not started by then, ms since the epoch: expired. */
  startBy?: number | undefined;
  executionTimeoutMs?: number | undefined;
  /** Absent: its result is that of no other job, and no other's is its own. */
  cache?: CacheUse | undefined;
  /** Some of its instances name their files by URL. */
  remote?: true | undefined;
  /** What is generated of its text is told at once. */
  tellsText?: true | undefined;
  /** Workers died with it in hand. */
  suspect?: boolean | undefined;
}

/** Jobs that travel as one BullMQ job. */
export interface Bundle {
  jobs: JobMessage[];
}

/**
 * Puts jobs that were accepted together into bundles: BullMQ then costs once what it would cost for each.
 * Those of a bundle are of one version and have the same turn, and are no more than would run together
 * anyway, so that a bundle keeps no other worker from work.
 * @param jobs of one model, with the rows up to which each travels with others.
 */
export function bundlesOf(jobs: readonly { message: JobMessage; bundleRows: number }[]): Bundle[] {
  const bundles: Bundle[] = [];
  const open = new Map<string, { bundle: Bundle; rows: number }>();
  for (const { message, bundleRows } of jobs) {
    const key = `${message.version} ${String(message.turn)}`;
    const current = open.get(key);
    if (current && current.rows + message.count <= bundleRows) {
      current.bundle.jobs.push(message);
      current.rows += message.count;
      continue;
    }
    const bundle = { jobs: [message] };
    bundles.push(bundle);
    // One that fills a bundle by itself leaves the open one to the small ones.
    if (message.count < bundleRows) open.set(key, { bundle, rows: message.count });
  }
  return bundles;
}

/** Its BullMQ id: that of its job, or of the first one and how many more there are; and the attempt. */
export function bundleId({ jobs }: Bundle): string {
  const { id = '', attempt = 1 } = jobs[0] ?? {};
  const more = jobs.length === 1 ? '' : `+${String(jobs.length - 1)}`;
  return `${id}${more}${attempt === 1 ? '' : `~${String(attempt)}`}`;
}

/** Of a bundle with a BullMQ id: the first job, and how many more there are. */
export function jobsOfBundleId(id: string): { first: string; others: number } {
  const [, first = id, others = 0] = /^(\w+)(?:\+(\d+))?/.exec(id) ?? [];
  return { first, others: Number(others) };
}
