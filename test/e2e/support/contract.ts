import { Ajv2020 } from 'ajv/dist/2020.js';
import type { StreamedEvent } from '#libs/testing';
import type { Answer } from './client.js';

interface Response {
  headers?: Record<string, { $ref: string }>;
  content?: Record<string, object>;
}

export interface OpenApi {
  paths: Record<string, Record<string, { responses: Record<string, Response> }>>;
  components: { headers: Record<string, { required?: boolean }> };
}

/** An OpenAPI document, held against what is really answered. */
export class Contract {
  private readonly ajv = new Ajv2020({ strict: false, validateFormats: false });

  constructor(private readonly document: OpenApi) {
    this.ajv.addSchema(document, 'document');
  }

  /** @returns what is wrong with an answer; empty where nothing is. */
  complaints(method: string, url: string, answer: Answer<unknown>): string[] {
    const path = this.pathOf(url.split('?', 1)[0] ?? '');
    const response = this.document.paths[path]?.[method]?.responses[answer.status];
    if (!response) return [`${method} ${path}: ${answer.status} is not documented`];
    return [
      ...this.missingHeaders(response, answer.headers),
      ...this.misfits([path, method, 'responses', String(answer.status)], response, answer),
    ].map((complaint) => `${method} ${path} ${answer.status}: ${complaint}`);
  }

  /** @returns what is wrong with an event of a job's stream. @param data what its `data` is the JSON of. */
  eventComplaints({ data, ...event }: StreamedEvent): string[] {
    const schemas = ['components', 'schemas'];
    const name = `${event.event?.replace(/^./, (letter) => letter.toUpperCase()) ?? ''}Event`;
    return [
      ...this.misfit([...schemas, 'JobStreamEvent'], { ...event, data: JSON.stringify(data) }),
      ...this.misfit([...schemas, name, 'properties', 'data', 'contentSchema'], data),
    ];
  }

  /** The path template that fits, one without parameters first. */
  private pathOf(path: string): string {
    if (this.document.paths[path]) return path;
    const fits = (template: string) =>
      new RegExp(`^${template.replaceAll('.', '\\.').replace(/{\w+}/g, '[^/]+')}$`).test(path);
    return Object.keys(this.document.paths).find(fits) ?? path;
  }

  private missingHeaders({ headers = {} }: Response, given: Headers): string[] {
    const { components } = this.document;
    return Object.keys(headers)
      .filter((name) => components.headers[name]?.required === true && !given.has(name))
      .map((name) => `without ${name}`);
  }

  private misfits(at: string[], { content = {} }: Response, answer: Answer<unknown>): string[] {
    const type = answer.headers.get('content-type')?.split(';')[0] ?? '';
    if (!content[type]) return [`${type} is not documented`];
    if (!type.endsWith('json')) return [];
    return this.misfit(['paths', ...at, 'content', type, 'schema'], answer.body);
  }

  /** @param at where the schema stands in the document. */
  private misfit(at: string[], value: unknown): string[] {
    const pointer = at
      .map((part) => encodeURIComponent(part.replaceAll('~', '~0').replaceAll('/', '~1')))
      .join('/');
    if (this.ajv.validate({ $ref: `document#/${pointer}` }, value)) return [];
    return [this.ajv.errorsText()];
  }
}
