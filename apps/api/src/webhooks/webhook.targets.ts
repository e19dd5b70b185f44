import { Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { END_EVENTS, ProblemError, type WebhookTarget } from '#libs/contracts';
import { WebhookDefaults } from '#libs/jobs';
import { OutboundForbidden, OutboundGuard } from '#libs/webhooks';
import type { WebhookDto } from './webhook.dto.js';

/** Where the events of a job go. */
@Injectable()
export class WebhookTargets implements OnApplicationBootstrap {
  constructor(
    private readonly defaults: WebhookDefaults,
    private readonly guard: OutboundGuard,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    await this.defaults.open();
  }

  /**
   * Of a submission. It asks nobody, as every submission comes by here.
   * @param asked absent: the owner's default webhook; null: none at all; without a URL: the default's.
   * @throws ProblemError `invalid-request` for one that needs a default where there is none.
   */
  of(owner: string, asked: WebhookDto | null | undefined): WebhookTarget | undefined {
    if (asked === null) return undefined;
    if (asked?.url !== undefined) return targetOf(asked.url, asked);
    const standard = this.defaults.get(owner);
    if (standard) return { ...standard, ...(asked?.events && { events: asked.events }) };
    if (!asked) return undefined;
    throw new ProblemError('invalid-request', 'Name the URL, or set a default webhook.', {
      errors: [{ pointer: '/webhook/url', message: 'is missing, and you have no default webhook' }],
    });
  }

  /**
   * Checks where a submission's webhook leads.
   * @param asked as `of` had it. @throws ProblemError `url-forbidden`.
   */
  async check({ url }: WebhookTarget, asked: WebhookDto | null | undefined): Promise<void> {
    if (asked?.url !== undefined) await this.checkUrl(url, '/webhook/url', 'The webhook URL');
    else await this.checkUrl(url, '/webhook', 'The URL of your default webhook');
  }

  /** @param pointer to where the body has it. @throws ProblemError `url-forbidden`. */
  async checkUrl(url: string, pointer: string, what: string): Promise<void> {
    try {
      await this.guard.checkTarget(url);
    } catch (error) {
      if (!(error instanceof OutboundForbidden)) throw error;
      throw new ProblemError('url-forbidden', `${what} may not be called.`, {
        errors: [{ pointer, message: error.message }],
      });
    }
  }
}

/** @param events absent: those that end the job. */
export function targetOf(url: string, { events }: Pick<WebhookDto, 'events'>): WebhookTarget {
  return { url, events: events ?? [...END_EVENTS] };
}
