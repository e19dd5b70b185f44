import { fileURLToPath } from 'node:url';
import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { Piscina } from 'piscina';
import { ProblemError, type VersionDescription } from '#libs/contracts';
import type { CheckedInput } from './checked.input.js';
import type { CsvInput } from './csv.input.js';
import type {
  CheckCsvTask,
  CheckTask,
  LargeLines,
  Outcome,
  ReadBody,
} from './large-body.thread.js';
import { LargeInput } from './large.input.js';

/** From here on a body costs the event loop more than the way to a thread and back. */
const LARGE_BYTES = 256 * 1024;
/** The same of CSV, whose parser is slower. */
const LARGE_CSV_BYTES = 32 * 1024;
const MAX_THREADS = 2;
const IDLE_MS = 30_000;

/**
 * Reads and checks large bodies in threads, which start when there are some and end when there are none. Not
 * only the parsing: handing over the values of 8 MB of numbers takes as long as parsing them here.
 */
@Injectable()
export class LargeBodies implements OnApplicationShutdown {
  private readonly threads = new Piscina({
    filename: fileURLToPath(new URL('./large-body.thread.js', import.meta.url)),
    minThreads: 0,
    maxThreads: MAX_THREADS,
    idleTimeout: IDLE_MS,
  });

  onApplicationShutdown(): Promise<void> {
    return this.threads.destroy();
  }

  isLarge(body: Buffer): boolean {
    return body.length > LARGE_BYTES;
  }

  /**
   * The body with a `LargeInput` for its input.
   * @param body is gone afterwards: its memory goes to the thread.
   * @throws ProblemError as `parseJson` does.
   */
  async read(body: Buffer<ArrayBuffer>): Promise<unknown> {
    const options = { name: 'read', transferList: [body.buffer] };
    const outcome = (await this.threads.run(body, options)) as Outcome<ReadBody>;
    const { fields, instances } = valueOf(outcome);
    if (!fields || !instances) return fields;
    const { name, lines, count, inColumns } = instances;
    return Object.assign(fields, { [name]: new LargeInput(lines, count, inColumns) });
  }

  /** @throws ProblemError as `InputValidator.validate` does. */
  async check(
    version: VersionDescription,
    { lines, inColumns }: LargeInput,
    many: boolean,
    parameters: unknown,
  ): Promise<CheckedInput> {
    const task: CheckTask = { version, lines, inColumns, many, parameters };
    return valueOf((await this.threads.run(task, { name: 'check' })) as Outcome<CheckedInput>);
  }

  isLargeCsv({ bytes }: CsvInput): boolean {
    return bytes.length > LARGE_CSV_BYTES;
  }

  /** @throws ProblemError as `checkCsv` does. */
  async checkCsv(
    version: VersionDescription,
    { bytes }: CsvInput,
    parameters: unknown,
  ): Promise<CheckedInput> {
    const task: CheckCsvTask = { version, csv: bytes, parameters };
    const outcome = (await this.threads.run(task, { name: 'checkRows' })) as Outcome<
      CheckedInput & { rows: LargeLines }
    >;
    const { rows, ...checked } = valueOf(outcome);
    return { ...checked, rows: new LargeInput(rows.lines, rows.count) };
  }
}

function valueOf<T>(outcome: Outcome<T>): T {
  if ('value' in outcome) return outcome.value;
  const { code, detail, errors, retryAfterS } = outcome.refused;
  throw new ProblemError(code, detail, {
    ...(errors && { errors }),
    ...(retryAfterS !== undefined && { retryAfterS }),
  });
}
