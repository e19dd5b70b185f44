// Submits and waits in the same request; goes on waiting where that was not enough.
const api = process.env['FORETELL_URL'] ?? 'http://127.0.0.1:3000';
const authorization = `Bearer ${process.env['FORETELL_API_KEY'] ?? ''}`;

interface Job {
  id: string;
  status: string;
  output: { label: string } | null;
}

async function request(path: string, init: RequestInit): Promise<Job> {
  const answer = await fetch(new URL(path, api), init);
  if (!answer.ok) throw new Error(await answer.text());
  return (await answer.json()) as Job;
}

let job = await request('/v1/models/iris/predict', {
  method: 'POST',
  headers: { authorization, prefer: 'wait=30', 'content-type': 'application/json' },
  body: JSON.stringify({ input: [5.1, 3.5, 1.4, 0.2] }),
});
while (job.status === 'queued' || job.status === 'running') {
  job = await request(`/v1/jobs/${job.id}`, { headers: { authorization, prefer: 'wait=60' } });
}
console.log(job.status, job.output?.label);
