import { hash } from 'node:crypto';
import type { Canary, Rollout, VersionAlias } from '#libs/contracts';

/** What of a submission decides where a rollout sends it. */
export interface Subject {
  /** The same however often it is sent: what is not sticky is drawn by it. */
  id: string;
  metadata: Readonly<Record<string, string>>;
  /** By their names in lower case. */
  headers: Readonly<Record<string, string | string[] | undefined>>;
}

/**
 * Whether what names no version goes to the canary or stays with the stable version.
 * @param isUsable whether the canary can be served at the moment: what is meant for one that cannot stays.
 */
export function roleFor(
  subject: Subject,
  model: string,
  { canary }: Rollout,
  isUsable: (version: string) => boolean,
): VersionAlias {
  if (!canary || placeOf(subject, model, canary) >= canary.percent) return 'stable';
  return isUsable(canary.version) ? 'canary' : 'stable';
}

/**
 * Where a submission stands among all, from 0 to 100: evenly spread, and the same for all with the same
 * sticky value. It does not depend on the percentage, so that raising that takes nobody off the canary;
 * it depends on the version, so that it is not always the same who try out what is new.
 */
function placeOf(subject: Subject, model: string, { version, sticky_by }: Canary): number {
  const value = sticky_by === undefined ? undefined : stickyValue(sticky_by, subject);
  const key = value === undefined ? ['id', subject.id] : ['sticky', value];
  const digest = hash('sha256', JSON.stringify([model, version, ...key]), 'buffer');
  return (digest.readUInt32BE(0) / 2 ** 32) * 100;
}

/** @param stickyBy `metadata.<key>` or `header.<name>`. @returns undefined where the submission has none. */
function stickyValue(stickyBy: string, { metadata, headers }: Subject): string | undefined {
  const name = stickyBy.slice(stickyBy.indexOf('.') + 1);
  const [held, key] = stickyBy.startsWith('header.')
    ? [headers, name.toLowerCase()]
    : [metadata, name];
  const value = Object.hasOwn(held, key) ? held[key] : undefined;
  return value === undefined || value.length === 0 ? undefined : String(value);
}
