import type { OutputSpec } from '#libs/contracts';

const DEFAULT_TOLERANCE = 0.001;

/**
 * Whether two versions have given the same answers: the same label, or labels, each time, or numbers that differ by no more
 * than `tolerance`, absolutely or as a share of the larger one, in the same places. Two errors agree, whatever they say.
 * @param mine JSON text of an array, an output for each instance. @param theirs the other's.
 */
export function agree(
  kind: OutputSpec['kind'],
  mine: string,
  theirs: string,
  tolerance = DEFAULT_TOLERANCE,
): boolean {
  if (mine === theirs) return true;
  const [a, b] = [JSON.parse(mine), JSON.parse(theirs)] as [unknown[], unknown[]];
  return a.length === b.length && a.every((output, i) => isSame(kind, output, b[i], tolerance));
}

function isSame(kind: OutputSpec['kind'], a: unknown, b: unknown, tolerance: number): boolean {
  if (isError(a) || isError(b)) return isError(a) && isError(b);
  if (kind !== 'classification') return isClose(a, b, tolerance);
  // However sure. Without one, as a processor may have made it into something else, all counts.
  return isClose(labelsOf(a) ?? a, labelsOf(b) ?? b, tolerance);
}

/** How the runner tells that an instance has failed; of a tensor named `error` there are numbers. */
function isError(output: unknown): boolean {
  return isObject(output) && isObject(output['error']);
}

/** In an order that does not depend on how sure they are. */
function labelsOf(output: unknown): unknown[] | undefined {
  if (!isObject(output)) return undefined;
  const { label, labels } = output;
  if (label !== undefined) return [label];
  if (!Array.isArray(labels)) return undefined;
  return labels.map((each) => (isObject(each) ? each['label'] : each) as unknown).sort();
}

function isClose(a: unknown, b: unknown, tolerance: number): boolean {
  if (typeof a === 'number' && typeof b === 'number') {
    return Math.abs(a - b) <= tolerance * Math.max(1, Math.abs(a), Math.abs(b));
  }
  if (Array.isArray(a) && Array.isArray(b)) {
    return a.length === b.length && a.every((each, i) => isClose(each, b[i], tolerance));
  }
  if (isObject(a) && isObject(b)) {
    const names = Object.keys(a);
    if (names.length !== Object.keys(b).length) return false;
    return names.every((name) => Object.hasOwn(b, name) && isClose(a[name], b[name], tolerance));
  }
  return a === b;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
