import type { JobView } from '#libs/contracts';
import type { Work } from './workloads.js';

/** A job that was accepted: its client has seen the 202. */
export interface Accepted {
  id: string;
  work: Work;
  /** ms since the epoch. */
  acceptedAt: number;
  /** From the first byte sent to the last one received. */
  tookMs: number;
  /** Its end is told to the receiver of the case. */
  hooked: boolean;
  /** As it was first seen to have ended; undefined while it has not. */
  end?: JobView;
  /** The api says that Redis has lost data, and the job perhaps with them. */
  lost?: boolean;
  /** As it was last read. */
  last?: JobView;
}

/** An answer other than an acceptance, or none at all (status 0). */
export interface Refusal {
  at: number;
  status: number;
  /** From the first byte sent to the last one received. */
  tookMs: number;
  /** Of its problem, or of the connection's error. */
  code: string;
  /** It is not known whether the job came to exist. */
  unknown: boolean;
}

/** What the clients of a case have seen, and so may rely on. */
export class Ledger {
  readonly jobs = new Map<string, Accepted>();
  readonly refusals: Refusal[] = [];
  /** Ids that were given for one idempotency key, where these were several. */
  readonly doubles: string[][] = [];
  private readonly keys = new Map<string, string>();

  accept(job: Accepted, key?: string): void {
    if (!this.jobs.has(job.id)) this.jobs.set(job.id, job);
    if (key === undefined) return;
    const first = this.keys.get(key);
    if (first === undefined) this.keys.set(key, job.id);
    else if (first !== job.id) this.doubles.push([first, job.id]);
  }

  get open(): Accepted[] {
    return [...this.jobs.values()].filter(({ end, lost }) => !end && !lost);
  }

  get lost(): Accepted[] {
    return [...this.jobs.values()].filter(({ lost }) => lost);
  }

  /** How often each answer was given that is no acceptance: by status and code; 0: none. */
  get refused(): Record<string, number> {
    const counts: Record<string, number> = {};
    for (const { status, code } of this.refusals) {
      const answer = `${status} ${code}`;
      counts[answer] = (counts[answer] ?? 0) + 1;
    }
    return counts;
  }
}
