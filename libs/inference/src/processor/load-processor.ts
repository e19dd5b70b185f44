import path from 'node:path';
import { pathToFileURL } from 'node:url';
import {
  type Json,
  type Processor,
  type ProcessorContext,
  PROCESSOR_HOOKS,
  ProblemError,
  type ProcessorHook,
  type VersionDescription,
} from '#libs/contracts';
import { type CallParameters, InstanceError, ManifestMismatch } from '#libs/kinds';
import { InputValidator, processorFile } from '#libs/models';
import { ModelLoadError, plainReason, ProcessingError } from '../errors.js';
import { jsonText } from './json-text.js';

/** A version's `processor.mjs`, told whose it is. */
export interface BoundProcessor {
  /**
   * @returns what the version's encoder takes.
   * @throws InstanceError, ProcessingError
   */
  preprocess?: (instance: unknown, parameters: CallParameters) => Promise<unknown>;
  /** From JSON text to JSON text. @throws InstanceError, ProcessingError */
  postprocess?: (output: string, parameters: CallParameters) => Promise<string>;
}

/**
 * Runs the code of a version's `processor.mjs`, for as long as this process lives.
 * @param version with `processor` and `tensors`.
 * @param file path of `model.onnx`.
 * @throws ModelLoadError, ManifestMismatch
 */
export async function loadProcessor(
  version: VersionDescription,
  file: string,
): Promise<BoundProcessor> {
  const processor = await importProcessor(file);
  requireHook(version.processor?.input_schema, processor, 'preprocess', 'input_schema');
  requireHook(version.processor?.output_schema, processor, 'postprocess', 'output_schema');
  const { model, version: number } = version;
  const context = (parameters: CallParameters) => ({
    model,
    version: number,
    parameters: Object.freeze(parameters) as ProcessorContext['parameters'],
  });
  const { preprocess, postprocess } = processor;
  const bound: BoundProcessor = {};
  if (preprocess) {
    const validator = new InputValidator({ ...version, processor: undefined });
    bound.preprocess = (instance, parameters) =>
      calling(async () => {
        const made = await preprocess(instance as Json, context(parameters));
        requireTakeable(validator, made);
        return made;
      });
  }
  if (postprocess) {
    bound.postprocess = (output, parameters) =>
      calling(async () => {
        const given = JSON.parse(output) as Json;
        return jsonText(await postprocess(given, context(parameters)));
      });
  }
  return bound;
}

async function importProcessor(file: string): Promise<Processor> {
  const found = await processorFile(path.dirname(file));
  if (found === null) throw new ModelLoadError('processor.mjs has gone');
  let module: Record<string, unknown>;
  try {
    module = (await import(pathToFileURL(found).href)) as Record<string, unknown>;
  } catch (error) {
    throw new ModelLoadError(`processor.mjs cannot be loaded: ${withPlace(error)}`, {
      cause: error,
    });
  }
  const exported = PROCESSOR_HOOKS.filter((hook) => module[hook] !== undefined);
  if (exported.length === 0) {
    throw new ModelLoadError(`processor.mjs exports neither ${PROCESSOR_HOOKS.join(' nor ')}`);
  }
  const odd = exported.find((hook) => typeof module[hook] !== 'function');
  if (odd) throw new ModelLoadError(`processor.mjs exports a ${odd} that is no function`);
  return Object.fromEntries(exported.map((hook) => [hook, module[hook]]));
}

/** Where it was thrown, which only the stack says; not even that for what does not parse. */
function withPlace(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const [, place] = /([\w.-]+\.mjs:\d+)/.exec(error.stack ?? '') ?? [];
  return place === undefined ? error.message : `${place}: ${error.message}`;
}

function requireHook(
  schema: object | undefined,
  processor: Processor,
  hook: ProcessorHook,
  field: string,
): void {
  if (!schema || processor[hook]) return;
  throw new ManifestMismatch(
    `model.yaml has processor.${field}, but processor.mjs exports no ${hook}`,
  );
}

/** An encoder trusts what it gets, as the api has checked it. @throws ProcessingError */
function requireTakeable(validator: InputValidator, made: unknown): void {
  if (made === undefined) throw new ProcessingError('preprocess returned nothing');
  try {
    validator.validate([made], false, undefined);
  } catch (error) {
    if (!(error instanceof ProblemError)) throw error;
    const [first] = error.errors ?? [];
    const what = first ? `${first.pointer.replace(/^\/input/, '') || 'it'} ${first.message}` : '';
    throw new ProcessingError(`preprocess returned what the model does not take: ${what}`);
  }
}

/** Authors can say that the caller is at fault. */
async function calling<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const { message, isCallers } = told(error);
    throw new (isCallers ? InstanceError : ProcessingError)(message, { cause: error });
  }
}

/** Whatever was thrown: it need not be an error, and to look at it may throw as well. */
function told(error: unknown): { message: string; isCallers: boolean } {
  try {
    const isCallers = (error as { code?: unknown } | null | undefined)?.code === 'invalid-input';
    return { message: plainReason(error), isCallers };
  } catch {
    return { message: 'it threw what has no message', isCallers: false };
  }
}
