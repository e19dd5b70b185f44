import { isDeepStrictEqual } from 'node:util';
import { clock } from '#libs/clock';
import type { ModelReport, Priority, VersionReport } from '#libs/contracts';
import { type PredictConsumer, type TakenJob, TURN_LEAD } from '#libs/jobs';
import type { StoredModel, StoredVersion } from '#libs/models';
import type { ServedVersion } from './served.version.js';
import { ThroughputMeter } from './throughput.meter.js';

/** Batches' worth of jobs that a version holds: one computing, one behind it, one gathering. */
const BATCHES_AHEAD = 3;
const MAX_TAKEN = 2048;
/** Jobs that fetch their files take no places of others, up to so many. */
const MAX_FETCHING = 256;

interface HostedVersion {
  stored: StoredVersion;
  server: ServedVersion;
  /** When its folder went, ms since the epoch: it still serves what was accepted before. */
  goneAt: number | undefined;
}

/** What a hosted model needs of its worker. */
export interface HostedModelOptions {
  newServer: (stored: StoredVersion) => ServedVersion;
  /** The lowest turn that waits in its queue. */
  nextTurn: (model: string) => Promise<number | undefined>;
  /** Whether jobs that were accepted before then still wait in its queue. */
  hasJobsFrom: (model: string, beforeMs: number) => Promise<boolean>;
  openConsumer: (
    model: string,
    concurrency: number,
    handle: (job: TakenJob) => Promise<void>,
  ) => PredictConsumer;
  handle: (job: TakenJob, model: HostedModel) => Promise<void>;
}

/** A model folder in this worker: its versions, and the consumer of its queue. */
export class HostedModel {
  readonly throughput = new ThroughputMeter();
  private readonly versions = new Map<string, HostedVersion>();
  private consumer: PredictConsumer | undefined;
  /** That is served now, as far as its queue shows. */
  private turn = 0;
  private fetchingJobs = 0;

  constructor(
    private stored: StoredModel,
    private readonly options: HostedModelOptions,
  ) {}

  get name(): string {
    return this.stored.model;
  }

  /** Why none of it can be served. */
  get reason(): string | undefined {
    return this.stored.reason;
  }

  /** Those in the folder and those that have gone from it but still have work. */
  get servers(): ServedVersion[] {
    return [...this.versions.values()].map(({ server }) => server);
  }

  /** Taken from its queue and not over. */
  get jobsInHand(): number {
    return this.throughput.inHand;
  }

  server(version: string): ServedVersion | undefined {
    return this.versions.get(version)?.server;
  }

  /** A version that is in the folder. */
  storedVersion(version: string): StoredVersion | undefined {
    const known = this.versions.get(version);
    return known?.goneAt === undefined ? known?.stored : undefined;
  }

  /** Where what names no version goes while no rollout is set, as the api has it; undefined while there is none. */
  get mainVersion(): string | undefined {
    if (this.stored.defaultVersion !== undefined) return this.stored.defaultVersion;
    const present = [...this.versions.values()]
      .filter(({ goneAt }) => goneAt === undefined)
      .sort((a, b) => Number(a.stored.description.version) - Number(b.stored.description.version));
    const usable = present.filter(({ server }) => !server.hasFailed);
    const opened = usable.findLast(({ server }) => server.content !== undefined);
    return (opened ?? usable.at(-1) ?? present.at(-1))?.stored.description.version;
  }

  /** Where something joins in now that does not come from its queue, see Turns. */
  turnFor(priority: Priority): number {
    return this.turn + TURN_LEAD[priority];
  }

  /** Why a version cannot be served here; undefined where it can. */
  failureOf(version: string): string | undefined {
    const server = this.server(version);
    if (!server) return this.reason ?? 'this version is not there';
    return server.hasFailed ? (server.report.reason ?? 'it cannot be loaded') : undefined;
  }

  get report(): ModelReport {
    const { model, description, reason, defaultVersion } = this.stored;
    const present = [...this.versions.values()].filter(({ goneAt }) => goneAt === undefined);
    return {
      model,
      description,
      reason,
      default_version: defaultVersion,
      versions: present
        .map(({ server }) => this.withReason(server.report))
        .sort((a, b) => Number(a.version) - Number(b.version)),
      jobs_per_s: this.throughput.perSecond(performance.now()),
    };
  }

  private handle(job: TakenJob): Promise<void> {
    const { turn, priority = 'normal' } = job.message;
    this.turn = turn - TURN_LEAD[priority];
    return this.options.handle(job, this);
  }

