import {
  Injectable,
  Logger,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common';
import { clock } from '#libs/clock';
import { AlarmClock, Witness } from '#libs/jobs';
import { LastingTrouble } from '#libs/telemetry';
import { ApiMetrics } from '../api.metrics.js';

const ROUND_MS = 1000;

/** Watches whether Redis keeps what it has confirmed, and says aloud where it has not. */
@Injectable()
export class DataWatch implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger = new Logger('Data');
  private readonly trouble = new LastingTrouble(this.logger);
  private readonly clock = new AlarmClock(() => this.round());

  constructor(
    private readonly witness: Witness,
    private readonly metrics: ApiMetrics,
  ) {}

  onApplicationBootstrap(): void {
    this.clock.setTo(clock.now());
  }

  async onApplicationShutdown(): Promise<void> {
    await this.clock.stop();
  }

  private async round(): Promise<void> {
    try {
      const loss = await this.witness.look();
      this.trouble.isOver();
      if (loss) {
        this.metrics.dataLost();
        const since = loss.since === null ? null : new Date(loss.since).toISOString();
        this.logger.error({ since }, 'Redis has lost data: jobs accepted since then may be gone');
      }
    } catch (err) {
      this.trouble.met(err, 'not known whether Redis keeps its data');
    }
    this.clock.setTo(clock.now() + ROUND_MS);
  }
}
