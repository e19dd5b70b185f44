import { Logger, type Params, PinoLogger } from 'nestjs-pino';
import {
  stdSerializers,
  type Logger as Pino,
  type LoggerOptions,
  pino,
  stdTimeFunctions,
} from 'pino';
import { type Config, ConfigError } from '#libs/config';
import { LineBuffer } from './line-buffer.js';
import { redacted } from './redact.js';

/** The logger of an app: JSON lines, or pretty ones for people. `app` stands on every line. */
export function createLogger(app: string, config: Config['telemetry']): AppLogger {
  return new AppLogger(createRootLogger(app, config));
}

function createRootLogger(app: string, config: Config['telemetry']): Pino {
  const options: LoggerOptions = {
    level: config.LOG_LEVEL,
    base: { app },
    timestamp: stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }), log: redacted },
  };
  if (!config.LOG_PRETTY) return pino(options, new LineBuffer());
  return pino({
    ...options,
    formatters: { log: redacted },
    transport: {
      target: 'pino-pretty',
      options: { colorize: true, translateTime: 'HH:MM:ss.l', ignore: 'app,pid,hostname' },
    },
  });
}

/** Without the command of a Redis error, whose arguments are inputs, outputs and callback URLs. */
function serializeError(error: Error): object {
  const { type, message, stack, code } = stdSerializers.err(error) as Record<string, unknown>;
  return { type, message, stack, ...(code === undefined ? {} : { code }) };
}

/** Contexts in which Nest tells how it starts: a hundred lines that nobody asked for. */
const STARTUP_CONTEXTS = new Set([
  'InstanceLoader',
  'RouterExplorer',
  'RoutesResolver',
  'NestFactory',
]);

/** Nest's own lines, and those of every `new Logger(…)`, through pino; start-up chatter at `debug`. */
export class AppLogger extends Logger {
  constructor(root: Pino) {
    const params: Params = {
      pinoHttp: { logger: root, serializers: { err: serializeError }, wrapSerializers: false },
    };
    super(new PinoLogger(params), params);
  }

  /** A bad setting is told in plain words by `runApp`, without Nest's stack before it. */
  override error(message: unknown, ...rest: unknown[]): void {
    if (!(message instanceof ConfigError)) super.error(message, ...rest);
  }

  override log(message: unknown, ...rest: unknown[]): void {
    if (STARTUP_CONTEXTS.has(String(rest.at(-1)))) this.debug(message, ...rest);
    else super.log(message, ...rest);
  }
}
