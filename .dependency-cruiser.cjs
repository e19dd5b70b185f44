/** Imports run one way: apps → libs. See docs/decisions. @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    {
      name: 'no-circular',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'libs-not-to-apps',
      severity: 'error',
      from: { path: '^libs/' },
      to: { path: '^apps/' },
    },
    {
      name: 'no-app-to-app',
      severity: 'error',
      from: { path: '^apps/([^/]+)/' },
      to: { path: '^apps/', pathNot: '^apps/$1/' },
    },
    {
      name: 'foundations-stand-alone',
      comment: 'contracts and config import no other lib',
      severity: 'error',
      from: { path: '^libs/(contracts|config)/' },
      to: { path: '^libs/', pathNot: '^libs/$1/' },
    },
    {
      name: 'kinds-of-contracts-alone',
      severity: 'error',
      from: { path: '^libs/kinds/', pathNot: '\\.spec\\.ts$' },
      to: { path: '^libs/', pathNot: '^libs/(kinds|contracts)/' },
    },
    {
      name: 'kinds-load-what-is-large-when-opened',
      comment: 'The api and the workers know all kinds, and open none',
      severity: 'error',
      from: { path: '^libs/kinds/', pathNot: '\\.spec\\.ts$' },
      to: {
        path: 'node_modules/(sharp|@huggingface|@alexanderolsen)/',
        dependencyTypesNot: ['type-only', 'dynamic-import'],
      },
    },
    {
      name: 'client-of-contracts-alone',
      comment: 'client is for the receivers of webhooks, who have nothing else of this house',
      severity: 'error',
      from: { path: '^libs/client/', pathNot: '\\.spec\\.ts$' },
      to: { path: '^libs/', pathNot: '^libs/(client|contracts)/' },
    },
    {
      name: 'one-door',
      comment: 'A lib is entered by its src/index.ts alone',
      severity: 'error',
      from: { path: '^(apps|libs)/([^/]+)/' },
      to: { path: '^libs/([^/]+)/src/', pathNot: ['^libs/[^/]+/src/index\\.ts$', '^$1/$2/'] },
    },
    {
      name: 'api-without-inference',
      severity: 'error',
      from: { path: '^apps/(api|courier)/' },
      to: { path: '^libs/inference/', reachable: true },
    },
    {
      name: 'runner-without-nest',
      comment: 'Every runner process pays for what it loads',
      severity: 'error',
      from: { path: '^libs/inference/src/runner/runner\\.process\\.ts$' },
      to: { path: 'node_modules/@nestjs/', reachable: true },
    },
    {
      name: 'bullmq-and-redis-in-jobs-alone',
      severity: 'error',
      from: { path: '^(apps|libs)/', pathNot: '^libs/(jobs|testing)/|\\.spec\\.ts$' },
      to: { path: 'node_modules/(bullmq|ioredis)/' },
    },
    {
      name: 'onnxruntime-in-inference-alone',
      severity: 'error',
      from: { path: '^(apps|libs)/', pathNot: '^libs/inference/' },
      to: { path: 'node_modules/onnxruntime' },
    },
    {
      name: 'opentelemetry-in-telemetry-alone',
      comment:
        'Elsewhere spans are made through its door, which loads nothing while nothing is traced',
      severity: 'error',
      from: { path: '^(apps|libs)/', pathNot: '^libs/(telemetry/|jobs/src/bundle\\.spans\\.ts$)' },
      to: { path: 'node_modules/(@opentelemetry/|bullmq-otel/)' },
    },
    {
      name: 'opentelemetry-only-where-traced',
      comment: 'The two rooms that load it are themselves loaded by `await import`',
      severity: 'error',
      from: { path: '^(apps|libs)/', pathNot: '^libs/telemetry/src/tracing\\.ts$|\\.spec\\.ts$' },
      to: {
        path: '^libs/(telemetry/src/(tracing|sampler)|jobs/src/bundle\\.spans)\\.ts$',
        dependencyTypesNot: ['type-only', 'dynamic-import'],
      },
    },
    { name: 'no-unresolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.sources.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types'],
    },
  },
};
