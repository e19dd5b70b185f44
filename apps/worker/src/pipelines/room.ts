/** Lets in so many bytes at once, in order; one that is larger than all room has it for itself. */
export class Room {
  private readonly line: { bytes: number; enter: () => void }[] = [];
  private heldBytes = 0;

  constructor(private readonly maxBytes: number) {}

  /** @param work runs once there is room. */
  async with<T>(bytes: number, work: () => Promise<T>): Promise<T> {
    await new Promise<void>((enter) => {
      this.line.push({ bytes, enter });
      this.admit();
    });
    try {
      return await work();
    } finally {
      this.heldBytes -= bytes;
      this.admit();
    }
  }

  private admit(): void {
    for (let next = this.line[0]; next; next = this.line[0]) {
      if (this.heldBytes > 0 && this.heldBytes + next.bytes > this.maxBytes) return;
      this.line.shift();
      this.heldBytes += next.bytes;
      next.enter();
    }
  }
}
