import type { INestApplication } from '@nestjs/common';
import { DocumentBuilder, type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';
import { APP_VERSION, type Config } from '#libs/config';
import { completeOperations } from './complete.js';
import { HEADERS } from './headers.js';
import { EVENT_SCHEMAS } from './job-events.js';
import { linkJobs } from './links.js';
import { FailedInstanceSchema, ProblemSchema } from './schemas.js';
import { describeBodies } from './request-bodies.js';
import { JobEventSchema, WEBHOOKS } from './webhooks.js';

/** Schemas that no decorator of a route refers to. */
const EXTRA_SCHEMAS = [FailedInstanceSchema, JobEventSchema, ProblemSchema];

/** The OpenAPI document of this api, as it is set up. */
export function createDocument(app: INestApplication, config: Config): OpenAPIObject {
  const settings = new DocumentBuilder()
    .setOpenAPIVersion('3.1.0')
    .setTitle('Foretell')
    .setDescription(
      'Submit a job, get its id at once; poll it or be called back. `GET /v1/models/{model}/openapi.json` is such a document for one model, typed by what it takes and gives.',
    )
    .setVersion(APP_VERSION)
    .addTag('predictions', 'Submit jobs')
    .addTag('jobs', 'What becomes of them')
    .addTag('models', 'What there is to predict with')
    .addTag('operations', 'How the installation is')
    .addTag('webhooks', 'What you are called with, and how that goes')
    .addBearerAuth()
    .addSecurityRequirements('bearer')
    .build();
  const document = SwaggerModule.createDocument(app, settings, {
    extraModels: EXTRA_SCHEMAS,
    operationIdFactory: operationId,
  });
  document.components = {
    ...document.components,
    headers: { ...HEADERS },
    schemas: { ...document.components?.schemas, ...EVENT_SCHEMAS },
  };
  document.webhooks = WEBHOOKS;
  completeOperations(document);
  describeBodies(document, config);
  linkJobs(document);
  return document;
}

/** `/docs` for people, `/docs-json` for tools. */
export function serveDocs(app: INestApplication, document: () => OpenAPIObject): void {
  SwaggerModule.setup('docs', app, document, { jsonDocumentUrl: 'docs-json' });
}

/** For a route that does not say its own: the method and what its controller is about, `cancelJob`. */
function operationId(controller: string, method: string): string {
  return method + controller.replace(/s?Controller$/, '');
}
