/** What each caller holds at this moment of something that there is so much of. */
export class Holdings {
  private readonly held = new Map<string, number>();

  of(caller: string): number {
    return this.held.get(caller) ?? 0;
  }

  /** @returns gives it back; call it once. */
  take(caller: string, amount: number): () => void {
    this.held.set(caller, this.of(caller) + amount);
    return () => {
      const left = this.of(caller) - amount;
      if (left > 0) this.held.set(caller, left);
      else this.held.delete(caller);
    };
  }
}
