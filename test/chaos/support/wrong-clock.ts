import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

/** The clock of a machine, as a process sees it that has {@link env}: wrong by some seconds, and set at any time. */
export class WrongClock {
  private constructor(private readonly file: string) {}

  static async startingAt(aheadS: number): Promise<WrongClock> {
    const dir = await mkdtemp(path.join(tmpdir(), 'foretell-clock-'));
    const clock = new WrongClock(path.join(dir, 'ahead'));
    await clock.set(aheadS);
    return clock;
  }

  /** Jumps, within a second. @param aheadS of the time that it is; negative: behind it. */
  async set(aheadS: number): Promise<void> {
    await writeFile(this.file, `${aheadS < 0 ? '' : '+'}${aheadS}\n`);
  }

  /** The clock that timers go by is never set, as on any machine. */
  get env(): NodeJS.ProcessEnv {
    const library = process.env['FORETELL_FAKETIME'];
    if (library === undefined) throw new Error('npm run test:chaos says where libfaketime is');
    return {
      LD_PRELOAD: library,
      FAKETIME_TIMESTAMP_FILE: this.file,
      FAKETIME_CACHE_DURATION: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
    };
  }
}
