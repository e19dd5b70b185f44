export { LastingTrouble } from './lasting-trouble.js';
export { DURATION_BUCKETS_S } from './metrics.js';
export { MetricsController } from './metrics.controller.js';
export { runApp } from './run-app.js';
export { TelemetryModule } from './telemetry.module.js';
