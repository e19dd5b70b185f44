import { z } from 'zod';
import { flag, optionalText, wholeNumber } from './fields.js';

const SAMPLERS = [
  'always_on',
  'always_off',
  'traceidratio',
  'parentbased_always_on',
  'parentbased_always_off',
  'parentbased_traceidratio',
] as const;

/** An address without a name and password, which would be shown where the address is. */
function collector() {
  return optionalText().pipe(
    z
      .url({ protocol: /^https?$/, error: 'must be http:// or https://' })
      .refine((url) => !url.includes('@'), {
        error: 'must have no name and password; OTEL_EXPORTER_OTLP_HEADERS is for these',
      })
      .optional(),
  );
}

/** Traces, by the names that OpenTelemetry has for its settings. */
export const tracesSchema = z.object({
  OTEL_EXPORTER_OTLP_ENDPOINT: collector().describe(
    'Collector that spans are sent to, at /v1/traces; unset: nothing is traced',
  ),
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: collector().describe('The whole URL for spans instead'),
  OTEL_EXPORTER_OTLP_PROTOCOL: z
    .literal('http/protobuf', { error: 'must be http/protobuf' })
    .default('http/protobuf')
    .describe('How spans are sent'),
  OTEL_EXPORTER_OTLP_HEADERS: optionalText().describe(
    'Headers for the collector, as key=value,key=value; may hold a secret',
  ),
  OTEL_EXPORTER_OTLP_TIMEOUT: wholeNumber(1, 600_000, 10_000).describe(
    'Longest that sending spans may take, with retries; milliseconds',
  ),
  OTEL_SDK_DISABLED: flag(false).describe('Nothing is traced, whatever else is set'),
  OTEL_TRACES_EXPORTER: z
    .enum(['otlp', 'none'])
    .default('otlp')
    .describe('`none`: nothing is traced, whatever else is set'),
  OTEL_SERVICE_NAME: optionalText().describe(
    'service.name of the spans; unset: foretell-api, foretell-worker, foretell-courier',
  ),
  OTEL_RESOURCE_ATTRIBUTES: optionalText().describe(
    'Attributes of the process, as key=value,key=value',
  ),
  OTEL_TRACES_SAMPLER: z
    .enum(SAMPLERS)
    .default('parentbased_always_on')
    .describe('Which requests are traced'),
  OTEL_TRACES_SAMPLER_ARG: z
    .preprocess(
      (text) => (text === undefined ? 1 : Number(text)),
      z.number({ error: 'must be a number from 0 to 1' }).min(0).max(1),
    )
    .describe('Share of requests that a traceidratio sampler takes'),
  OTEL_BSP_SCHEDULE_DELAY: wholeNumber(1, 600_000, 5000).describe(
    'Longest that a span waits to be sent; milliseconds',
  ),
  OTEL_BSP_MAX_QUEUE_SIZE: wholeNumber(1, 1_000_000, 2048).describe(
    'Spans that wait to be sent; more are dropped',
  ),
  OTEL_BSP_MAX_EXPORT_BATCH_SIZE: wholeNumber(1, 100_000, 512).describe(
    'Spans that are sent together',
  ),
});

/** Whether spans are to be made and sent at all. */
export function isTraced(traces: z.infer<typeof tracesSchema>): boolean {
  const { OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT } = traces;
  if (traces.OTEL_SDK_DISABLED || traces.OTEL_TRACES_EXPORTER === 'none') return false;
  return (OTEL_EXPORTER_OTLP_TRACES_ENDPOINT ?? OTEL_EXPORTER_OTLP_ENDPOINT) !== undefined;
}
