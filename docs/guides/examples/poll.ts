// Submits once, however often it has to send, and polls until the job has ended.
import { setTimeout as sleep } from 'node:timers/promises';

const api = process.env['FORETELL_URL'] ?? 'http://127.0.0.1:3000';
const authorization = `Bearer ${process.env['FORETELL_API_KEY'] ?? ''}`;

interface Job {
  id: string;
  status: string;
  output: { label: string } | null;
}

/** Sends again what may succeed later. A POST needs an Idempotency-Key for that. */
async function send(path: string, init: RequestInit): Promise<Response> {
  for (let attempt = 1; ; attempt++) {
    const answer = await fetch(new URL(path, api), init).catch((error: unknown) => error as Error);
    const passing = answer instanceof Error || answer.status === 429 || answer.status >= 500;
    if (!passing || attempt === 5) {
      if (answer instanceof Error) throw answer;
      if (!answer.ok) throw new Error(await answer.text());
      return answer;
    }
    const told = answer instanceof Error ? null : answer.headers.get('retry-after');
    await sleep(told ? Number(told) * 1000 : 2 ** attempt * 250 * (0.5 + Math.random()));
  }
}

// The same key and the same body are the same job: a retry after a lost answer makes no second one.
const accepted = await send('/v1/models/iris/predict', {
  method: 'POST',
  headers: {
    authorization,
    'content-type': 'application/json',
    'idempotency-key': process.argv[2] ?? 'order-17',
  },
  body: JSON.stringify({ input: [5.1, 3.5, 1.4, 0.2] }),
});
let job = (await accepted.json()) as Job;
while (job.status === 'queued' || job.status === 'running') {
  await sleep(1000);
  const answer = await send(`/v1/jobs/${job.id}`, { headers: { authorization } });
  job = (await answer.json()) as Job;
}
console.log(job.id, job.status, job.output?.label);
