import 'reflect-metadata';
import { refuseOpenServer } from '#libs/config';
import { runApp } from '#libs/telemetry';
import { createApi } from './create-api.js';
import { Leaving } from './http/leaving.js';
import { ApiKeys } from './security/api-keys.js';

await runApp('api', async (config, logger) => {
  const app = await createApi(config, logger);
  refuseOpenServer(config, app.get(ApiKeys).required);
  await app.listen(config.server.PORT, config.server.HOST);
  return { app, url: await app.getUrl(), leave: () => app.get(Leaving).gone() };
});
