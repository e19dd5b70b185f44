import { Injectable, Logger } from '@nestjs/common';
import { clock } from '#libs/clock';
import { JobStore, Payloads, type Publication } from '#libs/jobs';
import { LastingTrouble } from '#libs/telemetry';
import { type End, JobExits } from './job.exits.js';
import { JobRetries } from './job.retries.js';
import { JobStarter } from './job.starter.js';
import { untilDone } from './until-done.js';

interface StoredEnd extends End {
  /** See Publication. */
  outputsApart?: Publication['outputsApart'];
}

/** Publishes how jobs ended, as soon as Redis takes it; what may go better next time is tried again instead. */
@Injectable()
export class JobPublisher {
  private readonly trouble = new LastingTrouble(new Logger('Batch'), 'error');

  constructor(
    private readonly store: JobStore,
    private readonly payloads: Payloads,
    private readonly starter: JobStarter,
    private readonly exits: JobExits,
    private readonly retries: JobRetries,
  ) {}

  /** All must be of one model. Afterwards they are over. */
  async publish(ends: readonly End[]): Promise<void> {
    const again = ends.filter((end) => this.retries.isWorthwhile(end));
    const final = ends.filter((end) => !again.includes(end));
    const large = final.filter(({ result }) => this.payloads.isLarge(result.outputs ?? ''));
    // What is small need not wait for a store that may be away.
    const small = final.filter((end) => !large.includes(end));
    await Promise.all([
      this.retries.tryAgain(again).then((last) => this.publishAll(last)),
      this.publishAll(small),
      this.publishApart(large),
    ]);
  }

  /** Begun in any case: the fence tells the outputs of one attempt from those of another. */
  private async publishApart(ends: readonly End[]): Promise<void> {
    await this.starter.begun(ends.map(({ job }) => job));
    const open = ends.filter(({ job }) => !job.isOver);
    const put = open.map(async ({ job, result }): Promise<StoredEnd> => {
      const { outputs = '' } = result;
      const outputsApart = await this.untilDone(() =>
        this.payloads.putOutputs(job.id, job.fence, outputs),
      );
      return { job, result, outputsApart };
    });
    await this.publishAll(await Promise.all(put));
  }

  private async publishAll(ends: readonly StoredEnd[]): Promise<void> {
    const [first] = ends;
    if (!first) return;
    const results = ends.map(({ job, result, outputsApart }) => ({
      job: job.message,
      fence: job.fence,
      // One that never went to a runner has the result of another job: it starts as it ends.
      sentAt: job.sentAt || clock.now(),
      result,
      outputsApart,
    }));
    const published = await this.untilDone(() => this.store.publish(first.job.model, results));
    const mine = ends.filter((_, i) => published[i] === true);
    this.exits.published(mine);
    this.dropInputs(mine);
    const refused = ends.filter((_, i) => published[i] !== true);
    // Somebody has begun it, perhaps this worker itself a moment ago, or another one that has given it back:
    // only with the newest fence is that settled.
    const unsettled = refused.filter((end) => results[ends.indexOf(end)]?.fence === 0);
    if (unsettled.length > 0) {
      await this.starter.begun(unsettled.map(({ job }) => job));
      await this.publishAll(unsettled.filter(({ job }) => !job.isOver));
    }
    const overtaken = refused.filter((end) => !unsettled.includes(end));
    if (overtaken.length > 0) await this.exits.refused(overtaken.map(({ job }) => job));
  }

  private untilDone<T>(attempt: () => Promise<T>): Promise<T> {
    return untilDone(attempt, (err) => {
      this.trouble.met(err, 'results not published yet');
    });
  }

  /** Nobody waits for it: what is left is deleted when the job is buried. */
  private dropInputs(ends: readonly End[]): void {
    const spent = ends.filter(
      ({ job, result }) => job.message.inputApart && result.status === 'succeeded',
    );
    if (spent.length > 0) {
      this.payloads.deleteInputs(spent.map(({ job }) => job)).catch((err: unknown) => {
        this.trouble.met(err, 'inputs not deleted yet');
      });
    }
  }
}
