import { Inject, Injectable, Logger } from '@nestjs/common';
import { CONFIG, type Config } from '#libs/config';
import { isTerminal, type JobView, ProblemError } from '#libs/contracts';
import { type JobRecord, JobStore } from '#libs/jobs';
import { LastingTrouble } from '#libs/telemetry';
import type { Caller } from '../http/caller.js';
import {
  endEvent,
  eventsAfter,
  eventText,
  type JobEvent,
  partsOf,
  type Position,
  restOfText,
  textEvent,
  toldBy,
} from './job.events.js';
import { JobReader } from './job.reader.js';
import type { JobWatch } from './job.watch.js';
import { PartReader } from './part.reader.js';

/** After which a client connects again. */
const RETRY_MS = 2000;
const HEARTBEAT = ':\n\n';

/** A client that follows a job. */
export interface Follower {
  caller: Caller;
  /** What it was told last. */
  position: Position;
  /** Began before the record was read. */
  watch: JobWatch;
}

/** Tells the events of jobs as `text/event-stream`. */
@Injectable()
export class EventStreams {
  private readonly trouble = new LastingTrouble(new Logger('Events'));
  private readonly heartbeatMs: number;

  constructor(
    @Inject(CONFIG) { server }: Config,
    private readonly reader: JobReader,
    private readonly store: JobStore,
  ) {
    this.heartbeatMs = server.EVENTS_HEARTBEAT_S * 1000;
  }

  /**
   * What is new to the follower, as it happens, to the end of the job or of the watch. It reads on only
   * when it is asked for more, so that a slow client holds up nobody but itself.
   * @param record as it was read last.
   */
  async *follow(record: JobRecord, { caller, position, watch }: Follower): AsyncGenerator<string> {
    const { id } = record.spec;
    const parts = new PartReader(this.store, id);
    let last = position;
    let current: JobRecord | undefined = record;
    yield `retry: ${RETRY_MS}\n\n`;
    let toldAt = performance.now();
    for (;;) {
      try {
        current ??= await this.reader.find(id, caller);
        const ended = isTerminal(current.status);
        const events = ended
          ? lastEvents(current, last, await this.reader.view(current, caller))
          : newEvents(current, last, this.store, parts);
        for await (const event of events) {
          last = event.at;
          yield eventText(event);
          toldAt = performance.now();
        }
        if (ended) return;
      } catch (err) {
        // It is kept no longer.
        if (err instanceof ProblemError) return;
        // Redis is away: when it is back, that is news.
        this.trouble.met(err, 'events held up');
      }
      // News of which there is nothing to tell do not keep the line open.
      const hasNews = await watch.news(toldAt + this.heartbeatMs - performance.now());
      if (watch.isOver) return;
      if (!hasNews) {
        yield HEARTBEAT;
        toldAt = performance.now();
      }
      current = undefined;
    }
  }
}

/** Of a job that has not ended. */
async function* newEvents(
  record: JobRecord,
  last: Position,
  store: JobStore,
  reader: PartReader,
): AsyncGenerator<JobEvent> {
  const { spec, told, done } = record;
  let at = last;
  for (const event of eventsAfter(at, record)) {
    at = event.at;
    yield event;
  }
  if (spec.tellsText && told && told.bytes > (at.bytes ?? 0)) {
    const text = await store.text(spec.id, at.bytes ?? 0, told.bytes);
    if (text !== null) yield textEvent(at, told, text);
  }
  if (!spec.many) return;
  for await (const part of reader.beyond(toldBy(at), done)) {
    for (const event of eventsAfter(at, record, [part])) {
      at = event.at;
      yield event;
    }
  }
}

function* lastEvents(record: JobRecord, last: Position, view: JobView): Generator<JobEvent> {
  let at = last;
  for (const event of eventsAfter(at, record, partsOf(view))) {
    at = event.at;
    yield event;
  }
  const text = record.spec.tellsText ? restOfText(at, view) : null;
  if (text) yield text;
  yield endEvent(record, view);
}
