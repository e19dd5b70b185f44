import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { loadConfig } from '#libs/config';
import { isTracing, type Span, startSpan, type TraceCarrier, traceparentOf } from './spans.js';
import { startTracing } from './tracing.js';

const TRACE_ID = '0af7651916cd43dd8448eb211c80319c';
const SPAN_ID = 'b7ad6b7169203331';
const SAMPLED = { traceparent: `00-${TRACE_ID}-${SPAN_ID}-01` };

function start(parent: Span | TraceCarrier, kind: 'server' | 'consumer' = 'consumer') {
  return startSpan('job', parent, { kind, attributes: {} });
}

describe('startSpan', () => {
  it('makes none while tracing is off', () => {
    expect(isTracing()).toBe(false);
    expect(start(SAMPLED)).toBeUndefined();
    expect(start({}, 'server')).toBeUndefined();
  });

  describe('while tracing is on', () => {
    let sendLastSpans: () => Promise<void>;

    beforeAll(() => {
      sendLastSpans = startTracing('api', loadConfig({ REDIS_URL: 'redis://host' }).traces);
    });

    // No span was ended: nothing is sent.
    afterAll(() => sendLastSpans());

    it('goes on with the trace of a carrier, and of a span', () => {
      const span = start(SAMPLED);
      expect(span?.spanContext().traceId).toBe(TRACE_ID);
      const child = span && start(span);
      expect(child?.spanContext().traceId).toBe(TRACE_ID);
      expect(child?.spanContext().spanId).not.toBe(span?.spanContext().spanId);
    });

    it('tells the context of a span as a carrier has it', () => {
      const span = start(SAMPLED);
      const traceparent = span && traceparentOf(span);
      expect(traceparent).toMatch(new RegExp(`^00-${TRACE_ID}-[0-9a-f]{16}-01$`));
      expect(traceparent).not.toContain(SPAN_ID);
      expect(start({ traceparent })?.spanContext().traceId).toBe(TRACE_ID);
    });

    it.each([
      ['without a trace context', {}],
      ['with one that is none', { traceparent: `${SAMPLED.traceparent}x` }],
      ['with two', { traceparent: `${SAMPLED.traceparent}, ${SAMPLED.traceparent}` }],
    ])('begins a trace for a request %s, and for nothing else', (_, carrier) => {
      expect(start(carrier)).toBeUndefined();
      const { traceId, traceFlags } = start(carrier, 'server')?.spanContext() ?? {};
      expect(traceId).not.toBe(TRACE_ID);
      expect(traceFlags).toBe(1);
    });

    it('makes none where the trace is not sampled', () => {
      const carrier = { traceparent: SAMPLED.traceparent.replace(/1$/, '0') };
      expect(start(carrier, 'server')).toBeUndefined();
      expect(start(carrier)).toBeUndefined();
    });
  });
});
