/** What a model may be called: safe as a folder, a queue name, a URL segment and a metric label. */
export const MODEL_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;

/** Versions are positive integers, as in Triton and TensorFlow Serving. */
export const VERSION_NAME = /^[1-9][0-9]{0,8}$/;

/** How callers name a version: itself, or what it is in its model's rollout. */
export const VERSION_REFERENCE = /^([1-9][0-9]{0,8}|stable|canary)$/;
