import type { App } from '../../e2e/support/installation.js';
import { type ProcessUse, useOf } from './process-use.js';

/** A process may grow by so much: caches fill, and buffers of an outage are given back late. */
const GROWTH_MB = 250;
const MORE_HANDLES = 60;

/** What each process of an installation used when it was first seen, and what it writes. */
export class ProcessWatch {
  private readonly first = new Map<App, ProcessUse>();

  constructor(private readonly apps: () => readonly App[]) {}

  /** Notes what those use that were not seen before: once they have got going. */
  note(): void {
    for (const app of this.apps()) {
      const use = useOf(app.pid);
      if (use && !this.first.has(app)) this.first.set(app, use);
    }
  }

  /** What has grown beyond bounds since it was noted. */
  growth(): string[] {
    return [...this.first].flatMap(([app, before]) => {
      const now = useOf(app.pid);
      if (!now) return [];
      const what: string[] = [];
      if (now.rssMb > before.rssMb + GROWTH_MB)
        what.push(`${app.name}: ${before.rssMb} MiB grew to ${now.rssMb}`);
      if (now.handles > before.handles + MORE_HANDLES)
        what.push(`${app.name}: ${before.handles} handles became ${now.handles}`);
      return what;
    });
  }

  /** Most error lines of one process in one second of its clock. */
  get errorLinesPerS(): number {
    const counts = this.apps().map(({ log }) => {
      const seconds = new Map<string, number>();
      for (const { level, time } of log) {
        if (level !== 'error' && level !== 'fatal') continue;
        const second = String(time).slice(0, 19);
        seconds.set(second, (seconds.get(second) ?? 0) + 1);
      }
      return Math.max(0, ...seconds.values());
    });
    return Math.max(0, ...counts);
  }

  /** Lines that say what they must not. */
  leaks(secrets: readonly string[]): string[] {
    return this.apps().flatMap(({ name, lines }) =>
      lines
        .filter((line) => secrets.some((secret) => line.includes(secret)))
        .map((line) => `${name} wrote a secret: ${line.slice(0, 200)}`),
    );
  }

  get lines(): number {
    return this.apps().reduce((sum, { lines }) => sum + lines.length, 0);
  }
}
