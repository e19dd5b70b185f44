// The floor's runner: rows in, scores out.
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { FIELDS, MEAN, MODEL_FILE, STD } from './iris.mjs';

const session = await InferenceSession.create(MODEL_FILE, {
  intraOpNumThreads: 1,
  interOpNumThreads: 1,
  extra: { session: { intra_op: { allow_spinning: '0' } } },
});
const [input = ''] = session.inputNames;
const [output = ''] = session.outputNames;

process.on('message', async (/** @type {Float32Array} */ rows) => {
  for (let i = 0; i < rows.length; i += 1) {
    const field = i % FIELDS;
    rows[i] = ((rows[i] ?? 0) - (MEAN[field] ?? 0)) / (STD[field] ?? 1);
  }
  const results = await session.run({
    [input]: new Tensor('float32', rows, [rows.length / FIELDS, FIELDS]),
  });
  process.send?.(results[output]?.data);
});

process.once('disconnect', () => process.exit(0));
process.send?.({ ready: true });
