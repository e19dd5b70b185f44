import type { ImageHeader } from './image-header.js';

/** A box of ISO base media files: its type, and where its content is. */
interface Box {
  type: string;
  start: number;
  end: number;
}

const FULL_BOX_BYTES = 4;
const BRANDS_AT = 16;

/** @param head as much as the first box may need. */
export function isAvif(head: Buffer): boolean {
  if (head.length < 12 || head.toString('latin1', 4, 8) !== 'ftyp') return false;
  const end = Math.min(head.length, head.readUInt32BE(0));
  const brands = [head.toString('latin1', 8, 12)];
  for (let at = BRANDS_AT; at + 4 <= end; at += 4) brands.push(head.toString('latin1', at, at + 4));
  return brands.includes('avif') || brands.includes('avis');
}

/**
 * The size is that of the largest picture in the file, whichever of them is shown.
 * @returns null where the header is damaged.
 */
export function avifHeader(bytes: Buffer): ImageHeader | null {
  let animated = bytes.toString('latin1', 8, 12) === 'avis';
  let size: { width: number; height: number } | null = null;
  let end = 0;
  for (const box of boxes(bytes, 0, bytes.length)) {
    if (box.type === 'moov') animated = true;
    if (box.type === 'meta') size = largest(bytes, box);
    end = box.end;
  }
  const isCutOff = bytes.toString('latin1', end + 4, end + 8) === 'mdat';
  return size && { ...size, animated, end: isCutOff ? undefined : end };
}

/** Of all `ispe`: in `iprp`, in `ipco`. */
function largest(bytes: Buffer, meta: Box): { width: number; height: number } | null {
  let found: { width: number; height: number } | null = null;
  for (const properties of boxes(bytes, meta.start + FULL_BOX_BYTES, meta.end)) {
    if (properties.type !== 'iprp') continue;
    for (const container of boxes(bytes, properties.start, properties.end)) {
      if (container.type !== 'ipco') continue;
      for (const { type, start, end } of boxes(bytes, container.start, container.end)) {
        if (type !== 'ispe' || end - start < 12) continue;
        const [width, height] = [bytes.readUInt32BE(start + 4), bytes.readUInt32BE(start + 8)];
        if (!found || width * height > found.width * found.height) found = { width, height };
      }
    }
  }
  return found;
}

/** Those between two places, up to the first that cannot be one. */
function* boxes(bytes: Buffer, from: number, to: number): Generator<Box> {
  let at = from;
  while (at + 8 <= to) {
    const type = bytes.toString('latin1', at + 4, at + 8);
    let [size, header] = [bytes.readUInt32BE(at), 8];
    if (size === 1 && at + 16 <= to) {
      [size, header] = [Number(bytes.readBigUInt64BE(at + 8)), 16];
    } else if (size === 0) size = to - at;
    if (size < header || size > to - at) return;
    yield { type, start: at + header, end: at + size };
    at += size;
  }
}
