import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type Dockerfile, DockerfileParser } from 'dockerfile-ast';
import { parse } from 'yaml';
import { ConfigError, describeSettings, loadConfig, refuseOpenServer } from '#libs/config';
import { freePort } from '#libs/testing';

const root = join(import.meta.dirname, '../..');

interface Service {
  image: string;
  profiles?: string[];
  build?: { context: string; dockerfile: string };
  command: string[];
  environment: Record<string, string>;
  healthcheck: { test: string[] };
  stop_grace_period: string;
  ports?: { target: number; host_ip: string }[];
  volumes?: (string | { source: string; target: string; read_only: boolean })[];
}

interface ScrapeConfig {
  job_name: string;
  authorization?: { credentials_file: string };
  dns_sd_configs: { names: string[]; port: number }[];
}

interface AppSpec {
  name: string;
  entry: string;
}

function read(path: string): string {
  return readFileSync(join(root, path), 'utf8');
}

/** Replaces `${NAME}`, `${NAME:-default}` and `${NAME:?message}` as Docker Compose does, from the inside out. */
function interpolate(text: string, env: Record<string, string>): string {
  const replaced = text.replace(
    /\$\{(\w+)(?::([-?])([^${}]*))?\}/g,
    (_, name: string, operator: string | undefined, word: string | undefined) => {
      const value = env[name] ?? '';
      if (value === '' && operator === '?') throw new Error(`${name}: ${word ?? ''}`);
      return value === '' && operator === '-' ? (word ?? '') : value;
    },
  );
  return replaced === text ? text : interpolate(replaced, env);
}

function servicesOf(env: Record<string, string>): Record<string, Service> {
  const compose = parse(read('docker-compose.yml'), { merge: true }) as object;
  const text = JSON.stringify(compose, (_, value: unknown) =>
    typeof value === 'string' ? interpolate(value, env) : value,
  );
  return (JSON.parse(text) as { services: Record<string, Service> }).services;
}

function commandOf(dockerfile: Dockerfile): unknown {
  const command = dockerfile.getInstructions().findLast((i) => i.getKeyword() === 'CMD');
  return JSON.parse(command?.getArgumentsContent() ?? 'null');
}

function exitCode(
  [command = '', ...args]: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<number | null> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { env, stdio: 'ignore' });
    child.once('error', reject);
    child.once('exit', resolve);
  });
}

const services = servicesOf({ API_KEYS: 'team:a-long-enough-key' });
const appServices = Object.entries(services).filter(
  ([name, { profiles }]) => name !== 'redis' && profiles?.includes('monitoring') !== true,
);
const monitoring = Object.entries(services).filter(([, { profiles }]) =>
  profiles?.includes('monitoring'),
);
const dockerfiles = ['deploy/Dockerfile', 'deploy/Dockerfile.gpu'].map((path) => ({
  path,
  file: DockerfileParser.parse(read(path)),
}));

