import { inputText, inputTextOf } from '#libs/contracts';
import type { CheckedInput } from './checked.input.js';
import { ColumnInput } from './column.input.js';
import { CsvInput } from './csv.input.js';
import { LargeInput } from './large.input.js';
import type { PredictDto } from './predict.dto.js';

/** The instances of a body, in whichever form it has them. */
export type BodyInput = readonly unknown[] | LargeInput | ColumnInput | CsvInput;

type ReadInput = Exclude<BodyInput, CsvInput>;

export function inputOf({ input, inputs }: PredictDto): BodyInput {
  return inputs ?? (input instanceof LargeInput ? input : [input]);
}

/** The instances of a body that was checked. */
export function instancesOf(body: PredictDto, { rows }: CheckedInput): ReadInput {
  const input = rows ?? inputOf(body);
  if (input instanceof CsvInput) throw new Error('this CSV was not read');
  return input;
}

/** Instances as they are stored. */
export function textOf(input: ReadInput, parameters: unknown): string {
  return input instanceof LargeInput
    ? inputTextOf(input.lines, parameters)
    : inputText(listOf(input), parameters);
}

export function countOf(input: ReadInput): number {
  return input instanceof LargeInput ? input.count : listOf(input).length;
}

function listOf(input: readonly unknown[] | ColumnInput): readonly unknown[] {
  return input instanceof ColumnInput ? input.rows : input;
}
