/** The last so many ids that were added. */
export class RecentIds {
  private readonly ids = new Set<string>();

  constructor(private readonly max: number) {}

  add(id: string): void {
    // Those that are added again are recent again.
    this.ids.delete(id);
    this.ids.add(id);
    if (this.ids.size <= this.max) return;
    const { value } = this.ids.values().next();
    if (value !== undefined) this.ids.delete(value);
  }

  has(id: string): boolean {
    return this.ids.has(id);
  }
}
