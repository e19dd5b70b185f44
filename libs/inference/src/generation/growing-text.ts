/** Stands for what is no character, or not yet. */
const REPLACEMENT = '\uFFFD';
/** Bytes that the beginning of a character may have: some tokenizers put one of those for each. */
const MAX_UNFINISHED = 3;
/** Tokens of the prompt that the first new one is decoded with: some decode differently at the start. */
const CONTEXT = 4;

/**
 * The text of tokens as they come, a few at a time and without the beginning of a character whose end is
 * still to come. Each is decoded together with those just before it, so that a text costs no more for
 * being long.
 */
export class GrowingText {
  /** The first token that is decoded. */
  private from: number;
  /** How many tokens there were when all their text had been told. */
  private settled: number;
  /** Length of what has been told of the text from `from` on. */
  private told: number;

  /** @param tokens grow. What is there already is told. */
  constructor(
    private readonly tokens: readonly number[],
    private readonly decode: (ids: readonly number[]) => string,
  ) {
    this.settled = tokens.length;
    this.from = Math.max(0, this.settled - CONTEXT);
    this.told = this.decoded().length;
  }

  /** What is new since the last time. */
  next(): string {
    const text = this.decoded();
    const end = text.length - unfinished(text);
    if (end < text.length) return this.tell(text, end);
    const told = this.tell(text, end);
    this.from = this.settled;
    this.settled = this.tokens.length;
    this.told = this.decoded().length;
    return told;
  }

  /** What is left, once no token follows. */
  rest(): string {
    const text = this.decoded();
    return this.tell(text, text.length);
  }

  private tell(text: string, end: number): string {
    const told = text.slice(this.told, end);
    this.told = Math.max(this.told, end);
    return told;
  }

  private decoded(): string {
    return this.decode(this.tokens.slice(this.from));
  }
}

function unfinished(text: string): number {
  let count = 0;
  while (count < MAX_UNFINISHED && text.at(-1 - count) === REPLACEMENT) count++;
  return count;
}
