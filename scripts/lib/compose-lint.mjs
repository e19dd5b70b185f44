import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DCLinter } from 'dclint';
import { parse } from 'yaml';

/**
 * What the rules below read of a service; that it has these shapes is checked first, by the Compose Specification's schema.
 *
 * @typedef {object} Service
 * @property {string} [image]
 * @property {string | { context?: string, dockerfile?: string }} [build]
 * @property {string} [user]
 * @property {boolean} [init]
 * @property {boolean} [read_only]
 * @property {boolean} [privileged]
 * @property {string} [container_name]
 * @property {string} [restart]
 * @property {string} [pull_policy]
 * @property {string} [stop_grace_period]
 * @property {string[]} [cap_drop]
 * @property {string[]} [security_opt]
 * @property {object} [healthcheck]
 * @property {unknown[]} [ports]
 * @property {string[] | Record<string, string>} [environment]
 */

/**
 * What this uses of dclint's messages; its own types cannot be resolved under `NodeNext`.
 *
 * @typedef {object} Finding
 * @property {number} line
 * @property {string} rule
 * @property {string} message
 * @property {string} severity
 */

/** The apps drain within 25 s; a container is killed after this. */
const LEAST_GRACE_S = 30;

/** Rules of dclint that this project does not follow. */
const DCLINT_RULES = {
  // An image built here needs a name, as several services run it.
  'no-build-and-image': 0,
  // Reading order: what others need comes first.
  'services-alphabetical-order': 0,
  'service-keys-order': 0,
  'top-level-properties-order': 0,
};

/**
 * @param {string} root
 * @param {string} path relative to `root`
 * @param {ReadonlySet<string>} settings that `environment` may name
 * @returns {string[]} complaints, each with `: ` or `:line: ` before it
 */
export function lintCompose(root, path, settings) {
  const linter = new DCLinter({ rules: DCLINT_RULES, quiet: true, debug: false, exclude: [] });
  /** @type {Finding[]} */
  const found = linter
    .lintFiles([join(root, path)], false)
    .flatMap((/** @type {{ messages: Finding[] }} */ { messages }) => messages);
  const complaints = found.map(
    ({ line, rule, message }) => `:${line}: ${message.trim()} (dclint ${rule})`,
  );
  if (found.some(({ severity }) => severity === 'critical')) return complaints;
  /** @type {{ services?: Record<string, Service> }} */
  const { services = {} } = parse(readFileSync(join(root, path), 'utf8'), { merge: true });
  const built = Object.values(services).flatMap(({ build, image }) => (build ? [image] : []));
  return [
    ...complaints,
    ...Object.entries(services).flatMap(([name, service]) =>
      [
        ...lintHardening(service),
        ...lintLife(service),
        ...lintOrigin(root, service, built),
        ...namesOf(service.environment)
          .filter((variable) => built.includes(service.image) && !settings.has(variable))
          .map((variable) => `environment: ${variable} is no setting of Foretell`),
      ].map((complaint) => `: ${name}: ${complaint}`),
    ),
  ];
}

/** @param {Service} service */
function lintHardening({ read_only, privileged, cap_drop, security_opt, user }) {
  return [
    ...(read_only === true ? [] : ['read_only: true is missing']),
    ...(privileged ? ['must not be privileged'] : []),
    ...(cap_drop?.includes('ALL') ? [] : ['cap_drop: [ALL] is missing']),
    ...(security_opt?.includes('no-new-privileges:true')
      ? []
      : ['security_opt: [no-new-privileges:true] is missing']),
    ...(/^(root|0)(:|$)/.test(user ?? '') ? ['must not run as root'] : []),
  ];
}

/** @param {Service} service */
function lintLife({ healthcheck, restart, init, stop_grace_period, container_name }) {
  return [
    ...(healthcheck ? [] : ['healthcheck is missing']),
    ...(restart ? [] : ['restart is missing']),
    ...(init === true ? [] : ['init: true is missing: Node.js is no process 1']),
    ...(Number(/^(\d+)s$/.exec(stop_grace_period ?? '')?.[1] ?? 0) >= LEAST_GRACE_S
      ? []
      : [`stop_grace_period must be ${LEAST_GRACE_S}s or more, in seconds`]),
    ...(container_name ? ['container_name keeps it from being scaled'] : []),
  ];
}

/**
 * @param {string} root
 * @param {Service} service
 * @param {readonly (string | undefined)[]} built
 */
function lintOrigin(root, { image, build, pull_policy }, built) {
  if (!build) {
    return built.includes(image) && pull_policy !== 'never'
      ? [`image ${image} is built here: without pull_policy: never it may come from a registry`]
      : [];
  }
  const { context = '.', dockerfile = 'Dockerfile' } =
    typeof build === 'string' ? { context: build } : build;
  return [
    ...(image ? [] : ['a build needs an image name']),
    ...(pull_policy === 'build' ? [] : ['pull_policy: build is missing']),
    ...(existsSync(join(root, context, dockerfile))
      ? []
      : [`build: ${join(context, dockerfile)} does not exist`]),
  ];
}

/** @param {Service['environment']} environment */
function namesOf(environment = {}) {
  return Array.isArray(environment)
    ? environment.map((pair) => pair.split('=', 1)[0] ?? '')
    : Object.keys(environment);
}
