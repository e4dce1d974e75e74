/** Interprets a tar header with its extensions as an entry, or says why there can be none. */
import { bytesOf, fromText, printable, toText } from '../../base/files/paths.ts';
import type { ArchiveWarning, Entry, EntryKind, WarningCode } from '../entry.ts';
import { checkEntryPath, checkHardLinkTarget, checkSymlinkTarget } from '../tar/entry-name.ts';
import { stripLeadingSlashes } from './absolute-names.ts';
import { damaged } from './damaged.ts';
import type { NameDecoder } from './name-encoding.ts';
import { paxAttributes } from './pax-attributes.ts';
import { paxNumber, type PaxRecords, paxSeconds } from './pax.ts';
import type { TarBlock } from './tar-block.ts';

export interface DescribedEntry {
  /** Bytes that follow, by the header or its pax record. */
  readonly size: number;
  /** Neither set: a volume label, or the root directory, which a restore does not change. */
  readonly entry?: Entry;
  readonly warning?: ArchiveWarning;
}

/** How the names of one archive are read. */
export interface TarNames {
  /** Of names that are not UTF-8. */
  readonly encoding: NameDecoder | undefined;
  /** Names and hard-link targets that lost their leading slashes so far. */
  stripped: number;
}

interface Extension {
  readonly pax: PaxRecords;
  readonly name?: string;
  readonly link?: string;
}

/** Types that stand for nothing on disk, such as a volume label. */
const LABEL = 'V';
const KIND: Readonly<Record<string, EntryKind>> = {
  '0': 'file',
  '7': 'file',
  S: 'file',
  '1': 'hardlink',
  '2': 'symlink',
  '5': 'directory',
  D: 'directory',
};
const SPECIAL: Readonly<Record<string, string>> = {
  '3': 'a character device',
  '4': 'a block device',
  '6': 'a FIFO',
  M: 'the rest of a file from another volume',
  N: 'an old list of long names',
  A: 'an access control list of Solaris',
  I: 'an inode without content',
};
const DEFAULT_MODE = { file: 0o644, directory: 0o755, symlink: 0o777, hardlink: 0o644 };
/** uid_t and gid_t, except the value that means "unchanged". */
const MAX_ID = 0xff_ff_ff_fe;

/**
 * Links, directories and devices have no content, whatever their size field says: old tars store the size of a hard
 * link's target there. Go, Python, node-tar and (for links) GNU tar agree; if one does not, the next header's checksum
 * fails.
 */
export function hasBody(block: TarBlock): boolean {
  return !'123456'.includes(block.type);
}

export function isFile(block: TarBlock): boolean {
  return block.type === '0' || block.type === '7';
}

/**
 * @param names counts absolute names.
 * @param position of the header in the tar stream.
 * @throws Failure `archive_damaged` when the records do not say how many bytes follow.
 */
export function describeEntry(
  block: TarBlock,
  extension: Extension,
  names: TarNames,
  position: number,
): DescribedEntry {
  const { fields } = extension.pax;
  const size = sizeOf(block, fields.get('size'), position);
  if (block.type === LABEL) return { size };
  // GNU.sparse.name is the real path; the header's is a placeholder for tars without sparse support.
  const sparseName = isFile(block) ? fields.get('GNU.sparse.name') : undefined;
  const raw = decoded(orElse(sparseName, orElse(fields.get('path'), extension.name ?? block.name)), names);
  const skip = (code: WarningCode, reason: string): DescribedEntry => ({
    size,
    warning: { path: raw.slice(0, 1024), code, message: `passed over "${printable(raw.slice(0, 256))}": ${reason}` },
  });

  const kind = kindOf(block, raw);
  if (kind === undefined) return skip('unsupported_entry', SPECIAL[block.type] ?? `type "${printable(block.type)}"`);
  if (fields.has('SCHILY.realsize')) return skip('unsupported_entry', 'a sparse file in the format of star');
  if (fields.has('SUN.holesdata')) return skip('unsupported_entry', 'a sparse file in the format of Solaris');
  if (fields.has('GNU.volume.offset')) return skip('unsupported_entry', 'a part of a file that spans volumes');
  const name = checkEntryPath(stripLeadingSlashes(raw));
  if (!name.ok) return skip('hostile_entry', `its name ${name.reason}`);
  if (name.path === '') return kind === 'directory' ? { size } : skip('hostile_entry', 'it would replace the root');

  const attributes = paxAttributes(fields, kind);
  const plain = { path: name.path, kind, size: 0, ...metadataOf(block, fields, kind) };
  const entry = attributes === undefined ? plain : { ...plain, attributes };
  if (kind !== 'symlink' && kind !== 'hardlink') {
    if (raw.startsWith('/')) names.stripped++;
    return { size, entry };
  }
  const link = decoded(orElse(fields.get('linkpath'), extension.link ?? block.link), names);
  const target = kind === 'symlink' ? checkSymlinkTarget(link) : checkHardLinkTarget(stripLeadingSlashes(link));
  if (!target.ok) return skip('hostile_entry', `its link target ${target.reason}`);
  if (kind === 'hardlink' && target.path === name.path) return skip('hostile_entry', 'it is a hard link to itself');
  if (raw.startsWith('/')) names.stripped++;
  if (kind === 'hardlink' && link.startsWith('/')) names.stripped++;
  return { size, entry: { ...entry, target: target.path } };
}

function decoded(name: string, { encoding }: TarNames): string {
  return encoding === undefined || toText(name) !== undefined ? name : fromText(encoding.decode(bytesOf(name)));
}

/** In pax an empty value means that the header's own applies. */
function orElse(value: string | undefined, otherwise: string): string {
  return value === undefined || value === '' ? otherwise : value;
}

function sizeOf(block: TarBlock, record: string | undefined, position: number): number {
  if (record === undefined || record === '') return block.size;
  const size = paxNumber(record);
  if (size !== undefined) return size;
  throw damaged(`the entry at byte ${position} of its tar stream has no valid size`, { tarOffset: position });
}

function kindOf(block: TarBlock, name: string): EntryKind | undefined {
  // Tars before 1988 had no directory type: the name ends in a slash.
  if (block.type === '0' && name.endsWith('/')) return 'directory';
  return KIND[block.type];
}

function metadataOf(
  block: TarBlock,
  fields: ReadonlyMap<string, string>,
  kind: EntryKind,
): Pick<Entry, 'mode' | 'uid' | 'gid' | 'mtime'> {
  return {
    mode: block.mode === undefined ? DEFAULT_MODE[kind] : block.mode & 0o7777,
    uid: idOf(fields.get('uid'), block.uid),
    gid: idOf(fields.get('gid'), block.gid),
    mtime: paxSeconds(fields.get('mtime') ?? '') ?? block.mtime ?? 0,
  };
}

/** A missing owner, or one beyond 32 bits, becomes the unprivileged id 65534, not root. */
function idOf(record: string | undefined, field: number | undefined): number {
  const id = paxNumber(record ?? '') ?? field;
  return id !== undefined && id >= 0 && id <= MAX_ID ? id : 65_534;
}
