import type { FileHandle } from 'node:fs/promises';
import { PbfReader } from 'pbf';
import { ModelFileError } from './model-file.error.js';

const WINDOW_BYTES = 16 * 1024;
/** A tag and a length, or a tag and a number: two varints of at most ten bytes. */
const HEADER_BYTES = 20;
const VARINT = 0;
const FIXED64 = 1;
const LENGTH_DELIMITED = 2;
const FIXED32 = 5;

/** A field of a message, by where its content lies in the file. */
export interface Field {
  number: number;
  /** Holds bytes, a text or a message; otherwise a number. */
  delimited: boolean;
  start: number;
  end: number;
}

/**
 * The fields of a protobuf file, read through a small window: contents are passed over unread, so that a
 * file of gigabytes costs a few kilobytes. Where a window ends its reader waits, so that a long file does
 * not hold up the event loop.
 */
export class ProtobufFile {
  private readonly buffer = new Uint8Array(WINDOW_BYTES);
  private window = new PbfReader(this.buffer.subarray(0, 0));
  private windowStart = 0;

  constructor(
    private readonly handle: FileHandle,
    readonly sizeBytes: number,
  ) {}

  /** Whether `field` may be asked about this place without `fill` before. */
  holds(position: number): boolean {
    const windowEnd = this.windowStart + this.window.length;
    return (
      position >= this.windowStart &&
      (position + HEADER_BYTES <= windowEnd || windowEnd >= this.sizeBytes)
    );
  }

  /** Moves the window. */
  async fill(position: number): Promise<void> {
    const { bytesRead } = await this.handle.read(this.buffer, 0, WINDOW_BYTES, position);
    this.window = new PbfReader(this.buffer.subarray(0, bytesRead));
    this.windowStart = position;
  }

  /**
   * The field that begins at `position`, within a message that ends at `end`.
   * @throws ModelFileError where it does not end there or is none.
   */
  field(position: number, end: number): Field {
    const { window } = this;
    window.pos = position - this.windowStart;
    const tag = this.varint();
    const number = tag >>> 3;
    const type = tag & 7;
    const lengthBytes = type === LENGTH_DELIMITED ? this.varint() : 0;
    const start = this.windowStart + window.pos;
    if (type === VARINT) this.varint();
    const fieldEnd = this.windowStart + window.pos + lengthBytes + fixedBytes(type);
    if (fieldEnd > end || number === 0) throw new ModelFileError(NOT_WHOLE);
    return { number, delimited: type === LENGTH_DELIMITED, start, end: fieldEnd };
  }

  /** A content, read. */
  async read({ start, end }: Field): Promise<Uint8Array> {
    const content = new Uint8Array(end - start);
    const { bytesRead } = await this.handle.read(content, 0, content.length, start);
    if (bytesRead < content.length) throw new ModelFileError(NOT_WHOLE);
    return content;
  }

  private varint(): number {
    try {
      return this.window.readVarint();
    } catch (cause) {
      throw new ModelFileError(NOT_WHOLE, { cause });
    }
  }
}

/** Also said of a file that is something else, which looks the same from here. */
export const NOT_WHOLE = 'model.onnx is damaged, cut short or no ONNX';

function fixedBytes(type: number): number {
  if (type === VARINT || type === LENGTH_DELIMITED) return 0;
  if (type === FIXED64) return 8;
  if (type === FIXED32) return 4;
  throw new ModelFileError(NOT_WHOLE);
}
