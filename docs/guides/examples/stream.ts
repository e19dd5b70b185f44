// Shows a job's outputs as its parts finish. A line that breaks is taken up after the last event seen.
import { setTimeout as sleep } from 'node:timers/promises';

const api = process.env['FORETELL_URL'] ?? 'http://127.0.0.1:3000';
const authorization = `Bearer ${process.env['FORETELL_API_KEY'] ?? ''}`;

interface ServerEvent {
  id: string;
  event: string;
  data: string;
}

/** The events of one connection. @throws where it breaks. */
async function* parse(body: ReadableStream<Uint8Array>): AsyncGenerator<ServerEvent> {
  let rest = '';
  for await (const text of body.pipeThrough(new TextDecoderStream())) {
    const blocks = (rest + text).split('\n\n');
    rest = blocks.pop() ?? '';
    for (const block of blocks) {
      const fields = block.split('\n').map((line) => line.split(/: ?(.*)/, 2) as [string, string]);
      const event = Object.fromEntries(fields) as unknown as Partial<ServerEvent>;
      // There are blocks without data, such as heartbeats.
      if (event.data !== undefined) yield event as ServerEvent;
    }
  }
}

/** All events of a job, each once, over as many connections as it takes. */
async function* events(path: string): AsyncGenerator<ServerEvent> {
  const headers: Record<string, string> = { authorization };
  for (;;) {
    const answer = await fetch(new URL(path, api), { headers }).catch(() => null);
    if (answer && answer.status >= 400 && answer.status < 500) throw new Error(await answer.text());
    try {
      if (answer?.ok && answer.body) {
        for await (const event of parse(answer.body)) {
          headers['last-event-id'] = event.id;
          yield event;
          if (event.event === 'end') return;
        }
      }
    } catch {
      // The line broke.
    }
    await sleep(1000);
  }
}

const submitted = await fetch(new URL('/v1/models/iris/predict', api), {
  method: 'POST',
  headers: { authorization, 'content-type': 'application/json' },
  body: JSON.stringify({
    inputs: [
      [5.1, 3.5, 1.4, 0.2],
      [6.7, 3.0, 5.2, 2.3],
    ],
  }),
});
if (!submitted.ok) throw new Error(await submitted.text());
const path = submitted.headers.get('location') ?? '';
for await (const { event, data } of events(`${path}/events`)) console.log(event, data);
