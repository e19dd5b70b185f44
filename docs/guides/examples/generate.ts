// Prints a text as it is generated. A line that breaks is taken up where it was.
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

/** Submits, and yields all events of the job, each once, over as many connections as it takes. */
async function* submit(model: string, body: object): AsyncGenerator<ServerEvent> {
  const headers: Record<string, string> = { authorization, accept: 'text/event-stream' };
  let answer: Response | null = await fetch(new URL(`/v1/models/${model}/predict`, api), {
    method: 'POST',
    headers: { ...headers, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  const events = new URL(`${answer.headers.get('location') ?? ''}/events`, api);
  for (;;) {
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
    answer = await fetch(events, { headers }).catch(() => null);
  }
}

const asked = { input: process.argv[2] ?? 'It is a truth', parameters: { max_tokens: 40 } };
for await (const { event, data } of submit('austen', asked)) {
  const told = JSON.parse(data) as { text: string; status: string; output: { text: string } };
  if (event === 'output') process.stdout.write(told.text);
  if (event === 'end') console.log(`\n${told.status}`);
}
