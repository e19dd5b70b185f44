/**
 * Ends a text before the stop sequence that is complete first (of those that are at the same time, the
 * longest), wherever tokens begin and end. What may be the beginning of one is held back until it is known.
 */
export class StopSequences {
  private held = '';
  private found = false;

  constructor(private readonly stops: readonly string[]) {}

  /** One of them has come. */
  get isFound(): boolean {
    return this.found;
  }

  /** @returns what is surely before any of them. */
  push(text: string): string {
    if (this.stops.length === 0 || text === '') return text;
    const known = this.held + text;
    const found = this.stops
      .map((stop) => ({ at: known.indexOf(stop), length: stop.length }))
      .filter(({ at }) => at >= 0)
      .sort((a, b) => a.at + a.length - (b.at + b.length) || a.at - b.at);
    const [first] = found;
    this.found = first !== undefined;
    const end = first ? first.at : known.length - this.beginning(known);
    this.held = this.found ? '' : known.slice(end);
    return known.slice(0, end);
  }

  /** @returns what was held back, once no text follows. */
  rest(): string {
    const text = this.held;
    this.held = '';
    return text;
  }

  /** Length of the longest end that one of them begins with. */
  private beginning(text: string): number {
    const longest = Math.max(...this.stops.map(({ length }) => length)) - 1;
    for (let length = Math.min(longest, text.length); length > 0; length--) {
      const end = text.slice(-length);
      if (this.stops.some((stop) => stop.startsWith(end))) return length;
    }
    return 0;
  }
}
