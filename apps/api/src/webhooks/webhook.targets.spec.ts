import { beforeEach, describe, expect, it } from '@jest/globals';
import { END_EVENTS, type WebhookTarget } from '#libs/contracts';
import type { WebhookDefaults } from '#libs/jobs';
import { codeOf, pointedErrorsOf } from '#libs/testing';
import { OutboundForbidden, type OutboundGuard } from '#libs/webhooks';
import { WebhookTargets } from './webhook.targets.js';

const ANNS: WebhookTarget = { url: 'https://ann.example.com/hook', events: ['started', 'failed'] };
const OTHER = 'https://other.example.com';

describe('WebhookTargets', () => {
  let checked: string[];
  let sut: WebhookTargets;

  beforeEach(() => {
    checked = [];
    const defaults = { get: (owner: string) => (owner === 'ann' ? ANNS : null) };
    const guard = {
      checkTarget: (url: string) => {
        checked.push(url);
        return url === OTHER
          ? Promise.reject(new OutboundForbidden('it is not public'))
          : Promise.resolve();
      },
    };
    sut = new WebhookTargets(defaults as WebhookDefaults, guard as unknown as OutboundGuard);
  });

  it.each<[string, Parameters<WebhookTargets['of']>[1], WebhookTarget | undefined]>([
    ['ann', undefined, ANNS],
    ['ann', null, undefined],
    ['ann', {}, ANNS],
    ['ann', { events: ['succeeded'] }, { url: ANNS.url, events: ['succeeded'] }],
    ['ann', { url: OTHER }, { url: OTHER, events: [...END_EVENTS] }],
    ['ann', { url: OTHER, events: ['progress'] }, { url: OTHER, events: ['progress'] }],
    ['bob', undefined, undefined],
    ['bob', null, undefined],
    ['bob', { url: OTHER }, { url: OTHER, events: [...END_EVENTS] }],
  ])('of a submission of %s with %j is %j', (owner, asked, target) => {
    expect(sut.of(owner, asked)).toEqual(target);
    expect(checked).toEqual([]);
  });

  it.each([{}, { events: ['failed' as const] }])('is missing for %j without a default', (asked) => {
    expect(codeOf(() => sut.of('bob', asked))).toBe('invalid-request');
    expect(pointedErrorsOf(() => sut.of('bob', asked))).toMatchObject([
      { pointer: '/webhook/url' },
    ]);
  });

  it('may be called, or not, and says which URL it was', async () => {
    await sut.check(ANNS, undefined);
    expect(checked).toEqual([ANNS.url]);
    const problem = { code: 'url-forbidden', status: 422 };
    const message = 'it is not public';
    await expect(sut.check({ ...ANNS, url: OTHER }, { url: OTHER })).rejects.toMatchObject({
      ...problem,
      errors: [{ pointer: '/webhook/url', message }],
    });
    await expect(sut.check({ ...ANNS, url: OTHER }, undefined)).rejects.toMatchObject({
      ...problem,
      detail: expect.stringContaining('default'),
      errors: [{ pointer: '/webhook', message }],
    });
  });

  it('does not take its own fault for a forbidden URL', async () => {
    const guard = { checkTarget: () => Promise.reject(new TypeError('x')) };
    sut = new WebhookTargets({} as WebhookDefaults, guard as unknown as OutboundGuard);
    await expect(sut.check(ANNS, undefined)).rejects.toThrow(TypeError);
  });
});
