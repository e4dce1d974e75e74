/**
 * Reads a zip in the order of its directory. node-stream-zip confirms the directory and reads nothing more: it believes
 * the count at the end, which wraps round at 65,536, and its content streams leave read errors unhandled, do not notice
 * an entry that ends early, and check no CRC when the local header has none.
 */
import { Buffer } from 'node:buffer';
import { crc32 } from 'node:zlib';
import { Failure, throwIfAborted } from '../../base/failure.ts';
import { printable } from '../../base/files/paths.ts';
import type { ByteSource } from '../../base/source.ts';
import type { SkippedEntry, StreamedArchive, StreamedEntry } from '../contract.ts';
import type { Entry, WarningCode } from '../entry.ts';
import { checkEntryPath, checkSymlinkTarget } from '../tar/entry-name.ts';
import { absoluteNames, stripLeadingSlashes } from './absolute-names.ts';
import { damaged } from './damaged.ts';
import { plain } from './gzip.ts';
import { inflateRaw } from './inflate.ts';
import type { NameDecoder } from './name-encoding.ts';
import { SourceCursor } from './source-cursor.ts';
import { isCountFair, readZipDirectory, type ZipRecord } from './zip-directory.ts';
import { readZipEnd, type ZipEnd } from './zip-end.ts';
import { extraFields, ZipNames } from './zip-name.ts';
import { requireSameEntries } from './zip-second-reader.ts';
import { zipTime } from './zip-time.ts';

const UNIX: ReadonlySet<number> = new Set([3, 19]);
const ENCRYPTED_FLAGS = 0x2041;
const STORED = 0;
const DEFLATED = 8;
/** Info-ZIP gives what it reads from a pipe (`zip - -`) the type of the pipe; unzip makes a file of any content. */
const TYPE = { mask: 0o170000, file: 0o100000, directory: 0o040000, symlink: 0o120000, fifo: 0o010000 };
/** Info-ZIP's extra field for owners (its extrafld.txt; APPNOTE has none). */
const OWNER = 0x7875;
const FILE_TYPES: ReadonlySet<number> = new Set([0, TYPE.file, TYPE.fifo]);
const HEADER = { length: 46, signature: 0x02014b50 };
const LOCAL = { length: 30, signature: 0x04034b50 };
const MAX_TARGET = 8192;

interface Reading {
  readonly source: ByteSource;
  readonly directory: SourceCursor;
  readonly names: ZipNames;
  readonly signal: AbortSignal | undefined;
  /** Names that lost their leading slashes so far. */
  stripped: number;
}

/**
 * @param encoding of names that do not say theirs; guessed without it.
 * @throws Failure like `openStreamedArchive`.
 */
export async function openZip(
  source: ByteSource,
  encoding: NameDecoder | undefined,
  signal?: AbortSignal,
): Promise<StreamedArchive> {
  if (source.descriptor === undefined) {
    throw new Failure('invalid_request', 'Cannot read a zip archive: it does not lie on a local disk', {
      hint: 'Download the archive first; the directory of a zip lies at its end.',
    });
  }
  const end = await readZipEnd(source, signal);
  const names = new ZipNames(encoding);
  const records = await readZipDirectory(source, end, (record, name, extra) => names.add(name, extra, record), signal);
  await requireSameEntries(`/proc/self/fd/${source.descriptor}`, records, end, signal);
  let consumed = 0;
  return {
    format: 'zip',
    consumed: () => consumed,
    async *read(signal) {
      const reading: Reading = { source, directory: new SourceCursor(source, signal), names, signal, stripped: 0 };
      consumed = 0;
      for (const record of records) {
        throwIfAborted(signal, 'Cannot read the archive');
        const entry = await readEntry(record, reading);
        if (entry !== undefined) yield entry;
        consumed += record.compressedSize;
      }
      for (const warning of warningsOf(end, records.length, reading)) yield { warning };
    },
  };
}

function warningsOf(end: ZipEnd, found: number, { names, stripped }: Reading): SkippedEntry['warning'][] {
  const warnings: SkippedEntry['warning'][] = [];
  const warn = (code: WarningCode, message: string): void => void warnings.push({ path: '', code, message });
  if (stripped > 0) warnings.push(absoluteNames(stripped));
  if (names.warning !== undefined) warn('guessed_encoding', names.warning);
  if (!isCountFair(found, end)) {
    warn('entry_count', `the zip says that it has ${end.entries} entries, and has ${found}; all of them were read`);
  }
  if (end.trailing > 0) warn('trailing_data', `${end.trailing} bytes follow the end of the zip; they were passed over`);
  return warnings;
}

