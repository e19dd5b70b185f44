import { describe, expect, it } from '@jest/globals';
import { ROOT_CONTEXT, SpanKind, trace } from '@opentelemetry/api';
import { SamplingDecision } from '@opentelemetry/sdk-trace';
import { samplerOf } from './sampler.js';

const TRACE_ID = '0af7651916cd43dd8448eb211c80319c';

/** @param parent whether the caller samples; undefined: there is none. */
function isSampled(
  name: Parameters<typeof samplerOf>[0],
  parent?: boolean,
  share = 1,
  traceId = TRACE_ID,
): boolean {
  const spanContext = { traceId, spanId: 'b7ad6b7169203331', traceFlags: parent ? 1 : 0 };
  const under =
    parent === undefined
      ? ROOT_CONTEXT
      : trace.setSpanContext(ROOT_CONTEXT, { ...spanContext, isRemote: true });
  const { decision } = samplerOf(name, share).shouldSample(
    under,
    traceId,
    '',
    SpanKind.SERVER,
    {},
    [],
  );
  return decision === SamplingDecision.RECORD_AND_SAMPLED;
}

describe('samplerOf', () => {
  it.each([
    ['always_on', [true, true, true]],
    ['always_off', [false, false, false]],
    ['parentbased_always_on', [true, true, false]],
    ['parentbased_always_off', [false, true, false]],
  ] as const)(
    '%s samples without a caller, under one that does, and one that does not: %p',
    (name, expected) => {
      expect([undefined, true, false].map((parent) => isSampled(name, parent))).toEqual(expected);
    },
  );

  it.each(['traceidratio', 'parentbased_traceidratio'] as const)('%s takes a share', (name) => {
    const ids = Array.from({ length: 1000 }, (_, i) =>
      (BigInt(i) * 0x9e3779b97f4a7c15f39cc0605cedc835n).toString(16).padStart(32, '0').slice(-32),
    );
    const taken = ids.filter((id) => isSampled(name, undefined, 0.25, id)).length;
    expect(taken).toBeGreaterThan(200);
    expect(taken).toBeLessThan(300);
    expect(isSampled(name, true, 0)).toBe(name.startsWith('parentbased'));
  });
});
