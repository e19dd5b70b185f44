import { plainReason } from '../errors.js';

/** What ONNX Runtime puts before and between what it has to say. */
const CLUTTER = [
  /^Load model from .*? failed:/,
  /\[ONNXRuntimeError\] : \d+ : [A-Z_]+ : /g,
  /Exception during initialization: /g,
  // A place in its sources, with the function's signature or name.
  /[\w/]+\.(?:cc|h):\d+ (?:[^()]*::[^()]*\((?:[^()]|\([^()]*\))*\)(?:::<lambda\(.*?\)>)?(?: const)?|\w+) ?/g,
];

/** An error of ONNX Runtime in one line, without paths and without places in its sources. */
export function ortReason(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return plainReason(CLUTTER.reduce((left, clutter) => left.replace(clutter, ''), text));
}
