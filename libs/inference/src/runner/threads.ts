/**
 * Threads of each instance of a model, so that together they do not want more than the cores: what its
 * manifest declares, else what RUNNER_THREADS says, else the cores shared out; less where that is too much.
 * @param configured RUNNER_THREADS; 0 shares the cores out.
 * @returns at least 1, also where there are more instances than cores.
 */
export function threadsFor(of: {
  cores: number;
  instances: number;
  configured: number;
  declared?: number | undefined;
}): number {
  const share = Math.max(1, Math.floor(of.cores / of.instances));
  const wanted = of.declared ?? of.configured;
  return wanted === 0 ? share : Math.min(wanted, share);
}
