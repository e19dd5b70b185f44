/** What follows on what was told of a text already. */
export interface NextText {
  text: string;
  /** Of the whole text up to its end, in UTF-8. */
  bytes: number;
  /** Up to its end. */
  tokens: number;
}

/** The text of a run as it is generated, and how much of it has been told. */
export class TextProgress {
  private text = '';
  private tokens = 0;
  private told = { length: 0, bytes: 0 };

  /** @param tokens of the whole text with it. */
  add(text: string, tokens: number): void {
    this.text += text;
    this.tokens = tokens;
  }

  get next(): NextText {
    const text = this.text.slice(this.told.length);
    return { text, bytes: this.told.bytes + Buffer.byteLength(text), tokens: this.tokens };
  }

  wasTold({ text, bytes }: NextText): void {
    this.told = { length: this.told.length + text.length, bytes };
  }

  /** Everything is to be told from the start. */
  forgetTold(): void {
    this.told = { length: 0, bytes: 0 };
  }
}
