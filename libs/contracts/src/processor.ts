/** Anything that JSON can say. */
export type Json = string | number | boolean | null | Json[] | { [name: string]: Json };

/** What a `processor.mjs` is told of the call. */
export interface ProcessorContext {
  readonly model: string;
  readonly version: string;
  /** `parameters` of the submission; `{}` where it has none. */
  readonly parameters: Readonly<Record<string, Json>>;
}

/**
 * Makes what a caller sent into what the model's `input` takes, as a caller would send it: it is checked
 * against that.
 * @param instance fits `processor.input_schema`, where `model.yaml` has one. May be changed.
 * @throws whatever it likes: that instance alone fails, with `processing-failed` and the error's message;
 *   with `invalid-input` where the error has that as its `code`.
 */
export type Preprocess = (
  instance: Json,
  context: ProcessorContext,
) => Json | undefined | Promise<Json | undefined>;

/**
 * Makes what the model's `output` gives into what the caller gets: any JSON.
 * @param output as a caller would get it without a processor. May be changed.
 * @throws as a `Preprocess` does.
 */
export type Postprocess = (
  output: Json,
  context: ProcessorContext,
) => Json | undefined | Promise<Json | undefined>;

/** What a `processor.mjs` exports: either or both. */
export interface Processor {
  preprocess?: Preprocess;
  postprocess?: Postprocess;
}
