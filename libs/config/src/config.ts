import { type z } from 'zod';
import { inputsSchema } from './inputs.config.js';
import { jobsSchema } from './jobs.config.js';
import { limitsSchema } from './limits.config.js';
import { modelsSchema } from './models.config.js';
import { redisSchema } from './redis.config.js';
import { isLoopback, serverSchema } from './server.config.js';
import { storeSchema } from './store.config.js';
import { telemetrySchema } from './telemetry.config.js';
import { tracesSchema } from './traces.config.js';
import { webhooksSchema } from './webhooks.config.js';

const schemas = {
  server: serverSchema,
  redis: redisSchema,
  models: modelsSchema,
  jobs: jobsSchema,
  store: storeSchema,
  limits: limitsSchema,
  inputs: inputsSchema,
  webhooks: webhooksSchema,
  telemetry: telemetrySchema,
  traces: tracesSchema,
} as const;

export type Config = {
  readonly [D in keyof typeof schemas]: Readonly<z.infer<(typeof schemas)[D]>>;
};

/** A setting is missing or wrong. The message is meant for the operator, one line a setting. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

/**
 * Reads and validates every setting.
 * @param env the environment; nothing else in the project reads it. A variable that is empty counts as
 *   unset: compose files write `NAME=`.
 * @throws ConfigError naming each bad variable.
 */
export function loadConfig(env: NodeJS.ProcessEnv = process.env): Config {
  const variables = Object.fromEntries(Object.entries(env).filter(([, text]) => text !== ''));
  const complaints: string[] = [];
  const config: Record<string, unknown> = {};
  for (const [domain, schema] of Object.entries(schemas)) {
    const result = schema.safeParse(variables);
    if (result.success) config[domain] = result.data;
    else {
      complaints.push(...result.error.issues.map((i) => `${i.path.join('.')}: ${i.message}`));
    }
  }
  if (complaints.length > 0) throw new ConfigError(complaints.join('\n'));
  return config as unknown as Config;
}

/**
 * Without keys anyone who can connect may submit: then only this machine may connect.
 * @param hasStored whether there are keys beyond those of the settings.
 * @throws ConfigError where the api would be open to others.
 */
export function refuseOpenServer({ server }: Config, hasStored = false): void {
  const { HOST, API_KEYS, API_KEYS_FILE, AUTH } = server;
  if (isLoopback(HOST) || hasStored) return;
  if (API_KEYS === undefined && API_KEYS_FILE === undefined && AUTH === undefined) {
    throw new ConfigError(
      `HOST: ${HOST} is reachable from elsewhere, and there are no API keys; set API_KEYS=name:key, make a key (npm run keys), or set AUTH=required or HOST=127.0.0.1`,
    );
  }
}

/** Name, meaning and default of every setting, for the table in the docs. */
export function describeSettings(): { name: string; domain: string; meaning: string }[] {
  return Object.entries(schemas).flatMap(([domain, schema]) =>
    Object.entries(schema.shape).map(([name, field]) => ({
      name,
      domain,
      meaning: (field as z.ZodType).description ?? '',
    })),
  );
}
