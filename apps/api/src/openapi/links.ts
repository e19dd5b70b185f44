import type { LinksObject, OpenAPIObject } from '@nestjs/swagger';
import { type Operation, operationsOf } from './operations.js';

const JOB = '#/components/schemas/Job';
const JOB_PATH = '/v1/jobs/{id}';

/** Tells of each answer that is a job what can be done with it next: OpenAPI's links. */
export function linkJobs(document: OpenAPIObject): void {
  const operations = operationsOf(document);
  const links: LinksObject = {};
  for (const { path, operation } of operations) {
    const { operationId = '', summary = '' } = operation;
    if (!path.startsWith(JOB_PATH)) continue;
    const parameters = { id: '$response.body#/id' };
    links[operationId] = { operationId, description: summary, parameters };
  }
  document.components = { ...document.components, links };
  const references = Object.keys(links).map((id) => [id, { $ref: `#/components/links/${id}` }]);
  for (const response of operations.flatMap(({ responses }) => Object.values(responses))) {
    if (isJob(response)) response.links = Object.fromEntries(references) as LinksObject;
  }
}

function isJob({ content }: Operation['responses'][string]): boolean {
  const schema = content?.['application/json']?.schema;
  return schema !== undefined && '$ref' in schema && schema.$ref === JOB;
}
