import { z } from 'zod';
import type { RegressionTarget } from '#libs/contracts';
import { scaler, shiftAndScale } from '../scaler.schema.js';
import { aboveZero, decimals, DEFAULT_DECIMALS, finite, text } from '../settings.js';

const target = {
  mean: finite.optional(),
  std: aboveZero.optional(),
  scaler: scaler.optional(),
  transform: z.enum(['none', 'exp', 'expm1']).optional(),
  decimals: decimals.optional(),
  minimum: finite.optional(),
  maximum: finite.optional(),
  unit: text.optional(),
};
type DeclaredTarget = z.infer<z.ZodObject<typeof target>>;

export const regressionOutput = z
  .strictObject({
    kind: z.literal('regression'),
    tensor: text.optional(),
    targets: z
      .array(z.strictObject({ name: text, ...target }))
      .min(1)
      .refine((targets) => new Set(targets.map((t) => t.name)).size === targets.length, {
        message: 'names must differ',
      })
      .optional(),
    ...target,
  })
  .transform(({ kind, tensor, targets, ...only }, context) => {
    const complain = (message: string, path: (string | number)[]) => {
      context.addIssue({ code: 'custom', message, path });
    };
    const resolve = (declared: DeclaredTarget, path: (string | number)[]): RegressionTarget => {
      const { mean, std, scaler, transform, ...rest } = declared;
      if (scaler && (mean ?? std) !== undefined) {
        complain('mean and std are a scaler of their own', [...path, 'scaler']);
      }
      if ((rest.minimum ?? -Infinity) > (rest.maximum ?? Infinity)) {
        complain('minimum must not be above maximum', [...path, 'minimum']);
      }
      return {
        ...rest,
        ...shiftAndScale(scaler ?? { kind: 'standard', mean: mean ?? 0, std: std ?? 1 }),
        ...(transform !== undefined && transform !== 'none' && { transform }),
        decimals: rest.decimals ?? DEFAULT_DECIMALS,
      };
    };
    const several = targets?.map(({ name, ...declared }, i) => ({
      name,
      ...resolve(declared, ['targets', i]),
    }));
    const [stray] = several ? Object.keys(only) : [];
    if (stray !== undefined) complain('belongs to each of the targets', [stray]);
    return { kind, tensor, ...resolve(only, []), ...(several && { targets: several }) };
  });
