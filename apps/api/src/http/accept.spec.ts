import { describe, expect, it } from '@jest/globals';
import type { FastifyRequest } from 'fastify';
import { accepts, wantsEvents } from './accept.js';

const EVENTS = 'text/event-stream';

describe('Accept', () => {
  it.each([
    [EVENTS, true],
    ['Text/Event-Stream', true],
    [`${EVENTS}, */*`, true],
    [`${EVENTS};q=0.9, application/json;q=0.5`, true],
    [`application/json;q=0, ${EVENTS};q=0.1`, true],
    // Who names both as good as each other is answered as anybody else.
    [`application/json, ${EVENTS}`, false],
    [`${EVENTS};q=0.5, application/json`, false],
    [`${EVENTS};q=0`, false],
    ['*/*', false],
    ['text/*', false],
    ['application/json', false],
    ['', false],
    [undefined, false],
  ])('%p asks for events: %p', (accept, wanted) => {
    const request = (mayStream: boolean) =>
      ({ headers: { accept }, routeOptions: { config: { mayStream } } }) as FastifyRequest;
    expect(wantsEvents(request(true))).toBe(wanted);
    expect(wantsEvents(request(false))).toBe(false);
  });

  it.each([
    ['*/*', true],
    ['text/html, text/*;q=0.1', true],
    [`${EVENTS};q=oops`, true],
    [`${EVENTS};q=0.000`, false],
    ['application/json', false],
    ['', true],
    [' , ', true],
  ])('%p is content with events: %p', (accept, fits) => {
    expect(accepts(accept, EVENTS)).toBe(fits);
  });
});
