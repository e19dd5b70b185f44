import { partitionOfJob, partitionOfModel } from './job-id.js';
import type { Payload } from './payloads/payload.store.js';

const QUEUE_PREFIX = 'predict-';
const OUTBOX = ':outbox:';

/**
 * Names of every key, in one place. All keys of a partition share a hash tag, and so a slot of a
 * Redis Cluster: the queue of a model and the records of its jobs.
 */
export class Keys {
  constructor(private readonly prefix: string) {}

  /** BullMQ's key prefix for the queue of a model. */
  queuePrefix(model: string): string {
    return this.tag(partitionOfModel(model));
  }

  /** A folder that no model may be called after is reported, and so has a queue: BullMQ takes no `:`. */
  queueName(model: string): string {
    return `${QUEUE_PREFIX}${encodeURIComponent(model)}`;
  }

  /** Written so that it is known that whatever was written before has come to the replicas. */
  replicated(model: string): string {
    return `${this.queuePrefix(model)}:replicated`;
  }

  /** The record of a job; its id must have passed `isJobId`. */
  record(jobId: string): string {
    return `${this.tag(partitionOfJob(jobId))}:job:${jobId}`;
  }

  /** What precedes the id in the keys of a model's records. */
  recordPrefix(model: string): string {
    return `${this.queuePrefix(model)}:job:`;
  }

  /** Sorted set of the queued jobs of a model, by their turn. */
  waiting(model: string): string {
    return `${this.queuePrefix(model)}:waiting:${model}`;
  }

  /** Hash: how far the fair order of a model has got, and each caller in it. */
  turns(model: string): string {
    return `${this.queuePrefix(model)}:turns:${model}`;
  }

  /** Sorted set of queued jobs by the time at which they expire unless they have started, ms. */
  startDeadlines(model: string): string {
    return `${this.queuePrefix(model)}:start-deadlines:${model}`;
  }

  /** Sorted set of ended jobs by the time until which they are kept, ms. */
  expiries(model: string): string {
    return `${this.queuePrefix(model)}:expiries:${model}`;
  }

  /** Sorted set, by id, of a caller's jobs in a state: followed by status, `:` and owner. */
  listPrefix(model: string): string {
    return `${this.queuePrefix(model)}:list:${model}:`;
  }

  /** Sorted set, by id, of the jobs of a model whose start is written down and that have not ended, of all callers. */
  running(model: string): string {
    return `${this.listPrefix(model)}running`;
  }

  /** Sorted set, by id, of a caller's jobs with a metadata pair: followed by owner, `:` and a digest. */
  labelPrefix(model: string): string {
    return `${this.queuePrefix(model)}:label:${model}:`;
  }

  /** What is left of a job whose record has gone. */
  tombstone(jobId: string): string {
    return `${this.tag(partitionOfJob(jobId))}:tombstone:${jobId}`;
  }

  /** What has been computed so far: a list, of a job with many instances; a text, of one that tells its text. */
  parts(jobId: string): string {
    return `${this.tag(partitionOfJob(jobId))}:parts:${jobId}`;
  }

  /** A text of a job that is stored apart from its record. */
  payload({ id, name }: Payload): string {
    return `${this.tag(partitionOfJob(id))}:payload:${id}:${name}`;
  }

  /** Hash: the events of a job that are told by its webhook, and what came of telling them. */
  deliveries(jobId: string): string {
    return `${this.tag(partitionOfJob(jobId))}:deliveries:${jobId}`;
  }

  /** Sorted set of events of a model's jobs that no courier has taken over yet, by their time. */
  outbox(model: string): string {
    return `${this.queuePrefix(model)}${OUTBOX}${model}`;
  }

  /** The other way round. */
  modelOfOutbox(key: string): string {
    return key.slice(key.indexOf(OUTBOX) + OUTBOX.length);
  }

  /** Sorted set of the names of a model's results that are kept, by when each is over, ms. */
  results(model: string): string {
    return `${this.queuePrefix(model)}:results:${model}`;
  }

  /** What precedes the names in the keys of those results. */
  resultPrefix(model: string): string {
    return `${this.queuePrefix(model)}:result:${model}:`;
  }

  /** JSON text of outputs. */
  result(model: string, name: string): string {
    return `${this.resultPrefix(model)}${name}`;
  }

  /** Which process computes a result. */
  resultClaim(model: string, name: string): string {
    return `${this.queuePrefix(model)}:result-claim:${model}:${name}`;
  }

  /** Channel on which an outbox is named that has something in it. */
  get courierChannel(): string {
    return `${this.prefix}:couriers`;
  }

  /** Set of the names of all models that jobs were ever accepted for. */
  get models(): string {
    return `${this.prefix}:models`;
  }

  idempotency(digest: string): string {
    return `${this.prefix}:idempotency:${digest}`;
  }

  /** When a bucket of tokens is full again, microseconds of Redis' clock. In one slot: many are asked together. */
  rateBucket(name: string): string {
    return `{${this.prefix}:rate}:${name}`;
  }

  /** Channel on which the ids of jobs that have changed are told, separated by spaces. */
  get jobChannel(): string {
    return `${this.prefix}:jobs`;
  }

  /** Channel on which the ids of canceled jobs are told to the workers, separated by spaces. */
  get cancelChannel(): string {
    return `${this.prefix}:canceled`;
  }

