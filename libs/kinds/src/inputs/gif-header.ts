import type { ImageHeader } from './image-header.js';

const COLOURS_FLAG = 0x80;
const EXTENSION = 0x21;
const FRAME = 0x2c;
const TRAILER = 0x3b;

/**
 * Reads on to the end of the file, past every frame. It is never `animated`: the first frame is what a GIF shows.
 * @returns null where the header is damaged.
 */
export function gifHeader(bytes: Buffer): ImageHeader | null {
  if (bytes.length < 13) return null;
  let [width, height] = [bytes.readUInt16LE(6), bytes.readUInt16LE(8)];
  let frames = 0;
  let at = 13 + coloursAt(bytes[10] ?? 0);
  while (at < bytes.length) {
    const block = bytes[at];
    if (block === EXTENSION) at = afterBlocks(bytes, at + 2);
    else if (block === FRAME && at + 10 <= bytes.length) {
      // A frame may be larger than the screen that the file begins with, and decoders then make room for it.
      width = Math.max(width, bytes.readUInt16LE(at + 1) + bytes.readUInt16LE(at + 5));
      height = Math.max(height, bytes.readUInt16LE(at + 3) + bytes.readUInt16LE(at + 7));
      frames++;
      at = afterBlocks(bytes, at + 11 + coloursAt(bytes[at + 9] ?? 0));
    } else break;
  }
  if (frames === 0) return null;
  return { width, height, animated: false, end: bytes[at] === TRAILER ? at + 1 : undefined };
}

/** Bytes of the table of colours that may follow. */
function coloursAt(flags: number): number {
  return (flags & COLOURS_FLAG) === 0 ? 0 : 3 << ((flags & 7) + 1);
}

/** Behind blocks that each say how long they are, the last one being empty. */
function afterBlocks(bytes: Buffer, start: number): number {
  let at = start;
  while (at < bytes.length) {
    const size = bytes[at] ?? 0;
    at += 1 + size;
    if (size === 0) break;
  }
  return at;
}
