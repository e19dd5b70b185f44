import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import {
  type Context,
  context,
  propagation,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { ExportResultCode, W3CTraceContextPropagator } from '@opentelemetry/core';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import {
  defaultResource,
  detectResources,
  resourceAttributesEnvDetector,
  resourceFromAttributes,
  serviceNameEnvDetector,
} from '@opentelemetry/resources';
import { BatchSpanProcessor, type SpanExporter, TracerProvider } from '@opentelemetry/sdk-trace';
import { APP_VERSION, type Config } from '#libs/config';
import { LastingTrouble } from './lasting-trouble.js';
import { samplerOf } from './sampler.js';
import { type SpanMaker, traceBy, type TraceCarrier } from './spans.js';

/** Longest that the last spans may take to leave a process that ends. */
const FLUSH_MS = 2000;
/** A batch is linked to all its jobs, and has no more of them than rows (at most 4096). */
const MAX_LINKS = 4096;

/** The last bit of the flags, which come last. */
const SAMPLED = /[13579bdf]$/;

const KINDS = {
  internal: SpanKind.INTERNAL,
  server: SpanKind.SERVER,
  client: SpanKind.CLIENT,
  producer: SpanKind.PRODUCER,
  consumer: SpanKind.CONSUMER,
} as const;

/**
 * Has this process make spans, and send them to the collector. Loaded only where that is wanted, as it
 * takes time and memory. The exporter and the resource read what else they need from the environment
 * themselves, under OpenTelemetry's own names.
 * @returns what sends the last ones, within 2 s. It never rejects.
 */
export function startTracing(app: string, config: Config['traces']): () => Promise<void> {
  const provider = new TracerProvider({
    resource: resourceOf(app),
    sampler: samplerOf(config.OTEL_TRACES_SAMPLER, config.OTEL_TRACES_SAMPLER_ARG),
    spanLimits: { linkCountLimit: MAX_LINKS },
    spanProcessors: [
      new BatchSpanProcessor({
        exporter: new ToldExporter(),
        scheduledDelayMillis: config.OTEL_BSP_SCHEDULE_DELAY,
        maxQueueSize: config.OTEL_BSP_MAX_QUEUE_SIZE,
        maxExportBatchSize: config.OTEL_BSP_MAX_EXPORT_BATCH_SIZE,
      }),
    ],
  });
  trace.setGlobalTracerProvider(provider);
  // For BullMQ's own spans, which are made where nobody could hand them a parent.
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  propagation.setGlobalPropagator(new W3CTraceContextPropagator());
  traceBy({ start, fail });
  return async () => {
    const flushed = provider.shutdown().catch(() => undefined); // told already
    await Promise.race([flushed, sleep(FLUSH_MS, undefined, { ref: false })]);
  };
}

const start: SpanMaker['start'] = (name, parent, about) => {
  const { kind, links = [], ...options } = about;
  // Cheaper than to ask the sampler: what the api has not sampled is not made up for elsewhere.
  if (kind !== 'server' && !isSpan(parent) && !isSampled(parent)) return undefined;
  const under = contextOf(parent);
  if (kind !== 'server' && !trace.getSpanContext(under)) return undefined;
  const span = trace.getTracer('foretell', APP_VERSION).startSpan(
    name,
    {
      ...options,
      kind: KINDS[kind],
      links: links.map((other) => ({ context: other.spanContext() })),
    },
    under,
  );
  return span.isRecording() ? span : undefined;
};

const fail: SpanMaker['fail'] = (span, type) => {
  span.setAttribute('error.type', type);
  span.setStatus({ code: SpanStatusCode.ERROR });
};

function contextOf(parent: Span | TraceCarrier): Context {
  return isSpan(parent)
    ? trace.setSpan(ROOT_CONTEXT, parent)
    : propagation.extract(ROOT_CONTEXT, parent);
}

function isSampled({ traceparent }: TraceCarrier): boolean {
  return typeof traceparent === 'string' && SAMPLED.test(traceparent);
}

function isSpan(parent: Span | TraceCarrier): parent is Span {
  return 'spanContext' in parent;
}

function resourceOf(app: string) {
  const own = resourceFromAttributes({
    'service.name': `foretell-${app}`,
    'service.version': APP_VERSION,
    'service.instance.id': randomUUID(),
    'host.name': hostname(),
    'process.pid': process.pid,
  });
  const given = detectResources({
    detectors: [resourceAttributesEnvDetector, serviceNameEnvDetector],
  });
  return defaultResource().merge(own).merge(given);
}

/** The log hears of a collector that is away, once. */
class ToldExporter extends OTLPTraceExporter {
  private readonly trouble = new LastingTrouble(new Logger('Tracing'));

  override export(...[spans, done]: Parameters<SpanExporter['export']>): void {
    super.export(spans, (result) => {
      if (result.code === ExportResultCode.SUCCESS) this.trouble.isOver();
      else this.trouble.met(result.error, 'spans not sent');
      done(result);
    });
  }
}
