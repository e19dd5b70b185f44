import { describe, expect, it } from '@jest/globals';
import { watchdog } from './watchdog.js';

/** As a process that is stopped, or too busy to listen. */
function holdUp(ms: number): void {
  const until = performance.now() + ms;
  while (performance.now() < until);
}

describe('watchdog', () => {
  it('bites when its time is over', async () => {
    await new Promise<void>((resolve) => watchdog(20, resolve));
  });

  it('hears first what came while its process was held up', async () => {
    const heard: string[] = [];
    await new Promise<void>((resolve) => {
      const stop = watchdog(20, () => heard.push('overran'));
      // As a reply that is read only after the timers have had their turn.
      setImmediate(() => {
        holdUp(100);
        setImmediate(() => {
          heard.push('reply');
          stop();
          setTimeout(resolve, 300);
        });
      });
    });
    expect(heard).toEqual(['reply']);
  });

  it('bites nevertheless where nothing has come', async () => {
    const bitten = new Promise<void>((resolve) => watchdog(20, resolve));
    holdUp(100);
    await bitten;
  });
});
