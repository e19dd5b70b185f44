/** A `model.onnx`, or what it refers to, that must not be opened. The message is for operators and callers. */
export class ModelFileError extends Error {
  override readonly name = 'ModelFileError';
}
