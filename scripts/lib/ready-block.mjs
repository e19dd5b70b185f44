/** @import { App } from './processes.mjs' */
/** @import { Settings } from './settings.mjs' */

/**
 * What to read first when all is up.
 *
 * @param {Settings} settings
 * @param {readonly App[]} apps
 * @param {number | undefined} redisPort of the private Redis
 * @returns {string}
 */
export function readyBlock({ baseUrl, dataDir, allowsLoopbackWebhooks }, apps, redisPort) {
  const others = apps.flatMap(({ spec, url }) => {
    const address = url();
    return address && !address.startsWith(baseUrl)
      ? [[capitalized(spec.name), `${address} (health, metrics)`]]
      : [];
  });
  const rows = [
    ['API', `${baseUrl}/v1`],
    ['Docs', `${baseUrl}/docs`],
    ['Bull Board', `${baseUrl}/admin/queues`],
    ['Health', `${baseUrl}/health/ready`],
    ['Metrics', `${baseUrl}/metrics`],
    ...others,
    ['Data', dataDir],
    [
      'Redis',
      redisPort === undefined
        ? 'the one of REDIS_URL'
        : `127.0.0.1:${redisPort} (private, kept in the data directory)`,
    ],
    ...(allowsLoopbackWebhooks
      ? [['Webhooks', 'may call this machine, to be tried out: OUTBOUND_ALLOW=127.0.0.0/8,::1']]
      : []),
  ];
  return `
Foretell is ready. Ctrl-C stops it.

${rows.map(([label = '', value = '']) => `  ${label.padEnd(12)}${value}`).join('\n')}

Try it:

  curl -s -X POST ${baseUrl}/v1/models/iris/predict -H 'content-type: application/json' -d '{"input": [5.1, 3.5, 1.4, 0.2]}'

The answer has a status_url: fetch that for the prediction.
`;
}

/** @param {string} word */
function capitalized(word) {
  return word.charAt(0).toUpperCase() + word.slice(1);
}
