import { describe, expect, it, jest } from '@jest/globals';
import { QuietGate } from './quiet.gate.js';

describe('QuietGate', () => {
  it('lets through at once while it is quiet, and else as soon as it is', async () => {
    let isQuiet = true;
    const sut = new QuietGate(() => isQuiet);
    await sut.pass();
    isQuiet = false;
    const passed = jest.fn();
    const passing = sut.pass().then(passed);
    await new Promise(setImmediate);
    expect(passed).not.toHaveBeenCalled();
    isQuiet = true;
    await passing;
  });

  it('turns everybody away once it is closed', async () => {
    const sut = new QuietGate(() => false);
    const waiting = sut.pass();
    sut.close();
    await expect(waiting).rejects.toThrow('aborted');
    await expect(sut.pass()).rejects.toThrow('aborted');
  });
});