  /** A manifest that cannot be used is an update that no version could take up. */
  private withReason(report: VersionReport): VersionReport {
    const { reason } = this.stored;
    return reason === undefined ? report : { ...report, update: { state: 'failed', reason } };
  }

  /** Goes over to what the folder holds now. Resolves when every new or changed version has settled. */
  async update(stored: StoredModel): Promise<void> {
    const { reason, versions, leftOut = [] } = stored;
    // A manifest that cannot be read says nothing of the versions, nor of the default: all goes on.
    this.stored = reason === undefined ? stored : { ...this.stored, reason, versions };
    const served = versions.map(({ description }) => description.version);
    if (reason === undefined || this.versions.size === 0) {
      this.withdrawAllBut([...served, ...leftOut]);
    }
    await Promise.all(versions.map((version) => this.updateVersion(version)));
    // What the policy leaves out has worked so far: it goes when something works that stays.
    const works = served.some((version) => this.server(version)?.hasFailed === false);
    if (works && this.stored === stored) this.withdrawAllBut(served);
  }

  /** Begins to take jobs, or takes as many ahead as its versions now need. */
  takeJobs(): void {
    const caps = this.servers.map(({ report }) => report.batching.max_batch_size || 1);
    const concurrency = Math.min(
      MAX_TAKEN,
      caps.reduce(
        (sum, cap) => sum + BATCHES_AHEAD * cap,
        1 + Math.min(MAX_FETCHING, this.fetchingJobs),
      ),
    );
    if (this.consumer) this.consumer.concurrency = concurrency;
    else {
      this.consumer = this.options.openConsumer(this.name, concurrency, (job) => this.handle(job));
    }
  }

  /** So many more of its jobs fetch their files, or fewer. */
  fetching(change: 1 | -1): void {
    this.fetchingJobs += change;
    if (this.consumer) this.takeJobs();
  }

  /**
   * While large jobs take up all places for many batches, one that should go before some of them is let
   * in: else it would wait for one of them to end.
   */
  async makeWay(): Promise<void> {
    if (!this.consumer?.isFull) return;
    const turn = await this.options.nextTurn(this.name);
    if (turn === undefined) return;
    this.servers.some((server) => server.yieldTo(turn));
  }

  /** Its folder has gone. */
  get isGone(): boolean {
    return this.stored.versions.length === 0 && this.stored.reason === undefined;
  }

  /** Nothing is left to do for it either. */
  get isEmpty(): boolean {
    return this.isGone && this.versions.size === 0;
  }

  /** Ends versions that have gone, once nothing is left for them. @returns whether some still are. */
  async sweep(graceMs: number): Promise<boolean> {
    let left = false;
    for (const [version, { server, goneAt }] of this.versions) {
      if (goneAt === undefined) continue;
      if (await this.hasWork(server, goneAt + graceMs)) left = true;
      else {
        await server.stop();
        this.versions.delete(version);
      }
    }
    return left;
  }

  private async hasWork(server: ServedVersion, untilMs: number): Promise<boolean> {
    if (clock.now() < untilMs || !server.isIdle || this.fetchingJobs > 0) return true;
    return this.options.hasJobsFrom(this.name, untilMs);
  }

  async stopTaking(): Promise<void> {
    await this.consumer?.stopTaking();
  }

  /** After `stopTaking`: hands back what has not started, finishes what has. */
  async stop(): Promise<void> {
    await Promise.all(this.servers.map((server) => server.stop()));
    await this.consumer?.close();
  }

  private withdrawAllBut(present: readonly string[]): void {
    for (const [version, hosted] of this.versions) {
      if (!present.includes(version)) hosted.goneAt ??= clock.now();
    }
  }

  private async updateVersion(stored: StoredVersion): Promise<void> {
    const { version } = stored.description;
    const known = this.versions.get(version);
    if (!known || isChain(known.stored) !== isChain(stored)) {
      const server = this.options.newServer(stored);
      this.versions.set(version, { stored, server, goneAt: undefined });
      await server.start();
      await known?.server.stop();
      return;
    }
    const contentChanged = known.stored.fingerprint !== stored.fingerprint;
    const same = !contentChanged && isDeepStrictEqual(known.stored, stored);
    known.stored = stored;
    known.goneAt = undefined;
    if (!same) await known.server.update(stored, contentChanged);
  }
}

/** A graph and a pipeline are served in different ways. */
function isChain({ description }: StoredVersion): boolean {
  return description.pipeline !== undefined;
}