  /**
   * What couriers share. Sorted sets of lanes, by when the next delivery of each is due, the second of those on
   * probation; sorted set of deliveries that are taken, by when they come back unless they are settled; set of
   * those of them that are of lanes on probation; hash of how many are taken of a lane; set of the jobs that
   * have one taken.
   */
  get schedule(): string[] {
    const names = ['lanes', 'probation', 'taken', 'probes', 'busy', 'flying'];
    return names.map((name) => `${this.courierSlot}:${name}`);
  }

  /** What precedes the lane in the keys of how much room each has. */
  get standingPrefix(): string {
    return `${this.courierSlot}:standing:`;
  }

  /** What precedes the lane in the sorted sets of its jobs, by when the next delivery of each is due. */
  get laneJobsPrefix(): string {
    return `${this.courierSlot}:lane:`;
  }

  /** What precedes the id in the sorted sets of a job's deliveries, by when each is due. */
  get duePrefix(): string {
    return `${this.courierSlot}:due:`;
  }

  /** As `replicated`, of what couriers share. */
  get couriersReplicated(): string {
    return `${this.courierSlot}:replicated`;
  }

  /** Sorted set of the deliveries of a caller that were given up, by when. */
  failedDeliveries(owner: string): string {
    return `${this.courierSlot}:failed:${owner}`;
  }

  /** Hash: a receiver that takes nothing. */
  receiver(id: string): string {
    return `${this.courierSlot}:receiver:${id}`;
  }

  /** Sorted set of a caller's receivers that take nothing, by when that was last seen. */
  receivers(owner: string): string {
    return `${this.courierSlot}:receivers:${owner}`;
  }

  /** Sorted set of worker ids by the time of their last report, in milliseconds of Redis' clock. */
  get fleet(): string {
    return `{${this.prefix}:fleet}:workers`;
  }

  get lastCatalog(): string {
    return `{${this.prefix}:fleet}:last-catalog`;
  }

  worker(id: string): string {
    return `{${this.prefix}:fleet}:worker:${id}`;
  }

  /** Channel on which a changed report is announced. */
  get fleetChannel(): string {
    return `${this.prefix}:fleet`;
  }

  /** Channel on which the workers are told to load and unload. */
  get commandChannel(): string {
    return `${this.prefix}:commands`;
  }

  /** Hash: the secrets of each owner's webhooks. */
  get webhookSecrets(): string {
    return `${this.prefix}:webhook-secrets`;
  }

  /** Hash: each owner's default webhook. */
  get webhookDefaults(): string {
    return `${this.prefix}:webhook-defaults`;
  }

  /** Channel on which it is told that a default webhook has changed. */
  get webhookDefaultsChannel(): string {
    return `${this.prefix}:webhook-defaults`;
  }

  /** Hash: the API keys that are stored, by id. */
  get apiKeys(): string {
    return `${this.prefix}:api-keys`;
  }

  /** Channel on which it is told that they have changed. */
  get apiKeysChannel(): string {
    return `${this.prefix}:api-keys`;
  }

  /** What a session of Bull Board is known by. */
  boardSession(digest: string): string {
    return `{${this.prefix}:board}:session:${digest}`;
  }

  /** How often somebody, or all together, have lately tried to log in to Bull Board. */
  boardLogins(whose: string): string {
    return `{${this.prefix}:board}:logins:${whose}`;
  }

  /** What a process writes anew each second. */
  mark(process: string): string {
    return `{${this.prefix}:witness}:mark:${process}`;
  }

  /** JSON: between which times Redis has lost what was written. */
  get dataLoss(): string {
    return `{${this.prefix}:witness}:data-loss`;
  }

  /** Hash: the latest change of each model's rollout. */
  get rollouts(): string {
    return `{${this.prefix}:rollouts}:current`;
  }

  /** List of the changes of a model's rollout, newest first. */
  rolloutLog(model: string): string {
    return `{${this.prefix}:rollouts}:log:${model}`;
  }

  /** Channel on which a model is named whose rollout has changed. */
  get rolloutsChannel(): string {
    return `${this.prefix}:rollouts`;
  }

  /** Hash: counts of what was observed of a version in a stretch of time. @param from its beginning, ms. */
  observed(model: string, version: string, from: number): string {
    return `${this.queuePrefix(model)}:observed:${model}:${version}:${String(from)}`;
  }

  /** Hash: counts of what was observed of a model's versions, each name after its version, under a rollout. */
  observedUnder(model: string, revision: number): string {
    return `${this.queuePrefix(model)}:observed-under:${model}:${String(revision)}`;
  }

  /** Hash: what the drift of a version is told by, and its level. */
  drift(model: string, version: string): string {
    return `${this.queuePrefix(model)}:drift:${model}:${version}`;
  }

  /** Who holds it computes the reference of a version. */
  driftClaim(model: string, version: string, digest: string): string {
    return `${this.queuePrefix(model)}:drift-claim:${model}:${version}:${digest}`;
  }

  private get courierSlot(): string {
    return `{${this.prefix}:couriers}`;
  }

  private tag(partition: number): string {
    return `{${this.prefix}:${partition.toString(16).padStart(3, '0')}}`;
  }
}
