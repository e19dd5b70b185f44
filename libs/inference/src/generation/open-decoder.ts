import { isOutOfMemory } from '../out-of-memory.js';
import { fromWire } from '../runner/float16.js';
import type { RunSample } from '../runner/protocol.js';
import type { Session } from '../runner/session.js';
import { warmUp } from '../runner/warm-up.js';
import { Decoder } from './decoder.js';
import { decoderLayout } from './decoder-layout.js';
import { emptyCache } from './key-value-cache.js';

/** Any token will do to warm up. */
const HARMLESS = [0, 0, 0];

export interface OpenedDecoder {
  decoder: Decoder;
  /** Of a token for so many sequences. */
  samples: RunSample[];
}

/**
 * The decoder of a graph, warm.
 * @param slots most sequences at a time. @param batchSizes those that the manifest names.
 * @throws ManifestMismatch where the graph is no decoder.
 */
export async function openDecoder(
  session: Session,
  slots: number,
  batchSizes: readonly number[],
): Promise<OpenedDecoder> {
  const layout = decoderLayout(session.tensors);
  const decoder = new Decoder(layout, async (feeds, outputs) => {
    const results = await session.call(feeds, outputs);
    return results.map((tensor, i) => {
      if (outputs[i] !== 'logits') return tensor;
      const { type, dims, data } = tensor;
      return { type, dims, data: fromWire(type, data) };
    });
  });
  const samples = await warmUp({
    maxRows: slots,
    batchSizes,
    run: async (rows) => {
      const sequences = Array.from({ length: rows }, () => ({ tokens: HARMLESS, cached: 0 }));
      const empty = emptyCache(layout.caches, sequences);
      const cache = await decoder.prefill(empty, HARMLESS.length - 1);
      const start = performance.now();
      await decoder.decode(cache);
      return performance.now() - start;
    },
    mayFail: (error, rows) => rows > 1 && isOutOfMemory(error),
  });
  return { decoder, samples };
}
