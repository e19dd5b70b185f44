/** Rounds half away from zero to `decimals` places of the decimal writing. */
export function round(value: number, decimals: number): number {
  return Number(value.toFixed(decimals));
}
