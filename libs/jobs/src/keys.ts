import { partitionOfJob, partitionOfModel } from './job-id.js';

const QUEUE_PREFIX = 'predict-';

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

  /** The record of a job; its id must have passed `isJobId`. */
  record(jobId: string): string {
    return `${this.tag(partitionOfJob(jobId))}:job:${jobId}`;
  }

  get deliveriesPrefix(): string {
    return `{${this.prefix}:deliveries}`;
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

  get webhookSecret(): string {
    return `${this.prefix}:webhook-secret`;
  }

  private tag(partition: number): string {
    return `{${this.prefix}:${partition.toString(16).padStart(3, '0')}}`;
  }
}
