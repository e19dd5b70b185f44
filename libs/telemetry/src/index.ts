export { forgetSeries } from './forget-series.js';
export { LastingTrouble } from './lasting-trouble.js';
export { cacheCounter, DURATION_BUCKETS_S, JOB_BUCKETS_S } from './metrics.js';
export { MetricsController } from './metrics.controller.js';
export { runApp } from './run-app.js';
export { failSpan, isTracing, type Span, startSpan, traceparentOf } from './spans.js';
export { TelemetryModule } from './telemetry.module.js';
