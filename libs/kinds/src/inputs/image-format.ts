import type { ProblemCode } from '#libs/contracts';
import { avifHeader, isAvif } from './avif-header.js';
import { gifHeader } from './gif-header.js';
import { type ImageHeader, jpegHeader, pngHeader, webpHeader } from './image-header.js';

/** The picture formats that are accepted, told by their first bytes. */
export type ImageFormat = 'png' | 'jpeg' | 'webp' | 'avif' | 'gif';

/** A picture with more pixels is refused before it is decoded: a bomb, or a mistake. */
export const MAX_PIXELS = 50_000_000;

/** What is wrong with a picture, and which problem that is. */
export interface ImageComplaint {
  code: Extract<ProblemCode, 'invalid-input' | 'unsupported-media-type' | 'payload-too-large'>;
  message: string;
}

const DATA_URI = /^data:(image\/[a-z0-9.+-]+);base64,/i;

const HEADERS: Record<ImageFormat, (bytes: Buffer) => ImageHeader | null> = {
  png: pngHeader,
  jpeg: jpegHeader,
  webp: webpHeader,
  avif: avifHeader,
  gif: gifHeader,
};

/** The base64 part of a base64 text or of a data URI. */
export function base64Part(text: string): string {
  const prefix = DATA_URI.exec(text.slice(0, 64));
  return prefix ? text.slice(prefix[0].length) : text;
}

/**
 * Says what is wrong with an image given as text, by its header alone: what only decoding shows is left
 * to the runner, which may crash over it where the api may not.
 */
export function imageComplaint(text: string): ImageComplaint | null {
  const base64 = base64Part(text);
  if (base64.length === 0) return invalid('must be an image in base64, and is empty');
  const bytes = decoded(base64);
  if (!bytes) return invalid('must be base64 or a data URI (data:image/png;base64,…)');
  const format = imageFormat(bytes);
  if (format === null) return unsupported('must be a JPEG, PNG, WebP, AVIF or GIF image');
  const said = DATA_URI.exec(text.slice(0, 64))?.[1]?.toLowerCase();
  if (said !== undefined && said.replace('jpg', 'jpeg') !== `image/${format}`) {
    return unsupported(`is said to be ${said}, and is image/${format}`);
  }
  const header = HEADERS[format](bytes);
  if (!header || header.width === 0 || header.height === 0) {
    return invalid('is damaged: its header does not say how large it is');
  }
  if (header.animated) return unsupported('must be a single picture, not an animation');
  if (header.width * header.height > MAX_PIXELS) return tooLarge(header);
  if (hasMore(bytes, format, header)) {
    return unsupported('must be nothing but a picture; other data follows behind its end');
  }
  return null;
}

export function imageFormat(head: Uint8Array): ImageFormat | null {
  const bytes = Buffer.from(head.subarray(0, 64));
  const hex = bytes.toString('hex', 0, 12);
  if (hex.startsWith('89504e470d0a1a0a')) return 'png';
  if (hex.startsWith('ffd8ff')) return 'jpeg';
  if (hex.startsWith('52494646') && hex.startsWith('57454250', 16)) return 'webp';
  if (hex.startsWith('474946383761') || hex.startsWith('474946383961')) return 'gif';
  if (isAvif(bytes)) return 'avif';
  return null;
}

/** A file that is a picture to one program may be an archive or a page to the next. */
function hasMore(bytes: Buffer, format: ImageFormat, { end }: ImageHeader): boolean {
  if (end === undefined || end >= bytes.length) return false;
  const rest = bytes.subarray(end);
  // Cameras put further JPEGs behind the first one: previews, gain maps.
  if (format === 'jpeg' && imageFormat(rest) === 'jpeg') return false;
  return !rest.equals(Buffer.alloc(rest.length));
}

function invalid(message: string): ImageComplaint {
  return { code: 'invalid-input', message };
}

function unsupported(message: string): ImageComplaint {
  return { code: 'unsupported-media-type', message };
}

function tooLarge({ width, height }: ImageHeader): ImageComplaint {
  const most = `${String(MAX_PIXELS / 1_000_000)} million pixels`;
  const message = `must have at most ${most}, has ${String(width)} × ${String(height)}`;
  return { code: 'payload-too-large', message };
}

/** Node's decoder skips what is not base64; so the text is right only if nothing was skipped. */
function decoded(text: string): Buffer | null {
  if (text.length % 4 === 1) return null;
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0;
  const digits = text.length - padding;
  if (padding > 0 && text.length % 4 !== 0) return null;
  const bytes = Buffer.from(text, 'base64');
  return bytes.length === Math.floor((digits * 3) / 4) ? bytes : null;
}
