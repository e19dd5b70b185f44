export { binOf, linearEdges, quantileEdges, SIGNED_LOG_EDGES } from './bins.js';
export { compare } from './compare.js';
export { binName, type FeatureDrift, severity, type VersionDrift, versionDrift } from './drift.js';
export { under } from './under.js';
export { logBin, logBinEdges, logBinQuantile } from './log-bins.js';
export { evidenceAbove } from './sequential-test.js';
