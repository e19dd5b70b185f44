/** Γ(3/2). */
const GAMMA_1_5 = Math.sqrt(Math.PI) / 2;
/** Terms of Kolmogorov's series; the next is below 1e-20 where the sum is not 1 anyhow. */
const KOLMOGOROV_TERMS = 100;

/**
 * Probability that chi-squared with so many degrees of freedom is `x` or more: by recurrence on the degrees
 * (Abramowitz and Stegun, 26.4.8).
 */
export function chiSquaredTail(x: number, degrees: number): number {
  if (degrees < 1 || x <= 0) return 1;
  const half = x / 2;
  const odd = degrees % 2 === 1;
  let sum = odd ? erfc(Math.sqrt(half)) : 0;
  let term = Math.exp(-half) * (odd ? Math.sqrt(half) / GAMMA_1_5 : 1);
  for (let a = odd ? 0.5 : 0; a < degrees / 2; a++) {
    sum += term;
    term *= half / (a + 1);
  }
  return Math.min(1, sum);
}

/**
 * Probability that two samples of one distribution have cumulative distributions that are `distance` or more
 * apart somewhere (Kolmogorov and Smirnov, with the correction of Stephens, 1970). Too high for what is binned:
 * an alarm by it is no false one for that.
 */
export function kolmogorovTail(distance: number, n: number, m: number): number {
  const root = Math.sqrt((n * m) / (n + m));
  const lambda = (root + 0.12 + 0.11 / root) * distance;
  // Below, the series converges too slowly, and its sum is 1.
  if (lambda < 0.2) return 1;
  let sum = 0;
  for (let j = 1; j <= KOLMOGOROV_TERMS; j++) {
    sum += (j % 2 === 1 ? 2 : -2) * Math.exp(-2 * j * j * lambda * lambda);
  }
  return Math.min(1, Math.max(0, sum));
}

/** To 1.2e-7 of its value, `x` ≥ 0 (Numerical Recipes, 6.2). */
function erfc(x: number): number {
  const t = 1 / (1 + x / 2);
  const series = [
    -1.26551223, 1.00002368, 0.37409196, 0.09678418, -0.18628806, 0.27886807, -1.13520398,
    1.48851587, -0.82215223, 0.17087277,
  ];
  const exponent = series.reduceRight((sum, coefficient) => coefficient + t * sum, 0);
  return t * Math.exp(-x * x + exponent);
}
