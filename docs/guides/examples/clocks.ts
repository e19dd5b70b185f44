// A job that lets others pass, with its three clocks set; its place in the queue while it waits.
import { setTimeout as sleep } from 'node:timers/promises';

const api = process.env['FORETELL_URL'] ?? 'http://127.0.0.1:3000';
const authorization = `Bearer ${process.env['FORETELL_API_KEY'] ?? ''}`;

interface Job {
  id: string;
  status: string;
  queue: { position: number; eta_ms: number | null } | null;
  error: { code: string } | null;
  expires_at: string | null;
}

async function request(path: string, init: RequestInit): Promise<Job> {
  const answer = await fetch(new URL(path, api), init);
  if (!answer.ok) throw new Error(await answer.text());
  return (await answer.json()) as Job;
}

let job = await request('/v1/models/iris/predict', {
  method: 'POST',
  headers: { authorization, 'content-type': 'application/json' },
  body: JSON.stringify({
    input: [5.1, 3.5, 1.4, 0.2],
    priority: 'low',
    queue_timeout_s: 60, // not started by then: expired
    execution_timeout_s: 10, // running for longer: failed, execution-timeout
    result_ttl_s: 3600, // after the end: forgotten
  }),
});
while (job.status === 'queued' || job.status === 'running') {
  if (job.queue) console.log('place', job.queue.position, 'starts in', job.queue.eta_ms, 'ms');
  await sleep(1000);
  job = await request(`/v1/jobs/${job.id}`, { headers: { authorization } });
}
console.log(job.status, job.error?.code ?? 'no error', 'kept until', job.expires_at);
