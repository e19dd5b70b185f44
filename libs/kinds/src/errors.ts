/** One instance cannot be used. The message is for its caller. */
export class InstanceError extends Error {
  override readonly name = 'InstanceError';
}

/** `model.yaml` and the graph do not fit together. The message is for the operator. */
export class ManifestMismatch extends Error {
  override readonly name = 'ManifestMismatch';
}
