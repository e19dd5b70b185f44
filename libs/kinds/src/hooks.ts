import type { VersionDescription } from '#libs/contracts';

/** Whether what callers send is for a `preprocess`, and what the manifest says for what that gives. */
export function isPreprocessed({ hooks }: VersionDescription): boolean {
  return hooks?.includes('preprocess') ?? false;
}
