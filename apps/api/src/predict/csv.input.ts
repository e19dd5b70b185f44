/** Instances as the rows of a CSV text: which values those are only a model's fields can tell. */
export class CsvInput {
  /** @param bytes as they came: UTF-8, or not. */
  constructor(readonly bytes: Buffer<ArrayBuffer>) {}
}
