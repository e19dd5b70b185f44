import type { INestApplication } from '@nestjs/common';
import { DocumentBuilder, type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';
import { APP_VERSION } from '#libs/config';
import { EXTRA_SCHEMAS } from './responses.js';

/** The OpenAPI document of this api. */
export function createDocument(app: INestApplication): OpenAPIObject {
  const settings = new DocumentBuilder()
    .setOpenAPIVersion('3.1.0')
    .setTitle('Foretell')
    .setDescription('Submit a job, get its id at once; poll it or be called back.')
    .setVersion(APP_VERSION)
    .addBearerAuth()
    .addSecurityRequirements('bearer')
    .build();
  return SwaggerModule.createDocument(app, settings, {
    extraModels: EXTRA_SCHEMAS,
    operationIdFactory: (controller, method) => `${controller.replace('Controller', '')}_${method}`,
  });
}

/** `/docs` for people, `/docs-json` for tools. */
export function serveDocs(app: INestApplication): void {
  SwaggerModule.setup('docs', app, () => createDocument(app), { jsonDocumentUrl: 'docs-json' });
}
