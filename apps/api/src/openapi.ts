import 'reflect-metadata';
import { readFile, writeFile } from 'node:fs/promises';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { loadConfig } from '#libs/config';
import { ApiModule } from './api.module.js';
import { createDocument } from './openapi/document.js';

/** Writes the committed OpenAPI document (`--write`), or tells whether it is up to date (`--check`). */
const FILE = 'docs/reference/openapi.json';

const config = loadConfig({ REDIS_URL: 'redis://127.0.0.1' });
const app = await NestFactory.create(
  ApiModule.forRoot(config),
  new FastifyAdapter(),
  // Routes and their documentation only: nothing is instantiated, so no Redis is needed.
  { preview: true, logger: false },
);
const text = `${JSON.stringify(createDocument(app, config), null, 2)}\n`;

if (process.argv.includes('--write')) {
  await writeFile(FILE, text);
} else if ((await readFile(FILE, 'utf8').catch(() => '')) !== text) {
  process.stderr.write(`${FILE} is out of date: npm run openapi:write\n`);
  process.exit(1);
}
process.exit(0);
