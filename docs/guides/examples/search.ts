// Finds the text that is nearest to a question in its meaning, by the cosine of their vectors.
const api = process.env['FORETELL_URL'] ?? 'http://127.0.0.1:3000';
const authorization = `Bearer ${process.env['FORETELL_API_KEY'] ?? ''}`;

const texts = [
  'Insert the paper and choose how many copies to print.',
  'Plug the headphones in to hear the sound.',
  'Delete files that are no longer needed to free space on the disk.',
];

async function embed(inputs: string[]): Promise<Float32Array[]> {
  const parameters = { encoding_format: 'base64', dimensions: 64 };
  const answer = await fetch(new URL('/v1/models/sentences/predict', api), {
    method: 'POST',
    headers: { authorization, prefer: 'wait=30', 'content-type': 'application/json' },
    body: JSON.stringify({ inputs, parameters }),
  });
  if (!answer.ok) throw new Error(await answer.text());
  const { outputs } = (await answer.json()) as { outputs: { embedding: string }[] };
  return outputs.map(({ embedding }) => {
    return new Float32Array(Uint8Array.from(Buffer.from(embedding, 'base64')).buffer);
  });
}

const [question = new Float32Array(), ...vectors] = await embed([
  'How do I use the printer?',
  ...texts,
]);
const cosines = vectors.map((vector) =>
  vector.reduce((sum, value, i) => sum + value * (question[i] ?? 0), 0),
);
console.log(texts[cosines.indexOf(Math.max(...cosines))]);
