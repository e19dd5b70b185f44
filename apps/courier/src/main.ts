import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { runApp } from '#libs/telemetry';
import { CourierModule } from './courier.module.js';

await runApp('courier', async (config, logger) => {
  const app = await NestFactory.create<NestFastifyApplication>(
    CourierModule.forRoot(config),
    new FastifyAdapter(),
    { logger, abortOnError: false },
  );
  await app.listen(config.server.OPS_PORT, config.server.HOST);
  return { app, url: await app.getUrl() };
});
