export * from './delivery.js';
export * from './job.js';
export * from './json.js';
export * from './model.js';
export * from './names.js';
export * from './problem.js';
export * from './webhook-event.js';
