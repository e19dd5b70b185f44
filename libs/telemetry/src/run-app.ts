import type { INestApplicationContext } from '@nestjs/common';
import { type Config, ConfigError, isTraced, loadConfig } from '#libs/config';
import { type AppLogger, createLogger } from './logger.js';

/** `sysexits.h`'s EX_CONFIG: starting again would not help, so a supervisor does not. */
const EX_CONFIG = 78;
/** Longest that an app may take to drain before it ends anyway; its supervisor waits 25 s. */
const DRAIN_MS = 24_000;
const CONTEXT = 'App';
const SIGNALS = ['SIGTERM', 'SIGINT'] as const;

export interface StartedApp {
  app: INestApplicationContext;
  /** Where it listens. */
  url: string;
  /** Settles when it can do its work; absent where it can from the start. */
  ready?: Promise<void>;
  /** What it does before it closes, once it is told to end. */
  leave?: () => Promise<void>;
}

/**
 * Life of an app from its settings to its drain.
 *
 * A bad setting is a plain line and exit code 78. A signal, or the end of the supervisor that started
 * it, closes the app in order, within 24 s; while it starts, and has taken nothing yet, it ends at once.
 */
export async function runApp(
  name: string,
  start: (config: Config, logger: AppLogger) => Promise<StartedApp>,
): Promise<void> {
  try {
    const config = loadConfig();
    const logger = createLogger(name, config.telemetry);
    const ending = endOnSignals(logger);
    const sendLastSpans = await startTraces(name, config, logger);
    const { app, url, ready, leave } = await start(config, logger);
    ending.drain = async () => {
      await leave?.();
      await app.close().finally(sendLastSpans);
    };
    await ready;
    process.send?.({ type: 'ready', url });
  } catch (error) {
    if (error instanceof ConfigError) {
      process.stderr.write(`${error.message}\n`);
      process.exit(EX_CONFIG);
    }
    process.stderr.write(`${name} did not start: ${String((error as Error).stack ?? error)}\n`);
    process.exit(1);
  }
}

/** @returns what is to be done when all else has ended. */
async function startTraces(
  name: string,
  { traces }: Config,
  logger: AppLogger,
): Promise<() => Promise<void>> {
  if (!isTraced(traces)) return () => Promise.resolve();
  const { startTracing } = await import('./tracing.js');
  const { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT, OTEL_EXPORTER_OTLP_ENDPOINT } = traces;
  const collector = OTEL_EXPORTER_OTLP_TRACES_ENDPOINT ?? OTEL_EXPORTER_OTLP_ENDPOINT ?? '';
  const line = { collector: new URL(collector).host, sampler: traces.OTEL_TRACES_SAMPLER };
  logger.log(line, 'spans are sent', CONTEXT);
  return startTracing(name, traces);
}

interface Ending {
  /** Closes the app; absent while it starts. */
  drain?: () => Promise<void>;
}

function endOnSignals(logger: AppLogger): Ending {
  const ending: Ending = {};
  let draining = false;
  const drain = (reason: string): void => {
    if (draining) return;
    draining = true;
    if (!ending.drain) {
      logger.log({ reason }, 'ended while it started', CONTEXT);
      process.exit(0);
    }
    logger.log({ reason }, 'draining', CONTEXT);
    setTimeout(() => {
      logger.error('not drained in time', CONTEXT);
      process.exit(1);
    }, DRAIN_MS).unref();
    ending.drain().then(
      () => {
        logger.log('drained', CONTEXT);
        process.exit(0);
      },
      (err: unknown) => {
        logger.error({ err }, 'drain failed', CONTEXT);
        process.exit(1);
      },
    );
  };
  for (const signal of SIGNALS) {
    process.on(signal, () => {
      drain(signal);
    });
  }
  if (process.send) {
    process.on('disconnect', () => {
      drain('supervisor gone');
    });
    // Before anybody listened.
    if (!process.connected) drain('supervisor gone');
  }
  return ending;
}
