import { crc32, deflateSync } from 'node:zlib';
import sharp from 'sharp';

function chunk(type: string, data: Buffer): Buffer {
  const named = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const framed = Buffer.alloc(named.length + 8);
  framed.writeUInt32BE(data.length, 0);
  named.copy(framed, 4);
  framed.writeUInt32BE(crc32(named), named.length + 4);
  return framed;
}

/** A grey PNG whose header says that it is so large, whatever its data are. */
function pngOf(width: number, height: number, data: Buffer, ...more: Buffer[]): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 0, 0, 0, 0], 8);
  return Buffer.concat([
    Buffer.from('89504e470d0a1a0a', 'hex'),
    chunk('IHDR', header),
    ...more,
    chunk('IDAT', data),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

const grey8 = (side: number) => deflateSync(Buffer.alloc(side * (side + 1)));
const of = (side: number) =>
  sharp({ create: { width: side, height: side, channels: 3, background: 'grey' } });
const small = pngOf(8, 8, grey8(8));
const jpeg = await of(8).jpeg().toBuffer();
const webp = await of(8).webp().toBuffer();
const zip = Buffer.from('504b0506000000000000000000000000000000000000', 'hex');

/** A small PNG with a text in it that nobody shows. */
export function withText(text: string): Buffer {
  return pngOf(8, 8, grey8(8), chunk('tEXt', Buffer.from(`Comment\0${text}`)));
}

/** Frames of an animation in one file. */
async function animatedWebp(): Promise<Buffer> {
  const frames = Buffer.concat([Buffer.alloc(192, 0), Buffer.alloc(192, 255)]);
  return sharp(frames, { raw: { width: 8, height: 16, channels: 3, pageHeight: 8 } })
    .webp({ loop: 0, delay: [100, 100] })
    .toBuffer();
}

/** One frame of a plain colour, on a screen that is said to be so large. */
function gifOf(side: number, frames = 1): Buffer {
  const head = Buffer.from('47494638396100000000800000ff0000000000', 'hex');
  head.writeUInt16LE(side, 6);
  head.writeUInt16LE(side, 8);
  const frame = Buffer.from('2c00000000010001000002024401003b', 'hex').subarray(0, -1);
  return Buffer.concat([head, ...Array<Buffer>(frames).fill(frame), Buffer.from('3b', 'hex')]);
}

const avif = await of(8).avif().toBuffer();

/** The same, saying that it has so many pixels a side. */
function avifOf(side: number): Buffer {
  const bytes = Buffer.from(avif);
  const at = bytes.indexOf('ispe') + 8;
  bytes.writeUInt32BE(side, at);
  bytes.writeUInt32BE(side, at + 4);
  return bytes;
}

/** Pictures, and what passes for them. */
export const IMAGES = {
  png: small,
  jpeg,
  webp,
  avif,
  gif: gifOf(1),
  animatedGif: gifOf(1, 3),
  gifWithoutFrame: gifOf(1, 0),
  gifWithZip: Buffer.concat([gifOf(1), zip]),
  gifBomb: gifOf(65_535),
  avifBomb: avifOf(2 ** 32 - 1),
  avifWithoutPixels: avifOf(0),
  avifWithPage: Buffer.concat([avif, Buffer.from('<html><script>alert(1)</script>')]),
  tiff: Buffer.from('49492a00080000000000', 'hex'),
  svg: Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="8" height="8"/>'),
  animatedPng: pngOf(8, 8, grey8(8), chunk('acTL', Buffer.from('0000000200000000', 'hex'))),
  animatedWebp: await animatedWebp(),
  /** 14,000 × 14,000 pixels in 0.6 MB. */
  bomb: pngOf(14_000, 14_000, Buffer.alloc(600_000)),
  pngWithZip: Buffer.concat([small, zip]),
  webpWithZip: Buffer.concat([webp, zip]),
  jpegWithPage: Buffer.concat([jpeg, Buffer.from('<html><script>alert(1)</script>')]),
  noPixels: pngOf(0, 8, grey8(8)),
  cutOff: small.subarray(0, 20),
  /** A header that is right, over data that are not. */
  damaged: pngOf(8, 8, Buffer.alloc(40, 7)),
};
