/** What of a job may be stored apart: its input, and the outputs of the attempt with that fence. */
export type PayloadName = 'input' | `outputs-${number}`;

export interface Payload {
  /** Has passed `isJobId`. */
  id: string;
  name: PayloadName;
}

/**
 * Keeps texts that are too large for records and queues: whole or not at all, and as durably as the
 * store itself is when `put` resolves. Every method throws while the store is out of reach.
 */
export interface PayloadStore {
  /** Replaces one that is there already. */
  put(payload: Payload, text: string): Promise<void>;
  /** @returns null where there is none, for good. */
  get(payload: Payload): Promise<string | null>;
  /** One that is not there is no error. */
  delete(payloads: readonly Payload[]): Promise<void>;
}
