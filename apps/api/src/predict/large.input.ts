/**
 * Instances of a large body, as the lines that `instanceLines` makes of them. To have them as values here
 * would hold up the event loop twice: they are read, checked and written in another thread.
 */
export class LargeInput {
  constructor(
    readonly lines: string,
    readonly count: number,
    /** They came as columns: what is told of them points into these. */
    readonly inColumns = false,
  ) {}
}
