/**
 * Reads a zip in the order of its directory. node-stream-zip reads the directory; names, content and checks are done
 * here, because the library's content streams leave read errors unhandled, do not notice an entry that ends early, and
 * check no CRC when the local header has none.
 */
import { Buffer } from 'node:buffer';
import { crc32 } from 'node:zlib';
import { Failure, throwIfAborted } from '../../base/failure.ts';
import { printable } from '../../base/paths.ts';
import type { ByteSource } from '../../base/source.ts';
import type { SkippedEntry, StreamedArchive, StreamedEntry } from '../contract.ts';
import type { Entry, WarningCode } from '../entry.ts';
import { checkEntryPath, checkSymlinkTarget } from '../tar/entry-name.ts';
import { damaged } from './damaged.ts';
import { plain } from './gzip.ts';
import { inflateRaw } from './inflate.ts';
import { SourceCursor } from './source-cursor.ts';
import { readZipDirectory, type ZipRecord } from './zip-directory.ts';
import { readZipEnd } from './zip-end.ts';
import { extraFields, zipName } from './zip-name.ts';

const UNIX: ReadonlySet<number> = new Set([3, 19]);
const ENCRYPTED_FLAGS = 0x2041;
const STORED = 0;
const DEFLATED = 8;
const TYPE = { mask: 0o170000, file: 0o100000, directory: 0o040000, symlink: 0o120000 };
/** Info-ZIP's extra fields for times and owners (its extrafld.txt; APPNOTE has neither). */
const TIMES = 0x5455;
const OWNER = 0x7875;
const HEADER = { length: 46, signature: 0x02014b50 };
const LOCAL = { length: 30, signature: 0x04034b50 };
const MAX_TARGET = 8192;

/** @throws Failure like `openStreamedArchive`. */
export async function openZip(source: ByteSource, signal?: AbortSignal): Promise<StreamedArchive> {
  if (source.descriptor === undefined) {
    throw new Failure('invalid_request', 'Cannot read a zip archive: it does not lie on a local disk', {
      hint: 'Download the archive first; the directory of a zip lies at its end.',
    });
  }
  const end = await readZipEnd(source, signal);
  const records = await readZipDirectory(`/proc/self/fd/${source.descriptor}`, end, signal);
  let consumed = 0;
  return {
    format: 'zip',
    consumed: () => consumed,
    async *read(signal) {
      const directory = new SourceCursor(source, signal);
      consumed = 0;
      for (const record of records) {
        throwIfAborted(signal, 'Cannot read the archive');
        const entry = await readEntry(record, directory, source, signal);
        if (entry !== undefined) yield entry;
        consumed += record.compressedSize;
      }
      if (end.trailing > 0) yield { warning: trailing(end.trailing) };
    },
  };
}

function trailing(bytes: number): SkippedEntry['warning'] {
  const message = `${bytes} bytes follow the end of the zip; they were passed over`;
  return { path: '', code: 'trailing_data', message };
}

/** undefined for the root directory, which a restore does not change. */
async function readEntry(
  record: ZipRecord,
  directory: SourceCursor,
  source: ByteSource,
  signal: AbortSignal | undefined,
): Promise<StreamedEntry | SkippedEntry | undefined> {
  const { name: raw, extra } = await readHeader(record, directory);
  const mode = UNIX.has(record.madeBy) ? record.attributes >>> 16 : 0;
  const type = mode & TYPE.mask;
  const kind = type === TYPE.directory || raw.endsWith('/') ? 'directory' : type === TYPE.symlink ? 'symlink' : 'file';
  const skip = (code: WarningCode, reason: string): SkippedEntry => ({
    warning: { path: raw.slice(0, 1024), code, message: `passed over "${printable(raw.slice(0, 256))}": ${reason}` },
  });

  if (kind === 'file' && type !== 0 && type !== TYPE.file) return skip('unsupported_entry', 'a device, FIFO or socket');
  if ((record.flags & ENCRYPTED_FLAGS) !== 0) return skip('unsupported_entry', 'it is encrypted');
  if (record.method !== STORED && record.method !== DEFLATED) {
    return skip('unsupported_entry', `compression method ${record.method}`);
  }
  const name = checkEntryPath(raw);
  if (!name.ok) return skip('hostile_entry', `its name ${name.reason}`);
  if (kind === 'directory' && record.size > 0) return skip('hostile_entry', 'a directory with content');
  if (name.path === '') return kind === 'directory' ? undefined : skip('hostile_entry', 'it would replace the root');

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
  directory: SourceCursor,
): Promise<{ readonly name: string; readonly extra: ReadonlyMap<number, Buffer> }> {
  directory.seek(record.headerOffset);
  const header = await directory.take(HEADER.length);
  if (header?.readUInt32LE(0) !== HEADER.signature) throw bent(record);
  const name = await directory.take(header.readUInt16LE(28));
  const extra = await directory.take(header.readUInt16LE(30));
  if (name === undefined || extra === undefined) throw bent(record);
  const fields = extraFields(extra);
  return { name: zipName(name, fields, record), extra: fields };
}

function metadataOf(
  record: ZipRecord,
  mode: number,
  kind: 'file' | 'directory' | 'symlink',
  extra: ReadonlyMap<number, Buffer>,
): Pick<Entry, 'mode' | 'uid' | 'gid' | 'mtime'> {
  const times = extra.get(TIMES);
  const hasTime = times !== undefined && times.length >= 5 && ((times[0] ?? 0) & 1) === 1;
  return {
    mode: mode === 0 ? { file: 0o644, directory: 0o755, symlink: 0o777 }[kind] : mode & 0o7777,
    ...ownerOf(extra.get(OWNER)),
    mtime: hasTime ? times.readInt32LE(1) : record.time,
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
  const header = await new SourceCursor(source, signal, record.offset).take(LOCAL.length);
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
