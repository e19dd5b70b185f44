import {
  isRecord,
  jobProblem,
  type JobProblem,
  type PointedError,
  pointerPart,
  type ProblemCode,
  ProblemError,
  type VersionDescription,
} from '#libs/contracts';
import { inputKind, isPreprocessed } from '#libs/kinds';

/** The files in the instances of a version, which callers may name by URL. */
export interface FileInput {
  /** @returns undefined where an instance has no file, or has it itself. */
  urlOf(instance: unknown): string | undefined;
  /** Where the file stands, in an instance that stands at `at`: JSON Pointers. */
  pointerIn(instance: unknown, at: string): string;
  /** The same instance with its file in base64. */
  withFile(instance: unknown, base64: string): unknown;
  /** Why an instance that has its file would have been refused, had it been submitted so. */
  problemOf(instance: unknown): JobProblem | undefined;
}

/** @returns undefined where instances are no files. */
export function fileInputOf(version: VersionDescription): FileInput | undefined {
  const kind = inputKind(version.input);
  if (kind.takesFiles !== true || isPreprocessed(version)) return undefined;
  const { fileProperty: name = '' } = kind;
  const check = kind.checker?.(version);
  const pointerIn = (instance: unknown, at: string): string =>
    isRecord(instance) ? `${at}/${pointerPart(name)}` : at;
  return {
    urlOf(instance) {
      const text = isRecord(instance) ? instance[name] : instance;
      return typeof text === 'string' && /^https?:/i.test(text) ? text : undefined;
    },
    pointerIn,
    withFile: (instance, base64) => (isRecord(instance) ? { ...instance, [name]: base64 } : base64),
    problemOf(instance) {
      const { code, error } = complaintOf(() => check?.(instance, '') ?? []);
      if (!error) return undefined;
      const subject = error.pointer === pointerIn(instance, '') ? 'Its file' : error.pointer;
      return jobProblem(code, `${subject} ${error.message}.`);
    },
  };
}

/** The first thing that a kind has to say against an instance, in either way that it may say it. */
function complaintOf(check: () => PointedError[]): {
  code: ProblemCode;
  error: PointedError | undefined;
} {
  try {
    return { code: 'invalid-input', error: check()[0] };
  } catch (error) {
    if (!(error instanceof ProblemError)) throw error;
    return { code: error.code, error: error.errors?.[0] };
  }
}
