import type { Logger } from '@nestjs/common';

/** Tells the log once of what fails again and again, as while Redis is away, until something has worked. */
export class LastingTrouble {
  private isTold = false;

  constructor(private readonly logger: Pick<Logger, 'warn'>) {}

  met(err: unknown, message: string): void {
    if (!this.isTold) this.logger.warn({ err }, message);
    this.isTold = true;
  }

  /** The next one is told again. */
  isOver(): void {
    this.isTold = false;
  }
}
