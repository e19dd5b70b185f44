import { z } from 'zod';
import { list, wholeNumber } from './fields.js';

/** Where models live and how they run. */
export const modelsSchema = z.object({
  MODELS_DIR: z.string().default('models').describe('Folder of model folders'),
  EXECUTION_PROVIDERS: list()
    .transform((providers) => (providers.length === 0 ? ['cpu'] : providers))
    .pipe(z.array(z.enum(['cpu', 'cuda'])))
    .describe('ONNX Runtime providers in order of preference; those that do not work are skipped'),
  RUNNER_THREADS: wholeNumber(1, 256, 1).describe('Threads of one run inside ONNX Runtime'),
  RUN_TIMEOUT_S: wholeNumber(1, 86_400, 300).describe(
    'A batch that computes longer is taken to hang: its runner is replaced, its jobs run alone next',
  ),
  MODEL_LOAD_TIMEOUT_S: wholeNumber(1, 3600, 120).describe(
    'A model that takes longer to load and warm up counts as failed',
  ),
});
