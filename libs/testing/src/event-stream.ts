/** A block of an event stream: an event, or a comment, which has no `event`. */
export interface StreamedEvent {
  id?: string;
  event?: string;
  /** What `data` is the JSON of. */
  data?: unknown;
  retry?: string;
}

/** A client of server-sent events, which reads only when it is asked to. */
export class EventStream {
  private text = '';

  private constructor(
    readonly response: Response,
    private readonly reader: ReadableStreamDefaultReader<string>,
    private readonly hangUp: AbortController,
  ) {}

  /** @throws Error where the answer is no event stream. */
  static open(url: string | URL, headers: Record<string, string> = {}): Promise<EventStream> {
    return EventStream.from(url, { headers });
  }

  /** The events that a submission is answered with. @throws Error where the answer is no event stream. */
  static submit(
    url: string | URL,
    body: unknown,
    headers: Record<string, string> = {},
  ): Promise<EventStream> {
    return EventStream.from(url, {
      method: 'POST',
      headers: { accept: 'text/event-stream', 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
    });
  }

  private static async from(url: string | URL, request: RequestInit): Promise<EventStream> {
    const hangUp = new AbortController();
    const response = await fetch(url, { ...request, signal: hangUp.signal });
    const type = response.headers.get('content-type');
    if (!response.body || type !== 'text/event-stream') {
      throw new Error(`no event stream: ${response.status} ${await response.text()}`);
    }
    const texts = response.body.pipeThrough(new TextDecoderStream());
    return new EventStream(response, texts.getReader(), hangUp);
  }

  /** @returns null at the end of the stream. */
  async next(): Promise<StreamedEvent | null> {
    for (;;) {
      const end = this.text.indexOf('\n\n');
      if (end >= 0) {
        const block = this.text.slice(0, end);
        this.text = this.text.slice(end + 2);
        return parse(block);
      }
      const { done, value } = await this.reader.read();
      if (done) return null;
      this.text += value;
    }
  }

  /** The events, without comments, up to and with the first that `isLast`; or all up to the end. */
  async events(isLast: (event: StreamedEvent) => boolean = () => false): Promise<StreamedEvent[]> {
    const events: StreamedEvent[] = [];
    for (;;) {
      const event = await this.next();
      if (event === null) return events;
      if (event.event === undefined) continue;
      events.push(event);
      if (isLast(event)) return events;
    }
  }

  /** Hangs up. */
  close(): void {
    this.hangUp.abort();
  }
}

function parse(block: string): StreamedEvent {
  const event: Record<string, unknown> = {};
  for (const line of block.split('\n')) {
    const [, field = '', value = ''] = /^(\w*): ?(.*)$/.exec(line) ?? [];
    if (field !== '') event[field] = field === 'data' ? JSON.parse(value) : value;
  }
  return event;
}
