export { checkModelFile, digestOf, modelFiles } from './external-data.js';
export {
  type BatchAxis,
  batchAxisOf,
  instanceShape,
  maxRowsOf,
  rowsPerRunOf,
} from './batch-axis.js';
export { largestBodyBytes } from './body-size.js';
export { base64Part, MAX_PIXELS } from './image-format.js';
export { parametersSchema, publishedInputSchema } from './input-schema.js';
export { InputValidator } from './input-validator.js';
export { instanceInputs } from './instance-inputs.js';
export type { StoredModel, StoredVersion } from './model.repository.js';
export { ModelWatcher } from './model.watcher.js';
export { outputSchema } from './output-schema.js';
export {
  bucketOf,
  hasVariableShapes,
  laneOf,
  lengthsOf,
  shapeSignature,
  signatureOf,
  variableDimensions,
} from './shape-signature.js';
