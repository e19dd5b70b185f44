import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { BodyLimits } from '../predict/body.limits.js';
import { LargeBodies } from '../predict/large.bodies.js';
import { jsonText, parseJson } from './json.js';

/** Reads bodies of JSON by `parseJson`, instead of by Fastify's own parser: the large ones in a thread. */
export function readJsonBodies(app: NestFastifyApplication): void {
  const fastify = app.getHttpAdapter().getInstance();
  const limits = app.get(BodyLimits);
  const large = app.get(LargeBodies);
  fastify.removeContentTypeParser('application/json');
  fastify.addContentTypeParser(
    'application/json',
    { parseAs: 'buffer' },
    (request, bytes: Buffer<ArrayBuffer>, done) => {
      const { length } = bytes;
      limits.check(request, length);
      if (!large.isLarge(bytes)) {
        const body = parseJson(jsonText(bytes));
        limits.check(request, length, body);
        done(null, body);
        return;
      }
      large
        .read(bytes)
        .then((body) => {
          limits.check(request, length, body);
          done(null, body);
        })
        .catch(done);
    },
  );
}
