import { z } from 'zod';
import { list, wholeNumber } from './fields.js';

/** Where models live and how they run. */
export const modelsSchema = z.object({
  MODELS_DIR: z.string().default('models').describe('Folder of model folders'),
  EXECUTION_PROVIDERS: list()
    .transform((providers) => (providers.length === 0 ? ['cpu'] : providers))
    .pipe(z.array(z.enum(['cpu', 'cuda', 'tensorrt', 'webgpu', 'coreml', 'dml'])))
    .describe(
      'ONNX Runtime providers in order of preference; one that does not work is logged and the next tried',
    ),
  RUNNER_THREADS: wholeNumber(0, 256, 0).describe(
    "Threads of one run inside ONNX Runtime; 0: the cores shared out among a model's instances",
  ),
  RUNNER_MEMORY_MB: wholeNumber(0, 100_000_000, 0).describe(
    'Memory of its own that a runner process may take once its model is loaded; what an input asks for beyond fails',
  ),
  RUN_TIMEOUT_S: wholeNumber(1, 86_400, 300).describe(
    'A batch that computes longer is taken to hang: its runner is replaced, its jobs run alone next; most a caller may ask for',
  ),
  MODEL_LOAD_TIMEOUT_S: wholeNumber(1, 3600, 120).describe(
    'A model that takes longer to load and warm up counts as failed',
  ),
  MODELS_POLL_MS: wholeNumber(0, 3_600_000, 2000).describe(
    'From one look at MODELS_DIR to the next; 0: changes are seen when a worker starts',
  ),
  MEMORY_BUDGET_MB: wholeNumber(0, 100_000_000, 0).describe(
    'Resident memory that the runner processes of a worker may take together; idle versions that were used least recently are unloaded to keep it',
  ),
});
