import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { Inject, Injectable, Logger } from '@nestjs/common';
import { APP_VERSION, CONFIG, type Config } from '#libs/config';
import type { ModelReport } from '#libs/contracts';
import { FleetStore } from '#libs/jobs';

const INTERVAL_MS = 5000;

/** Tells the fleet, through Redis, that this worker is alive and what it serves. */
@Injectable()
export class FleetReporter {
  private readonly logger = new Logger('Fleet');
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

  async stop(): Promise<void> {
    clearInterval(this.timer);
    this.timer = undefined;
    await this.sending;
    await this.fleet.withdraw(this.id);
  }

  /** One at a time and in order, so that an older report never overwrites a newer one. */
  private send(changed: boolean): void {
    if (!this.timer) return;
    this.sending = this.sending
      .then(() => this.fleet.announce(this.report(), changed))
      .catch((err: unknown) => {
        this.logger.warn({ err }, 'report not sent');
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
