/** Odds by which the share may exceed the limit: each alternative is weighed alike. */
const ODDS_RATIOS = [1.25, 1.5, 2, 3, 5, 10, 30, 100, 1000];

/**
 * How strongly `hits` in `trials` speak against their true share being `limit` or less. It may be looked at as
 * often as one likes: over all looks together it reaches 1/a with a probability of at most a, as long as the
 * share is no more than the limit and trials are independent. The mean of likelihood ratios against larger shares
 * is a supermartingale (Ville's inequality; Wald, 1945; Ramdas et al., "Game-theoretic statistics and safe
 * anytime-valid inference", 2023).
 * @param limit 0 to 1. @returns 0 to Infinity, 1 for no evidence either way.
 */
export function evidenceAbove(hits: number, trials: number, limit: number): number {
  if (limit <= 0) return hits > 0 ? Infinity : 1;
  const ratios = ODDS_RATIOS.map((odds) =>
    Math.exp(hits * Math.log(odds) - trials * Math.log(1 - limit + limit * odds)),
  );
  return ratios.reduce((sum, ratio) => sum + ratio, 0) / ratios.length;
}
