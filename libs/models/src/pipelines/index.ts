export { average } from './average.js';
export {
  type PipelinePlan,
  type PlannedModelStep,
  type PlannedAverage,
  planOf,
} from './pipeline.plan.js';
export { pipelineReport } from './pipeline.report.js';
export { MissingReference } from './template.js';
