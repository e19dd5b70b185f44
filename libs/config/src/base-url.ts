import type { Config } from './config.js';

/** Base of the URLs in webhooks, where no request tells how the api is reached. */
export function baseUrl({ server }: Config): string {
  if (server.PUBLIC_URL !== undefined) return server.PUBLIC_URL.replace(/\/+$/, '');
  const host = server.HOST.includes(':') ? `[${server.HOST}]` : server.HOST;
  return `http://${host}:${String(server.PORT)}`;
}
