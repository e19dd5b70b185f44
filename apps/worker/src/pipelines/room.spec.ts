import { describe, expect, it } from '@jest/globals';
import { Room } from './room.js';

describe('Room', () => {
  it('lets in what there is room for, in order', async () => {
    const room = new Room(10);
    const order: string[] = [];
    const gates = new Map<string, () => void>();
    const enter = (name: string, bytes: number): Promise<void> =>
      room.with(bytes, async () => {
        order.push(name);
        await new Promise<void>((resolve) => gates.set(name, resolve));
      });
    const leave = async (name: string, entered: Promise<void>): Promise<void> => {
      gates.get(name)?.();
      await entered;
    };
    const a = enter('a', 6);
    const b = enter('b', 6);
    const c = enter('c', 4);
    await Promise.resolve();
    expect(order).toEqual(['a']);
    await leave('a', a);
    await Promise.resolve();
    expect(order).toEqual(['a', 'b', 'c']);
    await Promise.all([leave('b', b), leave('c', c)]);
  });

  it('lets in what is larger than all room, by itself, and goes on after a failure', async () => {
    const room = new Room(10);
    await expect(room.with(99, () => Promise.reject(new Error('failed')))).rejects.toThrow(
      'failed',
    );
    await expect(room.with(99, () => Promise.resolve(7))).resolves.toBe(7);
  });
});
