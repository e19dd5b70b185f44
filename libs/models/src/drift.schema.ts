import { z } from 'zod';

const settings = z
  .strictObject({
    reference: z
      .string()
      .regex(/^(?!\.{1,2}(\/|$))[^/\0]+(\/(?!\.{1,2}(\/|$))[^/\0]+)*$/, {
        message: "must be the path of a file in the model's folder",
      })
      .optional(),
    window_s: z.number().int().min(300).max(86_400).default(3600),
    min_samples: z.number().int().min(1).max(1_000_000_000).default(500),
    warn_psi: z.number().positive().max(100).default(0.1),
    alert_psi: z.number().positive().max(100).default(0.25),
    low_confidence: z.number().min(0).max(1).default(0.5),
  })
  .refine((d) => d.warn_psi <= d.alert_psi, {
    message: 'must not be above alert_psi',
    path: ['warn_psi'],
  });

/** `drift` of `model.yaml`: settings, or false. Not a union, which would not say what is wrong with settings. */
export const driftSettings = z
  .preprocess((given) => (given === false ? null : given), settings.nullable())
  .transform((given) => given ?? false)
  .prefault({});
