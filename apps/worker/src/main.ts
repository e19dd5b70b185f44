import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { runApp } from '#libs/telemetry';
import { ModelHost } from './model.host.js';
import { WorkerModule } from './worker.module.js';

await runApp('worker', async (config, logger) => {
  const app = await NestFactory.create<NestFastifyApplication>(
    WorkerModule.forRoot(config),
    new FastifyAdapter(),
    { logger, abortOnError: false },
  );
  await app.listen(config.server.OPS_PORT, config.server.HOST);
  return { app, url: await app.getUrl(), ready: app.get(ModelHost).whenSettled() };
});
