import type { IncomingHttpHeaders } from 'node:http';
import type { Attributes, Span } from '@opentelemetry/api';

export type { Span };

/** What has a W3C trace context: the headers of a request, a job's record, its message. */
export type TraceCarrier = IncomingHttpHeaders | { traceparent?: string | undefined };

export interface SpanStart {
  kind: 'internal' | 'server' | 'client' | 'producer' | 'consumer';
  attributes: Attributes;
  /** Ms since the epoch; absent: now. */
  startTime?: number;
  /** Spans that it belongs to besides its parent. */
  links?: readonly Span[];
}

/** OpenTelemetry, which is not even loaded while nothing is traced. */
export interface SpanMaker {
  start: typeof startSpan;
  fail: typeof failSpan;
}

let maker: SpanMaker | undefined;

/** From now on spans are made. */
export function traceBy(makes: SpanMaker): void {
  maker = makes;
}

/** Whether this process makes spans at all; what costs something only for a span asks first. */
export function isTracing(): boolean {
  return maker !== undefined;
}

/**
 * A span that the caller ends. Only a `server` span begins a trace; all others need a parent.
 * @returns undefined where nothing is recorded: tracing is off, or the trace is not sampled.
 */
export function startSpan(
  name: string,
  parent: Span | TraceCarrier,
  about: SpanStart,
): Span | undefined {
  return maker?.start(name, parent, about);
}

/** The trace context for what is a child of this span. */
export function traceparentOf(span: Span): string {
  const { traceId, spanId, traceFlags } = span.spanContext();
  return `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`;
}

/** @param type what went wrong, in a word: a problem's code, an outcome, a status. */
export function failSpan(span: Span, type: string): void {
  maker?.fail(span, type);
}
