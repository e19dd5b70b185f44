import { beforeEach, describe, expect, it } from '@jest/globals';
import { newJobId } from '../job-id.js';
import { type JobSpec, queuedRecord } from '../record.js';
import type { Payload, PayloadStore } from './payload.store.js';
import { Payloads } from './payloads.js';

const LIMIT_BYTES = 10;

describe('Payloads', () => {
  let texts: Map<string, string>;
  let away: boolean;
  let sut: Payloads;
  const nameOf = ({ id, name }: Payload) => `${id}/${name}`;

  beforeEach(() => {
    texts = new Map();
    away = false;
    const store: PayloadStore = {
      put: (payload, text) => {
        texts.set(nameOf(payload), text);
        return Promise.resolve();
      },
      get: (payload) =>
        away
          ? Promise.reject(new Error('away'))
          : Promise.resolve(texts.get(nameOf(payload)) ?? null),
      delete: (payloads) => {
        for (const payload of payloads) texts.delete(nameOf(payload));
        return Promise.resolve();
      },
    };
    sut = new Payloads(store, LIMIT_BYTES);
  });

  it.each([
    ['', false],
    ['0123456789', false],
    ['01234567890', true],
    ['ééééé', false],
    ['éééééé', true],
    ['€€€', false],
    ['€€€€', true],
    ['😀😀', false],
    ['😀😀😀', true],
  ])('takes bytes, not characters, for the size of %p', (text, large) => {
    expect(Buffer.byteLength(text) > LIMIT_BYTES).toBe(large);
    expect(sut.isLarge(text)).toBe(large);
  });

  const ended = (id = newJobId(7)) => ({
    ...queuedRecord({ id } as JobSpec),
    status: 'succeeded' as const,
  });

  it('completes a record with the outputs of the attempt that was published', async () => {
    const record = ended();
    const { id } = record.spec;
    const names = [await sut.putOutputs(id, 2, '[2]'), await sut.putOutputs(id, 3, '[3]')];
    expect(names).toEqual(['outputs-2', 'outputs-3']);
    const complete = await sut.complete({ ...record, outputsApart: 'outputs-2' });
    expect(complete).toMatchObject({ outputs: [2], outputsApart: null });
    expect(await sut.complete(record)).toBe(record);
  });

  it('tells outputs that are out of reach from those that are lost', async () => {
    const record = { ...ended(), outputsApart: 'outputs-1' as const };
    await expect(sut.complete(record)).rejects.toMatchObject({ code: 'job-gone' });
    away = true;
    await expect(sut.complete(record)).rejects.toMatchObject({ code: 'queue-unavailable' });
  });

  it('deletes whatever any attempt has put, and nothing of other jobs', async () => {
    const [one, other] = [newJobId(7), newJobId(7)];
    for (const id of [one, other]) {
      await sut.putInput(id, 'x');
      for (const fence of [1, 3]) await sut.putOutputs(id, fence, '[]');
    }
    await sut.deleteAll([{ id: one, fence: 3 }]);
    expect([...texts.keys()]).toEqual(
      ['input', 'outputs-1', 'outputs-3'].map((n) => `${other}/${n}`),
    );
  });
});
