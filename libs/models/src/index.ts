export { agree } from './agreement.js';
export { checkModelFile, digestOf, modelFiles } from './external-data.js';
export {
  type BatchAxis,
  batchAxisOf,
  instanceShape,
  maxRowsOf,
  rowsPerRunOf,
} from './batch-axis.js';
export { largestBodyBytes } from './body-size.js';
export { contentOf } from './content-of.js';
export { decide, type GuardDecision, isPromotionDue } from './guard-decision.js';
export { rolloutReport } from './rollout-report.js';
export { driftFeatures } from './drift-features.js';
export { base64Part, MAX_PIXELS } from './image-format.js';
export { parametersSchema, publishedInputSchema } from './input-schema.js';
export { isNumberField } from './field-schema.js';
export { InputValidator } from './input-validator.js';
export { instanceInputs } from './instance-inputs.js';
export { processorFile } from './model-folder.js';
export type { StoredModel, StoredVersion } from './model.repository.js';
export { ModelWatcher } from './model.watcher.js';
export { outputSchema } from './output-schema.js';
export { readReference, type Reference, ReferenceError } from './reference-file.js';
export { roleFor, type Subject } from './rollout.js';
export {
  bucketOf,
  hasVariableShapes,
  laneOf,
  lengthsOf,
  shapeSignature,
  signatureOf,
  variableDimensions,
} from './shape-signature.js';
