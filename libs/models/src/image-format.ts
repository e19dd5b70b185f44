/** The picture formats that are accepted, told by their first bytes. */
export type ImageFormat = 'png' | 'jpeg' | 'webp';

const DATA_URI = /^data:image\/[a-z0-9.+-]+;base64,/i;
const LONGEST_SIGNATURE_BASE64 = 16;

/** The base64 part of a base64 text or of a data URI. */
export function base64Part(text: string): string {
  const prefix = DATA_URI.exec(text.slice(0, 64));
  return prefix ? text.slice(prefix[0].length) : text;
}

/** @returns what is wrong with an image given as text, or null. Cheap: the picture is not decoded. */
export function imageComplaint(text: string): string | null {
  const base64 = base64Part(text);
  if (base64.length === 0) return 'must be an image in base64, and is empty';
  if (!isBase64(base64)) return 'must be base64 or a data URI (data:image/png;base64,…)';
  const head = Buffer.from(base64.slice(0, LONGEST_SIGNATURE_BASE64), 'base64');
  return imageFormat(head) === null ? 'must be a PNG, JPEG or WebP image' : null;
}

export function imageFormat(head: Uint8Array): ImageFormat | null {
  const hex = Buffer.from(head.subarray(0, 12)).toString('hex');
  if (hex.startsWith('89504e470d0a1a0a')) return 'png';
  if (hex.startsWith('ffd8ff')) return 'jpeg';
  if (hex.startsWith('52494646') && hex.startsWith('57454250', 16)) return 'webp';
  return null;
}

/** Node's decoder skips what is not base64; so the text is right only if nothing was skipped. */
function isBase64(text: string): boolean {
  if (text.length % 4 === 1) return false;
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0;
  const digits = text.length - padding;
  if (padding > 0 && text.length % 4 !== 0) return false;
  return Buffer.from(text, 'base64').length === Math.floor((digits * 3) / 4);
}
