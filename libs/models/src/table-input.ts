import type { VersionDescription } from '#libs/contracts';
import { inputKind, isPreprocessed, type TableColumn } from '#libs/kinds';

/** The columns of a table whose rows are instances of a version; undefined where it takes no tables. */
export function tableColumnsOf(version: VersionDescription): readonly TableColumn[] | undefined {
  return isPreprocessed(version) ? undefined : inputKind(version.input).columns?.(version);
}
