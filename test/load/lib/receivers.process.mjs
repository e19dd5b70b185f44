// Two receivers of webhooks, on ports of their own: one answers at once, the other one not before it is told to.
import { once } from 'node:events';
import { createServer } from 'node:http';
import { json } from 'node:stream/consumers';
import { nowMs } from './numbers.mjs';

/** @import { RequestListener, ServerResponse } from 'node:http' */

let came = 0;
/** @type {number[]} ms from a job's end until its callback came */
let lags = [];
/** @type {ServerResponse[]} */
let held = [];
let holds = true;
let letGo = 0;

/** @param {ServerResponse} response */
function accept(response) {
  response.writeHead(204).end();
}

const good = await listen(async (request, response) => {
  const at = nowMs();
  const event = /** @type {any} */ (await json(request));
  accept(response);
  came += 1;
  lags.push(at - Date.parse(event.data.ended_at));
});

const hanging = await listen((request, response) => {
  request.resume();
  if (!holds) {
    letGo += 1;
    accept(response);
    return;
  }
  held.push(response);
  // Its courier has waited for long enough.
  response.once('close', () => (held = held.filter((other) => other !== response)));
});

/** @param {RequestListener} listener @returns {Promise<string>} its URL */
async function listen(listener) {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
  return `http://127.0.0.1:${port}/`;
}

process.once('disconnect', () => process.exit(0));

process.on('message', (/** @type {string} */ wish) => {
  if (wish === 'hold') holds = true;
  if (wish === 'let go') {
    holds = false;
    letGo += held.length;
    held.splice(0).forEach(accept);
  }
  const taken = wish === 'take lags' ? lags.splice(0) : [];
  process.send?.({ came, held: held.length, letGo, lags: taken });
});

process.send?.({ good, hanging });