describe('deployment files', () => {
  let apps: readonly AppSpec[];

  beforeAll(async () => {
    const path: string = join(root, 'scripts/lib/apps.mjs');
    ({ apps } = (await import(path)) as { apps: readonly AppSpec[] });
  });

  describe('commands', () => {
    it('are those of npm start, in every service', () => {
      for (const script of ['become', 'processes']) {
        expect(read(`scripts/lib/${script}.mjs`)).toMatch(/\['--enable-source-maps', \w+\.entry\]/);
      }
      for (const [name, { command }] of appServices) {
        const app = apps.find((spec) => spec.name === name.replace(/-gpu$/, ''));
        expect({ name, command }).toEqual({
          name,
          command: ['node', '--enable-source-maps', app?.entry],
        });
      }
    });

    it('have a service for every app, and a file to run in dist', () => {
      expect(Object.keys(services)).toEqual(expect.arrayContaining(apps.map(({ name }) => name)));
      for (const { entry } of apps) expect(existsSync(join(root, entry))).toBe(true);
    });

    it('are one of those in every Dockerfile', () => {
      const known = appServices.map(([, { command }]) => command);
      for (const { file } of dockerfiles) expect(known).toContainEqual(commandOf(file));
    });
  });

  describe('images', () => {
    it('are built from the Dockerfiles here, each by one service', () => {
      const built = appServices.flatMap(([, { build }]) => build?.dockerfile ?? []);
      expect(built.sort()).toEqual(dockerfiles.map(({ path }) => path));
    });

    it('run the Node.js that the project is developed on', () => {
      const { devDependencies } = JSON.parse(read('package.json')) as {
        devDependencies: { node: string };
      };
      const major = devDependencies.node.split('.', 1)[0] ?? '';
      for (const { file } of dockerfiles) {
        const nodes = file.getFROMs().filter((from) => from.getImageName() === 'node');
        expect(nodes.length).toBeGreaterThan(0);
        for (const from of nodes) {
          expect(from.getImageTag()).toMatch(new RegExp(`^${major}(\\.[\\d.]+)?-bookworm-slim$`));
        }
      }
    });

    it('are built in the same way', () => {
      const builds = dockerfiles.map(
        ({ path }) => /^FROM \S+ AS build\n[^]*?(?=\n\nFROM )/m.exec(read(path))?.[0],
      );
      expect(builds[0]).toContain('npm run build');
      expect(builds[1]).toBe(builds[0]);
    });

    it('copy nothing that .dockerignore withholds', () => {
      const sent = read('.dockerignore')
        .split('\n')
        .flatMap((line) => (line.startsWith('!') ? [line.slice(1)] : []));
      for (const { file } of dockerfiles) {
        const copied = file
          .getCOPYs()
          .filter((copy) => copy.getFromFlag() === null)
          .flatMap((copy) => copy.getArguments().slice(0, -1))
          .map((argument) => argument.getValue());
        expect(copied.length).toBeGreaterThan(0);
        expect(sent).toEqual(expect.arrayContaining(copied));
        for (const path of copied) expect(existsSync(join(root, path))).toBe(true);
      }
    });
  });

  describe('settings', () => {
    const known = describeSettings().map(({ name }) => name);

    it('in the compose file are all known', () => {
      for (const [, { environment }] of appServices) {
        expect(known).toEqual(expect.arrayContaining(Object.keys(environment)));
      }
    });

    it('in the Dockerfiles are known, or mean something to Node.js or CUDA', () => {
      for (const { file } of dockerfiles) {
        for (const { name } of file
          .getENVs()
          .flatMap((env) => env.getProperties())
          .map((property) => ({ name: property.getName() }))) {
          expect([...known, 'NODE_ENV', 'CUDA_CACHE_PATH']).toContain(name);
        }
      }
    });

    it('are accepted by the apps, with every default of the compose file', () => {
      for (const [, { environment }] of appServices) {
        expect(() => loadConfig(environment)).not.toThrow();
      }
      expect(() => refuseOpenServer(loadConfig(services['api']?.environment))).not.toThrow();
      expect(loadConfig(services['worker-gpu']?.environment).models.EXECUTION_PROVIDERS).toEqual([
        'cuda',
        'cpu',
      ]);
      expect(loadConfig(services['courier']?.environment).server.PUBLIC_URL).toBe(
        'http://localhost:3000',
      );
    });

    it('have to name API keys', () => {
      expect(() => servicesOf({})).toThrow(/^API_KEYS: set API_KEYS=name:key/);
      const open = { ...services['api']?.environment, API_KEYS: '' };
      expect(() => refuseOpenServer(loadConfig(open))).toThrow(ConfigError);
    });

    it('in env.example are all used by the compose file', () => {
      const names = [...read('deploy/env.example').matchAll(/^#?([A-Z][A-Z_]*)=/gm)].map(
        ([, name = '']) => name,
      );
      expect(names).toContain('API_KEYS');
      const compose = read('docker-compose.yml');
      for (const name of names) expect(compose).toContain(`\${${name}:`);
    });
  });

  describe('health checks', () => {
    let server: Server;
    let status: number;
    let asked: (string | undefined)[];

    beforeAll(async () => {
      server = createServer((request, response) => {
        asked.push(request.url);
        response.writeHead(status).end('{}');
      });
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    });

    afterAll(async () => {
      await new Promise((resolve) => server.close(resolve));
    });

    /** The very command of the compose file, with this Node.js and another port. */
    function check({ healthcheck, environment }: Service, port: number) {
      const [kind, node, ...args] = healthcheck.test;
      expect([kind, node]).toEqual(['CMD', 'node']);
      const portName = 'OPS_PORT' in environment ? 'OPS_PORT' : 'PORT';
      expect(environment[portName]).toMatch(/^\d+$/);
      return exitCode([process.execPath, ...args], {
        ...process.env,
        ...environment,
        [portName]: String(port),
      });
    }

    it.each(appServices)('of %s tell a ready app from others', async (_, service) => {
      const { port } = server.address() as AddressInfo;
      asked = [];
      status = 200;
      expect(await check(service, port)).toBe(0);
      status = 503;
      expect(await check(service, port)).toBe(1);
      expect(asked).toEqual(['/health/ready', '/health/ready']);
      expect(await check(service, await freePort())).toBe(1);
    });
  });

  describe('stopping', () => {
    it('gives every app the time that it may take to drain', () => {
      const drainMs = /DRAIN_MS = ([\d_]+)/.exec(read('libs/telemetry/src/run-app.ts'))?.[1];
      const drainS = Number(drainMs?.replaceAll('_', '')) / 1000;
      for (const [, { stop_grace_period }] of appServices) {
        expect(Number.parseInt(stop_grace_period)).toBeGreaterThan(drainS);
      }
    });
  });

  describe('monitoring', () => {
    const { scrape_configs: scrapes } = parse(read('deploy/monitoring/prometheus.yml')) as {
      scrape_configs: ScrapeConfig[];
    };
    const binds = monitoring
      .flatMap(([, { volumes = [] }]) => volumes)
      .filter((volume) => typeof volume === 'object');

    it('is Prometheus and Grafana, of versions that are said, where only this host comes', () => {
      expect(monitoring.map(([name]) => name)).toEqual(['prometheus', 'grafana']);
      for (const [, { image, ports = [] }] of monitoring) {
        expect(image).toMatch(/^[a-z]+\/[a-z]+:v?\d+\.\d+\.\d+$/);
        expect(ports.map(({ host_ip }) => host_ip)).toEqual(['127.0.0.1']);
      }
    });

    it('asks every app where it listens', () => {
      expect(scrapes.map(({ job_name }) => job_name).sort()).toEqual(
        apps.map(({ name }) => name).sort(),
      );
      const asked = scrapes.flatMap(({ dns_sd_configs }) =>
        dns_sd_configs.flatMap(({ names, port }) => names.map((name) => [name, String(port)])),
      );
      const listening = appServices.map(([name, { environment }]) => [
        name,
        environment['OPS_PORT'] ?? environment['PORT'],
      ]);
      expect(asked.sort()).toEqual(listening.sort());
    });

    it('reads files that are there, and the key where it is mounted', () => {
      const keys = scrapes.flatMap(({ authorization }) => authorization?.credentials_file ?? []);
      const isKey = ({ target }: { target: string }) => keys.includes(target);
      expect(binds.filter(isKey)).toHaveLength(1);
      for (const bind of binds) {
        expect([bind.source, bind.read_only]).toEqual([bind.source, true]);
        if (!isKey(bind)) expect([bind, existsSync(join(root, bind.source))]).toEqual([bind, true]);
      }
      const { providers } = parse(
        read('deploy/monitoring/grafana/provisioning/dashboards/foretell.yml'),
      ) as { providers: { options: { path: string } }[] };
      for (const { options } of providers) {
        expect(binds.map(({ target }) => target)).toContain(options.path);
      }
    });
  });

  describe('redis', () => {
    it('is started with arguments that Redis takes, and keeps every job', async () => {
      const [, ...args] = services['redis']?.command ?? [];
      const line = args.join(' ');
      expect(line).toContain('--appendonly yes --appendfsync always');
      expect(line).toContain('--maxmemory-policy noeviction');
      const dir = await mkdtemp(join(tmpdir(), 'foretell-deploy-'));
      const port = await freePort();
      const redis = spawn(
        process.env['FORETELL_REDIS_SERVER'] ?? 'redis-server',
        [...args, '--bind', '127.0.0.1', '--port', String(port), '--dir', dir],
        { stdio: ['ignore', 'pipe', 'inherit'] },
      );
      try {
        const lines: string[] = [];
        for await (const text of createInterface({ input: redis.stdout })) {
          lines.push(text);
          if (/ready to accept connections/i.test(text)) break;
        }
        expect(lines.at(-1)).toMatch(/ready to accept connections/i);
      } finally {
        const exited = new Promise((resolve) => redis.once('exit', resolve));
        if (redis.exitCode === null && redis.kill()) await exited;
        await rm(dir, { recursive: true, force: true });
      }
    });
  });
});
