import type { RegressionOutput, RegressionTarget } from '#libs/contracts';
import { answerSchema as object, type JsonSchema } from '../json-schema.js';
import type { OutputKind, WithOutput } from '../output-kind.js';
import { RegressionDecoder } from './regression.decoder.js';
import { regressionOutput } from './regression.schema.js';

type Version = WithOutput<RegressionOutput>;

/** A number, or a named number each. */
export const regression: OutputKind<RegressionOutput> = {
  settings: regressionOutput,

  schema({ output }: Version): JsonSchema {
    return regressionSchema(output);
  },

  openDecoder({ output }: Version, outputs) {
    return new RegressionDecoder(output, outputs);
  },
};

function regressionSchema(output: RegressionOutput): JsonSchema {
  if (!output.targets) return object({ value: targetSchema(output) });
  const values = output.targets.map((target) => [target.name, targetSchema(target)]);
  return object({ values: object(Object.fromEntries(values) as JsonSchema) });
}

function targetSchema({ minimum, maximum, unit }: RegressionTarget): JsonSchema {
  return {
    type: 'number',
    ...(minimum === undefined ? {} : { minimum }),
    ...(maximum === undefined ? {} : { maximum }),
    ...(unit === undefined ? {} : { 'x-unit': unit }),
  };
}
