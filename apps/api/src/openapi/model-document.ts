import type { OpenAPIObject, PathItemObject, SchemasObject } from '@nestjs/swagger';
import type { CatalogModel, CatalogVersion } from '../models/catalog.model.js';
import { reachable, SCHEMAS } from './components.js';
import { type Signature, signaturesOf, typedJob, typedSubmission } from './model-signature.js';
import { CSV, CSV_BODY, FORM } from './request-bodies.js';

const TO_MODEL = '/v1/models/{model}/predict';
const TO_VERSION = '/v1/models/{model}/versions/{version}/predict';
const JOBS = '/v1/jobs/{id}';

/**
 * The document of one model: what a client of it needs, typed by its signature. A snapshot: another version
 * may take the main one's place.
 * @param base the document of the whole api; not changed. @param mainVersion where what names none goes.
 */
export function modelDocument(
  base: OpenAPIObject,
  model: CatalogModel,
  mainVersion: CatalogVersion | undefined,
): OpenAPIObject {
  const { name, report } = model;
  const { main, versions } = signaturesOf(model, mainVersion);
  const jobs = Object.entries(base.paths).filter(([path]) => path.startsWith(JOBS));
  const paths = {
    [TO_MODEL.replace('{model}', name)]: submission(base.paths[TO_MODEL], main, 'predict'),
    ...Object.fromEntries(
      versions.map(({ version, signature }) => [
        TO_VERSION.replace('{model}', name).replace('{version}', version),
        submission(base.paths[TO_VERSION], signature, `predictWithVersion${version}`),
      ]),
    ),
    ...Object.fromEntries(jobs),
  };
  const signatures = [...new Set([main, ...versions.map(({ signature }) => signature)])];
  const known = base.components?.schemas as SchemasObject;
  const schemas: SchemasObject = { ...known, ...typedJob(known, name, signatures) };
  for (const signature of signatures) Object.assign(schemas, typedSubmission(known, signature));
  const components = { ...base.components, schemas: reachable([paths, base.webhooks], schemas) };
  const info = {
    ...base.info,
    title: `${name} on ${base.info.title}`,
    description: report.description ?? `Predictions of ${name}`,
  };
  return { ...base, info, paths, components };
}

/** The same route with the model, and perhaps its version, in place. */
function submission(
  route: PathItemObject | undefined,
  { suffix, takesFiles, takesTables }: Signature,
  operationId: string,
): PathItemObject {
  const post = route?.post ?? { responses: {} };
  const refer = (name: string) => ({ schema: { $ref: `${SCHEMAS}${name}` } });
  return {
    post: {
      ...post,
      operationId,
      parameters: (post.parameters ?? []).filter((p) => 'in' in p && p.in !== 'path'),
      requestBody: {
        required: true,
        content: {
          'application/json': refer(`PredictRequest${suffix}`),
          ...((takesFiles || takesTables) && { [FORM]: refer(`PredictRequest${suffix}Form`) }),
          ...(takesTables && { [CSV]: CSV_BODY }),
        },
      },
    },
  };
}
