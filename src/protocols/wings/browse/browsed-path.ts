/** Where the file manager of Calagopus looks into backups: `/.backups/<backup>/<path>` of a server. Pure. */
import { type BackupId, isUuid, parseBackupId } from '../../../base/ids.ts';

export interface BrowsedPath {
  readonly backup: BackupId;
  /** Below the backup's root, as `BackupService` takes it; '' for the root. */
  readonly path: string;
}

const LONGEST = 4096;

/** @returns undefined for what is no path in a backup, or can be read in two ways. */
export function browsedPath(text: string): BrowsedPath | undefined {
  if (text.length > LONGEST || text.includes('\0')) return undefined;
  const [directory, backup = '', ...rest] = text.split('/').filter((name) => name !== '' && name !== '.');
  const id = backup.toLowerCase();
  if (directory !== '.backups' || !isUuid(id) || rest.includes('..')) return undefined;
  return { backup: parseBackupId(id), path: rest.join('/') };
}
