import { isDeepStrictEqual } from 'node:util';
import type { VersionReport } from '#libs/contracts';
import { InputValidator } from '#libs/models';
import type { ServedVersion } from '../served.version.js';

/** Pairs of contents that are remembered. */
const MAX_ALIKE = 100;

interface Known {
  content: string | undefined;
  validator: InputValidator;
}

/** What the models of steps take: nobody has checked yet what one step gives another. */
export class StepSignatures {
  /** By model and version, as long as those stay what they are. */
  private readonly validators = new Map<string, Known>();
  /** By the contents of two versions. */
  private readonly alike = new Map<string, boolean>();

  /** Why a value is no instance of a version; undefined where it is one. */
  complaint({ content, report }: ServedVersion, value: unknown): string | undefined {
    // Never opened: it is about to be, and is then all there is to check by.
    if (content === undefined) return undefined;
    const name = `${report.model}/${report.version}`;
    let known = this.validators.get(name);
    if (known?.content !== content) {
      known = { content, validator: new InputValidator(report) };
      this.validators.set(name, known);
    }
    const error = known.validator.complaint(value);
    if (!error) return undefined;
    const at = error.pointer === '' ? '' : `${error.pointer} `;
    return `what it gets does not fit ${report.model}: ${at}${error.message}`;
  }

  /** Whether what fits the one fits the other. */
  areAlike(one: ServedVersion, other: ServedVersion): boolean {
    if (one === other) return true;
    // Never opened: what its graph takes is not known.
    if (one.content === undefined || other.content === undefined) return false;
    const key = `${one.content} ${other.content}`;
    let alike = this.alike.get(key);
    if (alike === undefined) {
      // Contents come and go with every change of a model.
      if (this.alike.size >= MAX_ALIKE) this.alike.clear();
      alike = isDeepStrictEqual(takes(one.report), takes(other.report));
      this.alike.set(key, alike);
    }
    return alike;
  }
}

function takes({ input, processor, hooks, batching, tensors }: VersionReport) {
  const { max_batch_size, padding } = batching;
  const schema = processor?.input_schema;
  return { input, schema, hooks, singly: max_batch_size === 0, padding, inputs: tensors?.inputs };
}
