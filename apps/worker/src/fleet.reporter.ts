import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { Inject, Injectable, Logger } from '@nestjs/common';
import { APP_VERSION, CONFIG, type Config } from '#libs/config';
import type { ModelReport } from '#libs/contracts';
import { FleetStore } from '#libs/jobs';
import { LastingTrouble } from '#libs/telemetry';

const INTERVAL_MS = 5000;
const GOODBYE_MS = 1000;

/** Tells the fleet, through Redis, that this worker is alive and what it serves. */
@Injectable()
export class FleetReporter {
  private readonly trouble = new LastingTrouble(new Logger('Fleet'));
  private readonly id = randomUUID();
  private readonly startedAt = new Date().toISOString();
  private timer: NodeJS.Timeout | undefined;
  private models: () => ModelReport[] = () => [];
  private sending: Promise<void> = Promise.resolve();
  private changePending = false;

  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly fleet: FleetStore,
  ) {}

  start(models: () => ModelReport[]): void {
    this.models = models;
    this.timer = setInterval(() => {
      this.send(false);
    }, INTERVAL_MS);
    this.changed();
  }

  /** Something the apis should know at once. Changes of one turn of the event loop go together. */
  changed(): void {
    if (!this.timer || this.changePending) return;
    this.changePending = true;
    setImmediate(() => {
      this.changePending = false;
      this.send(true);
    });
  }

  /** Whether some other worker that is alive serves this version, or is about to. */
  async isServedElsewhere(model: string, version: string): Promise<boolean> {
    const { workers } = await this.fleet.read();
    return workers
      .filter(({ id }) => id !== this.id)
      .flatMap(({ models }) => models.filter((report) => report.model === model))
      .flatMap(({ versions }) => versions.filter((report) => report.version === version))
      .some(({ state }) => state !== 'failed');
  }

  /** Says goodbye, unless Redis is away: then the report expires by itself. */
  async stop(): Promise<void> {
    clearInterval(this.timer);
    this.timer = undefined;
    const goodbye = this.sending.then(() => this.fleet.withdraw(this.id));
    await Promise.race([goodbye, sleep(GOODBYE_MS, undefined, { ref: false })]);
  }

  /** One at a time and in order, so that an older report never overwrites a newer one. */
  private send(changed: boolean): void {
    if (!this.timer) return;
    this.sending = this.sending
      .then(() => this.fleet.announce(this.report(), changed))
      .catch((err: unknown) => {
        this.trouble.met(err, 'report not sent');
      });
  }

  private report() {
    return {
      id: this.id,
      host: hostname(),
      pid: process.pid,
      app_version: APP_VERSION,
      execution_providers: this.config.models.EXECUTION_PROVIDERS,
      started_at: this.startedAt,
      models: this.models(),
    };
  }
}
