import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { ProblemError } from '#libs/contracts';
import { BodyLimits } from '../predict/body.limits.js';
import { CsvInput } from '../predict/csv.input.js';

/** Takes CSV where jobs are submitted: what it stands for, the model says. */
export function readCsvBodies(app: NestFastifyApplication): void {
  const limits = app.get(BodyLimits);
  app
    .getHttpAdapter()
    .getInstance()
    .addContentTypeParser(
      'text/csv',
      { parseAs: 'buffer' },
      (request, bytes: Buffer<ArrayBuffer>, done) => {
        if (request.routeOptions.config.submits !== true) {
          throw new ProblemError('unsupported-media-type', 'Send JSON.');
        }
        limits.check(request, bytes.length);
        done(null, { inputs: new CsvInput(bytes) });
      },
    );
}
