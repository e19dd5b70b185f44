import { clock } from '#libs/clock';
import type { WorkerJob } from './worker-job.js';

/** A job is not kept waiting for another one, where it must start by some time, later than so long before. */
const NEARLY_LATE_MS = 1000;

/** Longest that a timer takes. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** A job, and what has it computed. */
export interface Boarded {
  job: WorkerJob;
  compute: () => void;
}

interface Waiting {
  compute: () => void;
  timer: NodeJS.Timeout | undefined;
}

/** Identical jobs of this worker, of which one is computed, here or by another worker. */
export class Flight {
  /** The one that is computed here. */
  leader: WorkerJob | undefined;
  private readonly waiting = new Map<WorkerJob, Waiting>();

  constructor(
    readonly model: string,
    readonly key: string,
  ) {}

  get isEmpty(): boolean {
    return this.waiting.size === 0;
  }

  /** @param compute has it computed by itself. @param leave is called when it can wait no longer. */
  join(job: WorkerJob, compute: () => void, leave: () => void): void {
    this.waiting.set(job, { compute, timer: timerFor(job, leave) });
  }

  /** @returns what has it computed; undefined where it does not wait. */
  take(job: WorkerJob): (() => void) | undefined {
    const found = this.waiting.get(job);
    clearTimeout(found?.timer);
    this.waiting.delete(job);
    return found?.compute;
  }

  /** Those that wait and are not over, the first to come first; none waits afterwards. */
  takeAll(): Boarded[] {
    const all = [...this.waiting].map(([job, { compute }]) => ({ job, compute }));
    for (const { job } of all) this.take(job);
    return all.filter(({ job }) => !job.isOver);
  }

  /** The first one that waits. */
  get first(): WorkerJob | undefined {
    for (const job of this.waiting.keys()) if (!job.isOver) return job;
    return undefined;
  }
}

function timerFor({ startBy }: WorkerJob, leave: () => void): NodeJS.Timeout | undefined {
  if (startBy === undefined) return undefined;
  const waitMs = Math.max(0, startBy - NEARLY_LATE_MS - clock.now());
  return setTimeout(leave, Math.min(waitMs, MAX_TIMER_MS)).unref();
}
