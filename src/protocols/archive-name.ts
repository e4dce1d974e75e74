import type { BackupView } from '../jobs/contract.ts';

/** Each part fits into a file name of 255 bytes together with the others. */
const LONGEST_PART = 90;

/**
 * What a person finds again among downloads: server, time in UTC, name of the backup, such as
 * `survival-2026-11-29-20-41-Before-1.22.tar.gz`. Names of servers and backups are anybody's text: separators, quotes and
 * control characters become `_`, long ones are cut.
 */
export function archiveName(server: string, { name, createdAt }: Pick<BackupView, 'name' | 'createdAt'>): string {
  const time = new Date(createdAt).toISOString().slice(0, 16).replace(/[:T]/g, '-');
  const parts = [part(server), time, part(name)];
  return `${parts.filter((text) => text !== '').join('-')}.tar.gz`;
}

/** The same in ASCII, for a header that cannot be written otherwise. */
export function asciiName(name: string): string {
  return name.replace(/[^\x20-\x7e]|["\\%]/gu, '_');
}

function part(text: string): string {
  const safe = text
    .trim()
    .replace(/\s+/gu, '-')
    .replace(/[\p{C}\\/:"<>|?*]/gu, '_')
    .replace(/^\.+/, '_');
  let cut = '';
  for (const character of safe) {
    if (Buffer.byteLength(cut + character) > LONGEST_PART) break;
    cut += character;
  }
  return cut;
}
