// node cancel-retry.ts job_…: cancels a job, and gives it another attempt.
const api = process.env['FORETELL_URL'] ?? 'http://127.0.0.1:3000';
const authorization = `Bearer ${process.env['FORETELL_API_KEY'] ?? ''}`;
const path = `/v1/jobs/${process.argv[2] ?? ''}`;

interface Job {
  status: string;
  attempt_history: { attempt: number; status: string }[];
}

async function request(method: 'GET' | 'POST', path: string): Promise<Job> {
  const headers = { authorization, prefer: 'wait=60' };
  const answer = await fetch(new URL(path, api), { method, headers });
  if (!answer.ok) throw new Error(await answer.text());
  return (await answer.json()) as Job;
}

// 200 also where it was canceled before; 409 where it ended otherwise.
console.log((await request('POST', `${path}/cancel`)).status);
// The same id: what failed, was canceled or expired goes back to the queue.
console.log((await request('POST', `${path}/retry`)).status);
const { status, attempt_history: earlier } = await request('GET', path);
console.log(status, 'after', earlier.map(({ status }) => status).join(', '));
