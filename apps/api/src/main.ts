import 'reflect-metadata';
import { refuseOpenServer } from '#libs/config';
import { runApp } from '#libs/telemetry';
import { createApi } from './create-api.js';

await runApp('api', async (config, logger) => {
  refuseOpenServer(config);
  const app = await createApi(config, logger);
  await app.listen(config.server.PORT, config.server.HOST);
  return { app, url: await app.getUrl() };
});
