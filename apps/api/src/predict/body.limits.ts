import { Inject, Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { CONFIG, type Config } from '#libs/config';
import { isRecord, MAX_INSTANCES, ProblemError } from '#libs/contracts';
import type { CatalogVersion } from '../models/catalog.model.js';
import { VersionRouter } from '../models/version.router.js';

/** Below this no limit is; so that the many small bodies need not be asked about. */
const ALWAYS_TAKEN_BYTES = 64 * 1024;

/** How large a body may be: what a model can take, and never more than the operator allows. */
@Injectable()
export class BodyLimits {
  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly router: VersionRouter,
  ) {}

  /** Most bytes of a submission to a version. */
  of({ largestBodyBytes }: CatalogVersion): number {
    return Math.min(largestBodyBytes ?? Infinity, this.config.server.BODY_LIMIT_BYTES);
  }

  /**
   * @param bytes of the body of a request, as far as is known.
   * @param body where it has been read: what it says counts where the path does not name a model.
   * @throws ProblemError `payload-too-large`.
   */
  check(request: FastifyRequest, bytes: number, body?: unknown): void {
    if (!(bytes > ALWAYS_TAKEN_BYTES)) return;
    const { url } = request.routeOptions;
    if (url === undefined) return;
    if (!url.endsWith('/predict')) {
      throw tooLarge(`Send at most ${String(ALWAYS_TAKEN_BYTES)} bytes here.`);
    }
    const named = [request.params, body].find((place) => isRecord(place) && 'model' in place);
    const { model_version } = request.query as { model_version?: unknown };
    const { model, version = model_version } = (named ?? {}) as Named;
    if (typeof model !== 'string') return;
    const limit = Math.max(...this.candidates(model, version).map((each) => this.of(each)));
    if (Number.isFinite(limit) && bytes > limit) {
      const enough = `Send at most ${String(limit)} bytes to ${model}`;
      throw tooLarge(`${enough}: enough for ${String(MAX_INSTANCES)} instances of any layout.`);
    }
  }

  /** None where what is named is wrong, which is told later on. */
  private candidates(model: string, version: unknown): CatalogVersion[] {
    try {
      return this.router.candidates(model, typeof version === 'string' ? version : undefined);
    } catch (error) {
      if (error instanceof ProblemError) return [];
      throw error;
    }
  }
}

interface Named {
  model?: unknown;
  version?: unknown;
}

function tooLarge(detail: string): ProblemError {
  return new ProblemError('payload-too-large', detail);
}
