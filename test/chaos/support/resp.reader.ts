/** A command as a client of Redis sends it. */
export interface RedisCommand {
  /** In upper case. */
  name: string;
  args: string[];
}

const LF = 0x0a;
const HEADER = 2; // `*` or `$` before it, CR behind

/** Reads commands off what a client sends, however that is cut: arrays of bulk strings (RESP). */
export class RespReader {
  private rest = Buffer.alloc(0);

  /** @returns the commands that are complete now. */
  read(chunk: Buffer): RedisCommand[] {
    this.rest = Buffer.concat([this.rest, chunk]);
    const commands: RedisCommand[] = [];
    for (let command = this.next(); command; command = this.next()) commands.push(command);
    return commands;
  }

  private next(): RedisCommand | undefined {
    const count = this.numberAt(0);
    if (!count) return undefined;
    let { end } = count;
    const words: string[] = [];
    for (let i = 0; i < count.value; i++) {
      const length = this.numberAt(end);
      if (!length || this.rest.length < length.end + length.value + HEADER) return undefined;
      words.push(this.rest.toString('latin1', length.end, length.end + length.value));
      end = length.end + length.value + HEADER;
    }
    this.rest = this.rest.subarray(end);
    const [name = '', ...args] = words;
    return { name: name.toUpperCase(), args };
  }

  private numberAt(at: number): { value: number; end: number } | undefined {
    const lf = this.rest.indexOf(LF, at);
    if (lf < 0) return undefined;
    return { value: Number(this.rest.toString('latin1', at + 1, lf - 1)), end: lf + 1 };
  }
}
