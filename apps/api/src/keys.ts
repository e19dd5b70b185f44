import 'reflect-metadata';
import { ConfigError, loadConfig } from '#libs/config';
import { openApiKeyStore } from '#libs/jobs';
import { keysCommand, UsageError } from './security/keys.command.js';

/** `npm run keys -- create | list | revoke`: the stored keys, straight from Redis, with no api running. */
try {
  const { store, close } = await openApiKeyStore(loadConfig());
  try {
    process.stdout.write(`${await keysCommand(process.argv.slice(2), store)}\n`);
  } finally {
    close();
  }
} catch (error) {
  if (!(error instanceof ConfigError || error instanceof UsageError)) throw error;
  process.stderr.write(`foretell: ${error.message}\n`);
  process.exitCode = 1;
}
