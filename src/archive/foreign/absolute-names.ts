/** Absolute names in archives of others (`tar -P`): the leading slashes go, as with GNU tar, bsdtar, Python and unzip. */
import type { ArchiveWarning } from '../entry.ts';

export function stripLeadingSlashes(name: string): string {
  return name.startsWith('/') ? name.replace(/^\/+/, '') || './' : name;
}

/** The warning about an archive in which so many names and hard-link targets were absolute. */
export function absoluteNames(count: number): ArchiveWarning {
  const names = count === 1 ? '1 name or hard-link target is' : `${count} names and hard-link targets are`;
  return { path: '', code: 'absolute_name', message: `${names} absolute; the leading "/" was left out` };
}
