import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable, Logger, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import {
  type CacheUse,
  CLAIM_RENEWAL_MS,
  isOfContent,
  type KeptResult,
  Payloads,
  ResultCache,
} from '#libs/jobs';
import { LastingTrouble } from '#libs/telemetry';
import { type Boarded, Flight } from './flight.js';
import { type End, labelsOf } from './job.exits.js';
import { JobPublisher } from './job.publisher.js';
import { WorkerMetrics } from './worker.metrics.js';
import type { WorkerJob } from './worker-job.js';

/** Until a result that another worker computes is first looked for; then twice as long, up to the other. */
const FIRST_LOOK_MS = 5;
const LOOK_MS = 100;
/** Before a job whose end could not be published is taken again. */
const HAND_BACK_MS = 1000;

type Found = Awaited<ReturnType<ResultCache['findOrClaim']>>;

/**
 * Has identical jobs of models that keep results computed once. Whichever worker claims a result computes it; its
 * other jobs, and those of other workers, wait. Who waits can always go on: a claim is held only by a worker that
 * has the job in its batcher, and runs out with it. What is computed of a job never depends on this: where it
 * fails, jobs are computed as those of other models are.
 */
@Injectable()
export class SingleFlight implements OnModuleInit, OnApplicationShutdown {
  private readonly trouble = new LastingTrouble(new Logger('Cache'));
  private readonly flights = new Map<string, Flight>();
  /** Jobs that are to be computed and lead no flight, by key. */
  private readonly alone = new Map<string, Set<WorkerJob>>();
  private renewal: NodeJS.Timeout | undefined;
  private stopping = false;

  constructor(
    private readonly results: ResultCache,
    private readonly payloads: Payloads,
    private readonly publisher: JobPublisher,
    private readonly metrics: WorkerMetrics,
  ) {}

  onModuleInit(): void {
    this.renewal = setInterval(() => {
      this.renew();
    }, CLAIM_RENEWAL_MS).unref();
  }

  onApplicationShutdown(): void {
    clearInterval(this.renewal);
  }

  /** What waits goes back; what comes now is computed, or goes back by itself. */
  stop(): void {
    this.stopping = true;
    for (const flight of this.flights.values()) {
      for (const { job } of flight.takeAll()) job.handBack();
    }
  }

  /**
   * Brings a job that may have the result of another one to its end, or has it computed.
   * @param content of the version that would compute it here. @param compute has it computed.
   */
  board(job: WorkerJob, content: string | undefined, compute: () => void): void {
    const { cache } = job.message;
    if (!cache || cache.fresh || this.stopping || !isOfContent(cache.key, content)) {
      this.compute({ job, compute });
      return;
    }
    // One that was there when a worker died is to run alone: nobody is to wait for it.
    if (job.solo) {
      void this.lookOnce(job, cache.key, compute);
      return;
    }
    const known = this.flights.get(cache.key);
    const flight = known ?? new Flight(job.model, cache.key);
    flight.join(job, compute, () => {
      if (flight.take(job)) this.computeAlone({ job, compute });
    });
    if (known) return;
    this.flights.set(cache.key, flight);
    void this.follow(flight);
  }

  /** Jobs of one model have come to their ends here: ends those that have waited for them. Never rejects. */
  async landed(ends: readonly End[]): Promise<void> {
    const joined: End[] = [];
    const kept: KeptResult[] = [];
    for (const end of ends) {
      const { cache } = end.job.message;
      if (!cache) continue;
      const result = this.keptOf(end, cache);
      if (result) kept.push(result);
      joined.push(...this.land(end, this.flights.get(cache.key), result !== undefined));
    }
    this.store(ends[0]?.job.model ?? '', kept);
    if (joined.length > 0) await this.publish(joined);
  }

  /** A job is over here. Where it came to no end, another one takes its place. */
  left(job: WorkerJob): void {
    const { cache } = job.message;
    if (!cache) return;
    const alone = this.alone.get(cache.key);
    if (alone?.delete(job) && alone.size === 0) this.alone.delete(cache.key);
    const flight = this.flights.get(cache.key);
    if (!flight) return;
    flight.take(job);
    if (flight.leader === job) this.lead(flight);
  }

  private async lookOnce(job: WorkerJob, key: string, compute: () => void): Promise<void> {
    const outputs = await this.results.find(job.model, key).catch(() => null);
    if (job.isOver) return;
    if (outputs === null) this.computeAlone({ job, compute });
    else await this.publish([this.served(job, outputs, 'hit-late')]);
  }

