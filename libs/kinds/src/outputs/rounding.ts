/** Above this a scaled value's own error could be taken for a half. */
const MAX_SCALED = 2 ** 30;

/**
 * Rounds half away from zero to `decimals` places of the decimal writing: `Number(value.toFixed(decimals))`,
 * several times as fast where it is not close to a half.
 */
export function round(value: number, decimals: number): number {
  const power = 10 ** decimals;
  const scaled = Math.abs(value * power);
  const rest = scaled - Math.floor(scaled);
  if (scaled < MAX_SCALED && Math.abs(rest - 0.5) > 1e-6) return Math.round(value * power) / power;
  return Number(value.toFixed(decimals));
}
