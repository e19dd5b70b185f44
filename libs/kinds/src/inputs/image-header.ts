/** What a picture says of itself in its first bytes, read without decoding it. */
export interface ImageHeader {
  width: number;
  height: number;
  /** More than one frame. */
  animated: boolean;
  /** Where the picture ends; what follows is none of it. Undefined: before its end is reached, or unknown. */
  end?: number | undefined;
}

const PNG_CHUNKS_AT = 8;
/** Names of PNG chunks, as numbers: a file may have a million of them. */
const IHDR = 0x49484452;
const ACTL = 0x6163544c;
const IEND = 0x49454e44;
const RIFF_CHUNKS_AT = 12;
const ANIMATION_FLAG = 0x02;

/** @returns null where the header is damaged. */
export function pngHeader(bytes: Buffer): ImageHeader | null {
  if (bytes.length < 24 || bytes.readUInt32BE(12) !== IHDR) return null;
  const header: ImageHeader = {
    width: bytes.readUInt32BE(16),
    height: bytes.readUInt32BE(20),
    animated: false,
  };
  for (let at = PNG_CHUNKS_AT; at + 12 <= bytes.length;) {
    const type = bytes.readUInt32BE(at + 4);
    if (type === ACTL) header.animated = true;
    at += 12 + bytes.readUInt32BE(at);
    if (type === IEND) return { ...header, end: at };
  }
  return header;
}

/** @returns null where the header is damaged. */
export function webpHeader(bytes: Buffer): ImageHeader | null {
  if (bytes.length < 30) return null;
  const chunk = bytes.toString('latin1', RIFF_CHUNKS_AT, RIFF_CHUNKS_AT + 4);
  const size = bytes.readUInt32LE(4);
  const rest = { animated: false, end: 8 + size + (size % 2) };
  switch (chunk) {
    case 'VP8 ':
      return {
        ...rest,
        width: bytes.readUInt16LE(26) & 0x3fff,
        height: bytes.readUInt16LE(28) & 0x3fff,
      };
    case 'VP8L': {
      const packed = bytes.readUInt32LE(21);
      return { ...rest, width: (packed & 0x3fff) + 1, height: ((packed >>> 14) & 0x3fff) + 1 };
    }
    case 'VP8X':
      return {
        ...rest,
        width: bytes.readUIntLE(24, 3) + 1,
        height: bytes.readUIntLE(27, 3) + 1,
        animated: ((bytes[20] ?? 0) & ANIMATION_FLAG) !== 0,
      };
    default:
      return null;
  }
}

const START_OF_SCAN = 0xda;
const END_OF_IMAGE = Buffer.from('ffd9', 'hex');

/** @returns null where the header is damaged. */
export function jpegHeader(bytes: Buffer): ImageHeader | null {
  let header: ImageHeader | null = null;
  for (let at = 2; at + 4 <= bytes.length && bytes[at] === 0xff;) {
    const marker = bytes[at + 1] ?? 0;
    // Any number of 0xff may stand before a marker.
    if (marker === 0xff) {
      at += 1;
      continue;
    }
    if (isStartOfFrame(marker) && at + 9 <= bytes.length) {
      const [height, width] = [bytes.readUInt16BE(at + 5), bytes.readUInt16BE(at + 7)];
      header = { width, height, animated: false };
    }
    if (marker === START_OF_SCAN) {
      // In what is coded, 0xff is always followed by 0: this is the end of the first picture.
      const end = bytes.indexOf(END_OF_IMAGE, at);
      return header && { ...header, end: end < 0 ? undefined : end + END_OF_IMAGE.length };
    }
    at += 2 + bytes.readUInt16BE(at + 2);
  }
  return header;
}

/** SOF0 to SOF15, without the tables (DHT, JPG, DAC) that stand among them. */
function isStartOfFrame(marker: number): boolean {
  return marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;
}
