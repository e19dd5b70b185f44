import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { PbfReader } from 'pbf';

type Attributes = Record<string, unknown>;

const KINDS = ['unspecified', 'internal', 'server', 'client', 'producer', 'consumer'] as const;

export interface CollectedSpan {
  service: string;
  instance: string;
  traceId: string;
  spanId: string;
  /** '' where it has none. */
  parentId: string;
  name: string;
  kind: (typeof KINDS)[number];
  /** Ms since the epoch. */
  start: number;
  end: number;
  attributes: Attributes;
  /** Ids of the spans that it is linked to. */
  links: string[];
  failed: boolean;
}

/** A collector that takes spans by OTLP over HTTP, in protobuf, and can be waited on. */
export class OtlpCollector {
  readonly spans: CollectedSpan[] = [];
  /** Headers of every request. */
  readonly requests: IncomingHttpHeaders[] = [];
  /** Everything that came, as text in which a secret can be looked for. */
  text = '';
  private readonly server: Server;
  private wake: () => void = () => undefined;

  constructor() {
    this.server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const body = Buffer.concat(chunks);
        this.requests.push(request.headers);
        if (request.url === '/v1/traces') this.spans.push(...spansOf(body));
        this.text += body.toString('latin1');
        response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end();
        this.wake();
      });
    });
  }

  async start(): Promise<string> {
    this.server.listen(0, '127.0.0.1');
    await once(this.server, 'listening');
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** Resolves with the first span, already here or still to come, that `matches`. */
  async span(matches: (span: CollectedSpan) => boolean): Promise<CollectedSpan> {
    for (;;) {
      const found = this.spans.find(matches);
      if (found) return found;
      await new Promise<void>((resolve) => (this.wake = resolve));
    }
  }

  stop(): void {
    this.server.closeAllConnections();
    this.server.close();
  }
}

/** Numbers of fields: opentelemetry/proto/trace/v1/trace.proto. */
function spansOf(body: Buffer): CollectedSpan[] {
  const spans: CollectedSpan[] = [];
  each(body, 1, (resourceSpans) => {
    const resource: Attributes = {};
    each(resourceSpans, 1, (message) => {
      each(message, 1, (pair) => readPair(pair, resource));
    });
    each(resourceSpans, 2, (scopeSpans) => {
      each(scopeSpans, 2, (message) => {
        spans.push({
          service: String(resource['service.name']),
          instance: String(resource['service.instance.id']),
          ...spanOf(message),
        });
      });
    });
  });
  return spans;
}

function spanOf(message: Uint8Array): Omit<CollectedSpan, 'service' | 'instance'> {
  const span = {
    traceId: '',
    spanId: '',
    parentId: '',
    name: '',
    kind: 'unspecified' as CollectedSpan['kind'],
    start: 0,
    end: 0,
    attributes: {} as Attributes,
    links: [] as string[],
    failed: false,
  };
  new PbfReader(message).readFields((tag, _, pbf) => {
    if (tag === 1) span.traceId = hex(pbf.readBytes());
    else if (tag === 2) span.spanId = hex(pbf.readBytes());
    else if (tag === 4) span.parentId = hex(pbf.readBytes());
    else if (tag === 5) span.name = pbf.readString();
    else if (tag === 6) span.kind = KINDS[pbf.readVarint()] ?? 'unspecified';
    else if (tag === 7) span.start = pbf.readFixed64() / 1e6;
    else if (tag === 8) span.end = pbf.readFixed64() / 1e6;
    else if (tag === 9) readPair(pbf.readBytes(), span.attributes);
    else if (tag === 13) each(pbf.readBytes(), 2, (id) => span.links.push(hex(id)));
    else if (tag === 15) span.failed = hasError(pbf.readBytes());
  }, null);
  return span;
}

function readPair(message: Uint8Array, into: Attributes): void {
  let key = '';
  new PbfReader(message).readFields((tag, _, pbf) => {
    if (tag === 1) key = pbf.readString();
    else if (tag === 2) into[key] = valueOf(pbf.readBytes());
  }, null);
}

function valueOf(message: Uint8Array): unknown {
  let value: unknown;
  new PbfReader(message).readFields((tag, _, pbf) => {
    if (tag === 1) value = pbf.readString();
    else if (tag === 2) value = pbf.readBoolean();
    else if (tag === 3) value = pbf.readVarint();
    else if (tag === 4) value = pbf.readDouble();
    else if (tag === 5) {
      const list: unknown[] = [];
      each(pbf.readBytes(), 1, (entry) => list.push(valueOf(entry)));
      value = list;
    }
  }, null);
  return value;
}

function hasError(status: Uint8Array): boolean {
  let code = 0;
  new PbfReader(status).readFields((tag, _, pbf) => {
    if (tag === 3) code = pbf.readVarint();
  }, null);
  return code === 2;
}

/** Every field of this number, as the bytes it has. */
function each(message: Uint8Array, field: number, read: (bytes: Uint8Array) => void): void {
  new PbfReader(message).readFields((tag, _, pbf) => {
    if (tag === field) read(pbf.readBytes());
  }, null);
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
