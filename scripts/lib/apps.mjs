/** @import { AppSpec } from './processes.mjs' */

/**
 * Foretell's apps.
 *
 * @type {readonly AppSpec[]}
 */
export const apps = [
  { name: 'api', entry: 'dist/apps/api/src/main.js', stopsFirst: true },
  { name: 'worker', entry: 'dist/apps/worker/src/main.js' },
  { name: 'courier', entry: 'dist/apps/courier/src/main.js' },
];
