import type { OpenAPIObject, ParameterObject, SchemaObject } from '@nestjs/swagger';
import { MODEL_NAME, PROBLEMS, type ProblemCode, VERSION_REFERENCE } from '#libs/contracts';
import { headers } from './headers.js';
import { type Operation, operationsOf, scopeOf } from './operations.js';
import { problemResponse } from './responses.js';

/** What a name in a path stands for, wherever it stands. */
const PATH_PARAMETERS: Record<
  string,
  { description: string; example: string; schema: SchemaObject }
> = {
  model: {
    description: 'Name of a model',
    example: 'iris',
    schema: { type: 'string', pattern: MODEL_NAME.source },
  },
  version: {
    description: 'Version of a model; or `stable` or `canary`, which its rollout says',
    example: '1',
    schema: { type: 'string', pattern: VERSION_REFERENCE.source },
  },
  receiver: {
    description: 'Id of a receiver',
    example: 'rcv_5a1fe2b7c3d94e08a6b1c2d3e4',
    schema: { type: 'string' },
  },
  key: {
    description: 'Id of an API key, which stands in it, too: `ftk_<id>_…`',
    example: 'a8k2mq04zt9c',
    schema: { type: 'string' },
  },
  id: {
    description: 'Id of a job',
    example: 'job_01kaj3qv1mfyk9yd0tr9b5h2ez',
    schema: { type: 'string' },
  },
};

const REQUEST_HEADERS: ParameterObject[] = [
  {
    name: 'X-Request-ID',
    in: 'header',
    required: false,
    description: 'Taken over where it is 1 to 128 of letters, digits, `_ . : -`; otherwise ignored',
    schema: { type: 'string' },
  },
];

/** Adds what every operation has, so that no route need say it: its own id, headers and common problems. */
export function completeOperations(document: OpenAPIObject): void {
  const taken = new Set<string>();
  for (const one of operationsOf(document)) {
    nameOperation(one, taken);
    describeParameters(one);
    describeScope(one);
    addCommonProblems(one);
    const common = isLimited(one)
      ? headers('X-Request-ID', 'RateLimit', 'RateLimit-Policy')
      : headers('X-Request-ID');
    for (const response of Object.values(one.responses)) {
      response.headers = { ...common, ...response.headers };
    }
  }
}

/** Probes ask as often as they like. */
function isLimited({ path }: Operation): boolean {
  return !path.startsWith('/health');
}

/** A route that can be reached by two paths is one method; ids must differ all the same. */
function nameOperation({ operation }: Operation, taken: Set<string>): void {
  const name = operation.operationId?.replace(/\[\d+\]$/, '') ?? '';
  operation.operationId = taken.has(name) ? `${name}Unprefixed` : name;
  taken.add(operation.operationId);
}

function describeParameters({ operation }: Operation): void {
  const own = (operation.parameters ?? []) as ParameterObject[];
  operation.parameters = [
    ...own.map((p) => (p.in === 'path' ? { ...p, ...PATH_PARAMETERS[p.name] } : p)),
    ...REQUEST_HEADERS,
  ];
}

function describeScope({ operation }: Operation): void {
  const scope = scopeOf(operation);
  if (scope === null) return;
  const needed = `Where keys are configured, needs one with the scope \`${scope}\`.`;
  operation.description = [operation.description, needed].filter(Boolean).join('\n\n');
}

function addCommonProblems(one: Operation): void {
  const { operation, responses } = one;
  const common: ProblemCode[] = [
    'bad-request',
    'not-acceptable',
    'request-timeout',
    'uri-too-long',
    'headers-too-large',
    'internal-error',
    'not-ready',
  ];
  // Told by its decorator: a requirement of nothing.
  const isPublic = operation.security?.some((needed) => Object.keys(needed).length === 0) === true;
  if (isPublic) operation.security = [];
  else common.push('unauthorized', 'forbidden');
  if (isLimited(one)) common.push('rate-limited');
  if (operation.requestBody) {
    common.push('too-many-bytes');
    common.push('invalid-json', 'payload-too-large', 'unsupported-media-type');
  }
  for (const status of new Set(common.map((code) => PROBLEMS[code].status))) {
    const codes = common.filter((code) => PROBLEMS[code].status === status);
    responses[String(status)] ??= problemResponse(...codes);
  }
}
