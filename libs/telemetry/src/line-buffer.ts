const FLUSH_MS = 100;
const FLUSH_LENGTH = 32_768;

/**
 * Standard output for log lines: those of a tenth of a second leave in one write, as a write for each
 * would cost as much as a job.
 *
 * Not pino's own buffering: its flush at exit waits forever where nobody reads any more, and an app whose
 * supervisor was killed must still end.
 */
export class LineBuffer {
  private lines = '';
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly output: NodeJS.WritableStream = process.stdout) {
    // Nobody reads any more: there is no one left to tell.
    output.on('error', () => undefined);
    process.on('exit', () => {
      this.flush();
    });
  }

  write(line: string): void {
    this.lines += line;
    if (this.lines.length > FLUSH_LENGTH) this.flush();
    else {
      this.timer ??= setTimeout(() => {
        this.flush();
      }, FLUSH_MS).unref();
    }
  }

  private flush(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    if (this.lines !== '') this.output.write(this.lines);
    this.lines = '';
  }
}