  /** Until its result is there, or this worker is the one to compute it. */
  private async follow(flight: Flight): Promise<void> {
    let outcome: 'hit-late' | 'joined' = 'hit-late';
    for (let delayMs = FIRST_LOOK_MS; ; delayMs = Math.min(2 * delayMs, LOOK_MS)) {
      const found = await this.look(flight);
      if (found === 'mine') {
        this.lead(flight);
        return;
      }
      if (found !== 'taken') {
        this.forget(flight);
        await this.publish(this.servedAll(flight, found.outputs, outcome));
        return;
      }
      outcome = 'joined';
      await sleep(delayMs, undefined, { ref: false });
      if (flight.isEmpty) {
        this.forget(flight);
        return;
      }
    }
  }

  private async look({ model, key }: Flight): Promise<Found> {
    try {
      return await this.results.findOrClaim(model, key);
    } catch (err) {
      this.trouble.met(err, 'results not looked for');
      return 'mine';
    }
  }

  /** The first of those that wait is computed; where none does, the claim is given up. */
  private lead(flight: Flight): void {
    const job = flight.first;
    const compute = job && flight.take(job);
    flight.leader = job;
    if (job && compute) this.compute({ job, compute });
    else this.release(flight);
  }

  /** @param isKept its result is there for others from now on. */
  private land({ job, result }: End, flight: Flight | undefined, isKept: boolean): End[] {
    const isLeader = flight?.leader === job;
    const { outputs } = result;
    if (outputs !== undefined && job.isTypical(result)) {
      const spared = this.spared(job, outputs);
      if (!flight) return spared;
      if (isLeader && isKept) this.forget(flight);
      else if (isLeader) this.release(flight);
      return [...spared, ...this.servedAll(flight, outputs, 'joined')];
    }
    if (!flight || !isLeader) return [];
    // Theirs may fare better, and need not wait for each other.
    this.release(flight);
    for (const waiting of flight.takeAll()) this.computeAlone(waiting);
    return [];
  }

  /** @returns what is to be kept of a job that has ended; undefined: nothing. */
  private keptOf({ job, result }: End, use: CacheUse): KeptResult | undefined {
    const { outputs } = result;
    if (outputs === undefined || !job.isTypical(result)) return undefined;
    return this.payloads.isLarge(outputs) ? undefined : { use, outputs };
  }

  /** In the same breath as the ends are published, and before them. */
  private store(model: string, kept: readonly KeptResult[]): void {
    if (kept.length === 0) return;
    this.results.store(model, kept).catch((err: unknown) => {
      this.trouble.met(err, 'results not kept');
    });
  }

  /** Those that were to be computed as well, and have not gone to a runner yet. */
  private spared({ message: { cache } }: WorkerJob, outputs: string): End[] {
    const alone = [...((cache && this.alone.get(cache.key)) ?? [])];
    return alone
      .filter((job) => !job.hasRun && !job.isOver)
      .map((job) => ({ job, result: job.resultOfOther(outputs) }));
  }

  private servedAll(flight: Flight, outputs: string, outcome: 'hit-late' | 'joined'): End[] {
    return flight.takeAll().map(({ job }) => this.served(job, outputs, outcome));
  }

  private served(job: WorkerJob, outputs: string, outcome: 'hit-late' | 'joined'): End {
    this.metrics.cacheAsked(labelsOf(job), outcome);
    return { job, result: job.resultOfOther(outputs) };
  }

  /** They are in no batch, so that nobody else would hand them back. */
  private async publish(ends: readonly End[]): Promise<void> {
    try {
      await this.publisher.publish(ends);
    } catch (err) {
      this.trouble.met(err, 'identical jobs handed back');
      for (const { job } of ends) if (!job.isOver) job.handBack(HAND_BACK_MS);
    }
  }

  private computeAlone({ job, compute }: Boarded): void {
    const key = job.message.cache?.key ?? '';
    const alone = this.alone.get(key) ?? new Set();
    this.alone.set(key, alone.add(job));
    this.compute({ job, compute });
  }

  private compute({ job, compute }: Boarded): void {
    if (job.message.cache?.fresh !== true) this.metrics.cacheAsked(labelsOf(job), 'miss');
    compute();
  }

  private release(flight: Flight): void {
    this.forget(flight);
    const { model, key } = flight;
    this.results.release(model, key).catch((err: unknown) => {
      this.trouble.met(err, 'claims not released');
    });
  }

  private forget(flight: Flight): void {
    flight.leader = undefined;
    if (this.flights.get(flight.key) === flight) this.flights.delete(flight.key);
  }

  private renew(): void {
    for (const { leader, model, key } of this.flights.values()) {
      if (!leader) continue;
      this.results.renew(model, key).catch((err: unknown) => {
        this.trouble.met(err, 'claims not renewed');
      });
    }
  }
}
