export { type BatchAxis, batchAxisOf, maxRowsOf, rowsPerRunOf } from './batch-axis.js';
export { InstanceError, ManifestMismatch } from './errors.js';
export { isPreprocessed } from './hooks.js';
export type { InputEncoder, TableColumn } from './input-kind.js';
export { INPUT_KINDS, inputKind, openEncoder } from './input-kinds.js';
export { isNumberField } from './inputs/field-schema.js';
export { hasVariableShapes, laneOf, shapeSignature } from './inputs/shape-signature.js';
export { fits64, type JsonSchema, WELL_FORMED } from './json-schema.js';
export type { CallParameters, OutputDecoder, PredictionObserver } from './output-kind.js';
export {
  type GenerationOptions,
  generationOptions,
  type GenerationOutput,
} from './outputs/generation.output.js';
export { OUTPUT_KINDS, outputKind } from './output-kinds.js';
export type { Scaler } from './scaler.schema.js';
export { aboveZero, FILE_NAME, finite, text } from './settings.js';
export { allocate, type Batch, repeatLastRow, sizeOf, type TensorData } from './tensors.js';
export { type Encoding, openTokenizer, Tokenizer, type TokenizerSpec } from './text/tokenizer.js';
