import { JOB_STATUSES, type JobStatus, MODEL_NAME, ProblemError } from '#libs/contracts';
import { isJobId } from '#libs/jobs';
import { decodeCursor, pageSize } from '../http/page.js';
import { TIME_RULE, timeOf } from '../http/time.js';
import { isMetadata, METADATA_RULE } from '../predict/predict.rules.js';

/** Which of a caller's jobs are to be listed. */
export interface ListQuery {
  /** Absent: of every model. */
  model: string | undefined;
  statuses: readonly JobStatus[];
  metadata: Record<string, string>;
  /** Bounds of the time of submission, ms since the epoch; neither belongs to what is wanted. */
  createdAfter: number | undefined;
  createdBefore: number | undefined;
  limit: number;
  /** Id of the last job of the page before. */
  before: string | undefined;
}

/** A query string as Fastify reads it. */
export type RawQuery = Readonly<Record<string, string | string[]>>;

const METADATA = 'metadata.';
const NAMES = new Set(['status', 'model', 'created_after', 'created_before', 'limit', 'cursor']);

/** @throws ProblemError `invalid-request` that names the parameter. */
export function readListQuery(query: RawQuery): ListQuery {
  for (const name of Object.keys(query)) {
    if (NAMES.has(name) || name.startsWith(METADATA)) continue;
    refuse(
      `${name} is not a parameter here; there are ${[...NAMES].join(', ')} and metadata.<key>.`,
    );
  }
  const cursor = once(query, 'cursor');
  return {
    model: modelIn(query),
    statuses: statusesIn(query),
    metadata: metadataIn(query),
    createdAfter: timeIn(query, 'created_after'),
    createdBefore: timeIn(query, 'created_before'),
    limit: pageSize(once(query, 'limit')),
    before: cursor === undefined ? undefined : decodeCursor(cursor, isJobId),
  };
}

function modelIn(query: RawQuery): string | undefined {
  const model = once(query, 'model');
  if (model === undefined || MODEL_NAME.test(model)) return model;
  return refuse('model must be the name of a model.');
}

/** Several are separated by commas, or each has a parameter of its own. */
function statusesIn({ status }: RawQuery): readonly JobStatus[] {
  if (status === undefined) return JOB_STATUSES;
  const wanted = new Set([status].flat().flatMap((text) => text.split(',')));
  const known = JOB_STATUSES.filter((each) => wanted.has(each));
  if (known.length === wanted.size) return known;
  return refuse(`status must be of ${JOB_STATUSES.join(', ')}; several are separated by commas.`);
}

function metadataIn(query: RawQuery): Record<string, string> {
  const names = Object.keys(query).filter((name) => name.startsWith(METADATA));
  const metadata = Object.fromEntries(
    names.map((name) => [name.slice(METADATA.length), once(query, name) ?? '']),
  );
  if (isMetadata(metadata)) return metadata;
  return refuse(`${names[0] ?? METADATA} must be of ${METADATA_RULE}.`);
}

function timeIn(query: RawQuery, name: string): number | undefined {
  const text = once(query, name);
  if (text === undefined) return undefined;
  return timeOf(text) ?? refuse(`${name} ${TIME_RULE}.`);
}

function once(query: RawQuery, name: string): string | undefined {
  const value = query[name];
  return Array.isArray(value) ? refuse(`${name} may be given once.`) : value;
}

function refuse(detail: string): never {
  throw new ProblemError('invalid-request', detail);
}
