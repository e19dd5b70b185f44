/**
 * What this reads of package.json and package-lock.json.
 *
 * @typedef {object} Manifest
 * @property {Record<string, string>} [dependencies]
 * @property {Record<string, string>} [devDependencies]
 * @property {Record<string, string>} [overrides]
 * @property {Record<string, boolean>} [allowScripts]
 *
 * @typedef {object} Locked
 * @property {string} [resolved] absent: the registry
 * @property {string} [integrity]
 * @property {boolean} [hasInstallScript]
 */

const EXACT = /^\d+\.\d+\.\d+(-[\w.-]+)?$/;
const REGISTRY = 'https://registry.npmjs.org/';

/**
 * Tells what of the dependencies could change without a change here, or would run code when it is installed without
 * anybody having said whether it may.
 *
 * @param {Manifest} manifest
 * @param {{ packages: Record<string, Locked> }} lock
 * @returns {string[]}
 */
export function pinComplaints(manifest, lock) {
  const { dependencies, devDependencies, overrides, allowScripts = {} } = manifest;
  const locked = Object.entries(lock.packages).filter(([path]) => path !== '');
  const scripted = locked.filter(([, { hasInstallScript }]) => hasInstallScript);
  const names = new Set(locked.map(([path]) => nameOf(path)));
  return [
    ...Object.entries({ ...dependencies, ...devDependencies, ...overrides })
      .filter(([, version]) => !EXACT.test(version))
      .map(([name, version]) => `${name}: ${version} is no exact version`),
    ...locked
      .filter(
        ([, { resolved = REGISTRY, integrity }]) => !resolved.startsWith(REGISTRY) || !integrity,
      )
      .map(([path]) => `${path}: not from ${REGISTRY}, or without a checksum`),
    ...scripted
      .map(([path]) => nameOf(path))
      .filter((name) => !(name in allowScripts))
      .map((name) => `${name}: has an install script; say in allowScripts whether it may run`),
    ...Object.keys(allowScripts)
      .filter((name) => !names.has(name))
      .map((name) => `${name}: is in allowScripts, but not installed`),
  ];
}

/** @param {string} path as in `node_modules/a/node_modules/@b/c` */
function nameOf(path) {
  return path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);
}
