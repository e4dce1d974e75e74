/** Warnings of the archive room as a command shows them: paths as text. */
import type { ArchiveWarning } from '../../archive/entry.ts';
import { wirePath } from '../../base/paths.ts';
import type { WireWarning } from '../command.ts';

export function wireWarnings(warnings: readonly ArchiveWarning[]): WireWarning[] {
  return warnings.map(({ path, code, message }) => ({ path: wirePath(path), code, message }));
}
