import type { SchemaObject } from '@nestjs/swagger';
import type { JobEvent } from '../jobs/job.events.js';
import { SCHEMAS } from './components.js';
import { COUNT } from './fields.js';

const refer = (name: string) => ({ $ref: `${SCHEMAS}${name}` });

/** Schema of what an `output` event tells. @param items of one instance. */
export function outputData(items: object): SchemaObject {
  const properties = {
    from: { ...COUNT, description: 'Instances before these' },
    outputs: { type: 'array', items },
  };
  return { type: 'object', properties, required: Object.keys(properties) };
}

/** One event of a stream. @param data schema of its `data`, which is JSON. */
export function eventSchema(type: JobEvent['type'], data: object): SchemaObject {
  const properties = {
    id: { type: 'string', description: 'To be sent back as `Last-Event-ID`' },
    event: { type: 'string', enum: [type] },
    // The type is older than OpenAPI 3.1.
    data: { type: 'string', contentMediaType: 'application/json', contentSchema: data } as object,
  };
  return { type: 'object', properties, required: Object.keys(properties) };
}

const TEXT = {
  from: { ...COUNT, description: 'Tokens before these' },
  tokens: { ...COUNT, description: 'So many more' },
  text: { type: 'string', description: 'Their text' },
};

/** Schema of what an `output` event tells of a text that is generated. */
export const TEXT_DATA: SchemaObject = {
  type: 'object',
  properties: TEXT,
  required: Object.keys(TEXT),
};

const STATUS: SchemaObject = {
  type: 'object',
  properties: {
    id: { type: 'string', description: 'Of the job' },
    status: { type: 'string', enum: ['queued', 'running'] },
    attempt: { ...COUNT, minimum: 1 },
  },
  required: ['id', 'status', 'attempt'],
};

/** What stands in the stream of a job. */
export const EVENT_SCHEMAS: Record<string, SchemaObject> = {
  JobStreamEvent: {
    description: 'One of the events that the stream is made of',
    oneOf: ['StatusEvent', 'OutputEvent', 'ProgressEvent', 'EndEvent'].map(refer),
  },
  StatusEvent: eventSchema('status', STATUS),
  OutputEvent: eventSchema('output', { anyOf: [outputData({}), TEXT_DATA] }),
  ProgressEvent: eventSchema('progress', refer('Progress')),
  EndEvent: eventSchema('end', refer('Job')),
};
