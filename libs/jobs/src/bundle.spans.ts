import {
  type Context,
  context,
  createContextKey,
  INVALID_SPAN_CONTEXT,
  type Link,
  propagation,
  ROOT_CONTEXT,
  type SpanContext,
  trace,
  TraceFlags,
} from '@opentelemetry/api';
import { SpanKind, type SpanOptions, type Telemetry } from 'bullmq';
import { BullMQOtel, BullMQOTelSpan } from 'bullmq-otel';
import type { Bundle } from './bundle.js';

const LINKS = createContextKey('links of a bundle');
/** Of what nobody is to see. */
const NO_SPAN = new BullMQOTelSpan(trace.wrapSpanContext(INVALID_SPAN_CONTEXT));

/**
 * BullMQ's own spans, of the sending of bundles and of their processing. Its housekeeping (polling,
 * locks, stalled jobs) is left out: it belongs to no job, and would be a trace of its own every few seconds.
 */
export class BundleSpans {
  readonly telemetry: Telemetry<Context>;

  constructor() {
    const { tracer, contextManager } = new BullMQOtel();
    this.telemetry = {
      contextManager,
      tracer: {
        startSpan(name, options, under = context.active()) {
          const isSampled = isRecorded(trace.getSpanContext(under));
          if (!isSampled || options?.kind === SpanKind.INTERNAL) return NO_SPAN;
          const linked: (SpanOptions & { links: Link[] }) | undefined = options && {
            ...options,
            links: (under.getValue(LINKS) as Link[] | undefined) ?? [],
          };
          return tracer.startSpan(name, linked, under);
        },
      },
    };
  }

  /** Sends bundles: a span of that is a child of the first job's, with links to the others'. */
  sending<T>(bundles: readonly Bundle[], send: () => Promise<T>): Promise<T> {
    const spans = bundles
      .flatMap(({ jobs }) => jobs)
      .flatMap((message) => trace.getSpanContext(propagation.extract(ROOT_CONTEXT, message)) ?? [])
      .filter(isRecorded);
    const [first, ...others] = spans;
    const links = others.map((other): Link => ({ context: other }));
    const under = first ? trace.setSpanContext(ROOT_CONTEXT, first) : ROOT_CONTEXT;
    return context.with(under.setValue(LINKS, links), send);
  }
}

function isRecorded(span: SpanContext | undefined): boolean {
  return span !== undefined && (span.traceFlags & TraceFlags.SAMPLED) !== 0;
}
