export { type BatchAxis, batchAxisOf, instanceShape } from './batch-axis.js';
export { base64Part } from './image-format.js';
export { publishedInputSchema } from './input-schema.js';
export { InputValidator } from './input-validator.js';
export { scanModels, type StoredModel, type StoredVersion } from './model.repository.js';
export { outputSchema } from './output-schema.js';