/** undefined for the root directory, which a restore does not change. */
async function readEntry(record: ZipRecord, reading: Reading): Promise<StreamedEntry | SkippedEntry | undefined> {
  const { source, signal } = reading;
  const { name: raw, extra } = await readHeader(record, reading);
  const mode = UNIX.has(record.madeBy) ? record.attributes >>> 16 : 0;
  const type = mode & TYPE.mask;
  const kind = type === TYPE.directory || raw.endsWith('/') ? 'directory' : type === TYPE.symlink ? 'symlink' : 'file';
  const skip = (code: WarningCode, reason: string): SkippedEntry => ({
    warning: { path: raw.slice(0, 1024), code, message: `passed over "${printable(raw.slice(0, 256))}": ${reason}` },
  });

  if (kind === 'file' && record.size === 0 && !FILE_TYPES.has(type))
    return skip('unsupported_entry', 'a device or socket');
  if ((record.flags & ENCRYPTED_FLAGS) !== 0) return skip('unsupported_entry', 'it is encrypted');
  if (record.method !== STORED && record.method !== DEFLATED) {
    return skip('unsupported_entry', `compression method ${record.method}`);
  }
  const name = checkEntryPath(stripLeadingSlashes(raw));
  if (!name.ok) return skip('hostile_entry', `its name ${name.reason}`);
  if (kind === 'directory' && record.size > 0) return skip('hostile_entry', 'a directory with content');
  if (name.path === '') return kind === 'directory' ? undefined : skip('hostile_entry', 'it would replace the root');

  if (raw.startsWith('/')) reading.stripped++;
  const entry: Entry = { path: name.path, kind, size: 0, ...metadataOf(record, mode, kind, extra) };
  if (kind === 'file') return { entry: { ...entry, size: record.size }, content: () => read(record, source, signal) };
  if (kind === 'directory') return { entry, content: nothing };
  if (record.size > MAX_TARGET) return skip('hostile_entry', `its link target is ${record.size} bytes long`);
  let target = '';
  for await (const chunk of read(record, source, signal)) target += Buffer.from(chunk).toString('latin1');
  const verdict = checkSymlinkTarget(target);
  return verdict.ok
    ? { entry: { ...entry, target }, content: nothing }
    : skip('hostile_entry', `its link target ${verdict.reason}`);
}

async function readHeader(
  record: ZipRecord,
  { directory, names }: Reading,
): Promise<{ readonly name: string; readonly extra: ReadonlyMap<number, Buffer> }> {
  directory.seek(record.headerOffset);
  const header = await directory.take(HEADER.length);
  if (header?.readUInt32LE(0) !== HEADER.signature) throw bent(record);
  const name = await directory.take(header.readUInt16LE(28));
  const extra = await directory.take(header.readUInt16LE(30));
  if (name === undefined || extra === undefined) throw bent(record);
  const fields = extraFields(extra);
  return { name: names.decode(name, fields, record), extra: fields };
}

function metadataOf(
  record: ZipRecord,
  mode: number,
  kind: 'file' | 'directory' | 'symlink',
  extra: ReadonlyMap<number, Buffer>,
): Pick<Entry, 'mode' | 'uid' | 'gid' | 'mtime'> {
  return {
    mode: mode === 0 ? { file: 0o644, directory: 0o755, symlink: 0o777 }[kind] : mode & 0o7777,
    ...ownerOf(extra.get(OWNER)),
    mtime: zipTime(record.dosTime, extra),
  };
}

/** Most zips store no owner: the unpacking user becomes it, as with unzip. */
function ownerOf(field: Buffer | undefined): { readonly uid: number; readonly gid: number } {
  if (field?.length === 11 && field[0] === 1 && field[1] === 4 && field[6] === 4) {
    return { uid: field.readUInt32LE(2), gid: field.readUInt32LE(7) };
  }
  return { uid: process.geteuid?.() ?? 0, gid: process.getegid?.() ?? 0 };
}

async function* nothing(): AsyncGenerator<Uint8Array, void, void> {}

/** The content of an entry; its length and CRC are checked against the directory. */
async function* read(
  record: ZipRecord,
  source: ByteSource,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array, void, void> {
  // A cursor reads ahead to its end; bounding it to the header saves most of the work for many small entries.
  const header = await new SourceCursor(source, signal, record.offset, record.offset + LOCAL.length).take(LOCAL.length);
  if (header?.readUInt32LE(0) !== LOCAL.signature) throw bent(record);
  const start = record.offset + LOCAL.length + header.readUInt16LE(26) + header.readUInt16LE(28);
  const cursor = new SourceCursor(source, signal, start, start + record.compressedSize);
  let crc = 0;
  let size = 0;
  for await (const chunk of record.method === STORED ? plain(cursor) : inflateRaw(cursor, signal)) {
    throwIfAborted(signal, 'Cannot read the archive');
    crc = crc32(chunk, crc);
    size += chunk.length;
    if (size > record.size) throw damaged('an entry of the zip is longer than it says', { offset: record.offset });
    yield chunk;
  }
  if (size === record.size && crc === record.crc) return;
  throw damaged('an entry of the zip does not fit its checksum', {
    offset: record.offset,
    size: record.size,
    got: size,
  });
}

function bent(record: ZipRecord): Failure {
  return damaged('a header of the zip is damaged', { offset: record.offset });
}
