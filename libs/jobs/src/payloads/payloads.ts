import { ProblemError } from '#libs/contracts';
import type { JobRecord } from '../record.js';
import type { PayloadName, PayloadStore } from './payload.store.js';

const AWAY = 'What is stored of this job is out of reach. Send the same request again in a moment.';
const LOST = 'Its outputs are kept no longer.';

/**
 * Inputs and outputs that are too large for records and queues. An input is put before its job is accepted
 * and goes when that has succeeded; outputs are put before they are published. All go before their record.
 */
export class Payloads {
  /** @param limitBytes largest text that stays in the record. */
  constructor(
    private readonly store: PayloadStore,
    private readonly limitBytes: number,
  ) {}

  isLarge(text: string): boolean {
    const { limitBytes } = this;
    // A character takes at most three bytes, so that most texts need not be looked through.
    return 3 * text.length > limitBytes && Buffer.byteLength(text) > limitBytes;
  }

  async putInput(id: string, text: string): Promise<void> {
    await this.store.put({ id, name: 'input' }, text);
  }

  /** @returns null where it has gone for good, as after a success. */
  input(id: string): Promise<string | null> {
    return this.store.get({ id, name: 'input' });
  }

  async deleteInputs(jobs: readonly { id: string }[]): Promise<void> {
    await this.store.delete(jobs.map(({ id }) => ({ id, name: 'input' })));
  }

  /** @param fence of the attempt, which must hold one: another would write under the same name. */
  async putOutputs(id: string, fence: number, text: string): Promise<PayloadName> {
    const name = outputsName(fence);
    await this.store.put({ id, name }, text);
    return name;
  }

  /**
   * The record with its outputs, wherever these are.
   * @throws ProblemError `queue-unavailable` while they are out of reach, `job-gone` where they are lost.
   */
  async complete(record: JobRecord): Promise<JobRecord> {
    const { outputsApart: name, spec } = record;
    if (name === null) return record;
    const text = await this.store.get({ id: spec.id, name }).catch((cause: unknown) => {
      throw new ProblemError('queue-unavailable', AWAY, { retryAfterS: 2, cause });
    });
    if (text === null) throw new ProblemError('job-gone', LOST);
    return { ...record, outputs: JSON.parse(text) as unknown[], outputsApart: null };
  }

  /** Whatever any attempt has put of jobs. @param jobs `fence` newest one of the job. */
  async deleteAll(jobs: readonly { id: string; fence: number }[]): Promise<void> {
    const payloads = jobs.flatMap(({ id, fence }) => [
      { id, name: 'input' as const },
      ...Array.from({ length: fence }, (_, i) => ({ id, name: outputsName(i + 1) })),
    ]);
    await this.store.delete(payloads);
  }
}

function outputsName(fence: number): PayloadName {
  return `outputs-${fence}`;
}
