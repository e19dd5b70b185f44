/** Something that was found: which label, how sure, and its corners. */
export interface Box {
  label: number;
  score: number;
  x0: number;
  y0: number;
  x1: number;
  y1: number;
}

/**
 * Keeps the boxes that no better one of their label covers, greedily, best first; of equal ones the first.
 * @param overlap a box goes whose intersection over union with one that is kept is above this. @param most kept.
 */
export function suppress(boxes: readonly Box[], overlap: number, most: number): Box[] {
  const kept: Box[] = [];
  for (const box of boxes.toSorted((a, b) => b.score - a.score)) {
    if (kept.length === most) break;
    const covered = kept.some(
      (better) => better.label === box.label && overlapOf(better, box) > overlap,
    );
    if (!covered) kept.push(box);
  }
  return kept;
}

/** Intersection over union. */
function overlapOf(a: Box, b: Box): number {
  const width = Math.min(a.x1, b.x1) - Math.max(a.x0, b.x0);
  const height = Math.min(a.y1, b.y1) - Math.max(a.y0, b.y0);
  if (width <= 0 || height <= 0) return 0;
  const both = width * height;
  return both / (areaOf(a) + areaOf(b) - both);
}

function areaOf({ x0, y0, x1, y1 }: Box): number {
  return (x1 - x0) * (y1 - y0);
}
