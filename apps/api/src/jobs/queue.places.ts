import { Injectable } from '@nestjs/common';
import type { QueuePlace } from '#libs/contracts';
import { JobIndex, type JobRecord } from '#libs/jobs';
import { ModelCatalog } from '../models/model.catalog.js';

/** Where queued jobs stand, and how long that may take by what the workers have lately got through. */
@Injectable()
export class QueuePlaces {
  constructor(
    private readonly index: JobIndex,
    private readonly catalog: ModelCatalog,
  ) {}

  /** @returns null for a job that is not queued, or is just being started. */
  async of({ status, spec: { id, model } }: JobRecord): Promise<QueuePlace | null> {
    if (status !== 'queued') return null;
    const position = await this.index.position(model, id);
    if (position === null) return null;
    const jobsPerS = this.catalog.jobsPerS(model);
    return { position, eta_ms: jobsPerS > 0 ? Math.round((1000 * position) / jobsPerS) : null };
  }
}
