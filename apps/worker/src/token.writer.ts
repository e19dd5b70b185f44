import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable, Logger } from '@nestjs/common';
import type { Batch, Piece } from '#libs/inference';
import { JobStore } from '#libs/jobs';
import { LastingTrouble } from '#libs/telemetry';
import { JobExits } from './job.exits.js';
import { JobStarter } from './job.starter.js';
import { TextProgress } from './text-progress.js';
import type { WorkerJob } from './worker-job.js';

/** Between two writes; readers do not see the difference, and Redis does. */
const WRITE_MS = 25;
/** After one that failed. */
const RETRY_MS = 1000;

/** A run of a job that tells its text. */
interface Telling {
  job: WorkerJob;
  /** Of this run: the job may be begun anew. */
  starting: WorkerJob['starting'];
  text: TextProgress;
}

/**
 * Tells what jobs generate while they do. What several jobs have generated meanwhile leaves together, and only
 * when what left before is kept. Nobody waits for it, and none of it need arrive: the end has the whole text.
 */
@Injectable()
export class TokenWriter {
  private readonly trouble = new LastingTrouble(new Logger('Batch'));
  private readonly tellings = new WeakMap<Batch<WorkerJob>, Telling>();
  /** Those of which there is more than was told. */
  private readonly fresh = new Set<Telling>();
  private isWriting = false;

  constructor(
    private readonly store: JobStore,
    private readonly starter: JobStarter,
    private readonly exits: JobExits,
  ) {}

  /** @param batch of one slice. */
  tell(batch: Batch<WorkerJob>, piece: Piece): void {
    const job = batch.slices[0]?.job;
    if (job?.message.tellsText !== true || job.isOver) return;
    const telling = this.tellings.get(batch) ?? this.begin(batch, job);
    telling.text.add(piece.text, piece.tokens);
    if (piece.text === '') return;
    this.fresh.add(telling);
    if (this.isWriting) return;
    this.isWriting = true;
    // What is told in the same breath goes along.
    setImmediate(() => void this.write());
  }

  private begin(batch: Batch<WorkerJob>, job: WorkerJob): Telling {
    // Only what has been started can tell how far it has got.
    this.starter.start([job]);
    const telling = { job, starting: job.starting, text: new TextProgress() };
    this.tellings.set(batch, telling);
    return telling;
  }

  private async write(): Promise<void> {
    while (this.fresh.size > 0) {
      const pause = sleep(WRITE_MS, undefined, { ref: false });
      const byModel = Map.groupBy(this.fresh, ({ job }) => job.model);
      this.fresh.clear();
      await Promise.all([...byModel.values()].map((tellings) => this.writeAll(tellings)));
      await pause;
    }
    this.isWriting = false;
  }

  private async writeAll(tellings: readonly Telling[]): Promise<void> {
    try {
      await this.writeSome(await begun(tellings));
      this.trouble.isOver();
    } catch (err) {
      this.trouble.met(err, 'texts not told');
      await sleep(RETRY_MS, undefined, { ref: false });
      for (const telling of tellings) this.fresh.add(telling);
    }
  }

  private async writeSome(tellings: readonly Telling[]): Promise<void> {
    if (tellings.length === 0) return;
    const texts = tellings.map(({ job: { id, fence }, text }) => ({ id, fence, ...text.next }));
    const answers = await this.store.tellTexts(texts);
    const refused: WorkerJob[] = [];
    tellings.forEach((telling, i) => {
      const [answer, told] = [answers[i], texts[i]];
      if (answer === 'kept' && told) telling.text.wasTold(told);
      else if (answer === 'gap') {
        telling.text.forgetTold();
        this.fresh.add(telling);
      } else if (isCurrent(telling)) refused.push(telling.job);
    });
    if (refused.length > 0) await this.exits.refused(refused);
  }
}

/** Those whose start is written down. That of another run of the job does not count; its rest is the end's. */
async function begun(tellings: readonly Telling[]): Promise<Telling[]> {
  const starts = await Promise.allSettled(
    tellings.map(({ starting }) => Promise.resolve(starting)),
  );
  return tellings.filter((telling, i) => starts[i]?.status === 'fulfilled' && isCurrent(telling));
}

function isCurrent({ job, starting }: Telling): boolean {
  return job.starting === starting && !job.isOver && !job.isComplete;
}
