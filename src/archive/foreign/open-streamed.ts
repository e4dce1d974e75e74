/**
 * Recognizes an archive's format by its first bytes and opens it.
 *
 * For: archives without an index: tars and zips of other programs, and Roost's own without theirs. Promises: entries
 * come one by one in bounded memory, with names checked; damage is a `Failure`, never a shorter archive. Never: writes
 * to the file system.
 */
import { Failure } from '../../base/failure.ts';
import { printableText } from '../../base/files/paths.ts';
import type { ByteSource } from '../../base/source.ts';
import type { StreamedArchive } from '../contract.ts';
import { TAR_BLOCK } from '../tar/header.ts';
import { isZero } from '../tar/zeros.ts';
import { BlockReader } from './block-reader.ts';
import { damaged } from './damaged.ts';
import { gunzip, isGzip, plain, type Unpacked } from './gzip.ts';
import { type NameDecoder, nameDecoder } from './name-encoding.ts';
import { SourceCursor } from './source-cursor.ts';
import { looksLikeTar } from './tar-block.ts';
import { readTar } from './tar-stream.ts';
import { openZip } from './zip-archive.ts';
import { readZipEnd } from './zip-end.ts';

/** Formats that Roost does not read, by their first bytes. */
const FOREIGN: readonly (readonly [bytes: string, name: string])[] = [
  ['\xfd7zXZ\0', 'an xz file'],
  ['\x28\xb5\x2f\xfd', 'a Zstandard file'],
  ['BZh', 'a bzip2 file'],
  ['7z\xbc\xaf\x27\x1c', 'a 7-Zip archive'],
  ['Rar!', 'a RAR archive'],
  ['\x04\x22\x4d\x18', 'an LZ4 file'],
];

/**
 * Opens an archive without an index: a plain tar, a tar in gzip of any number of members, or a zip.
 *
 * @param source the caller closes it, after the last reading. A zip needs a descriptor.
 * @param encoding of names, as in `OpenRequest`.
 * @throws Failure `archive_damaged` when it is none of these, saying what it looks like; `invalid_request` for a zip
 *   without a descriptor, or an unknown encoding; `cancelled`.
 */
export async function openStreamedArchive(
  source: ByteSource,
  signal?: AbortSignal,
  encoding?: string,
): Promise<StreamedArchive> {
  const names = encoding === undefined ? undefined : nameDecoder(encoding);
  const start = await new SourceCursor(source, signal).take(Math.min(TAR_BLOCK, source.size));
  if (start === undefined || start.length === 0) throw damaged('the file is empty', { size: source.size });
  if (isZip(start)) return openZip(source, names, signal);
  if (isGzip(start)) {
    await checkInside(source, signal);
    return tarArchive(source, names, (cursor, signal) => gunzip(cursor, source, signal));
  }
  if (looksLikeTar(start)) return tarArchive(source, names, plain);
  if (formatOf(start) === undefined && (await endsAsZip(source, signal))) {
    return openZip(source, names, signal);
  }
  throw damaged(describe(start), { size: source.size }, hintFor(start));
}

function tarArchive(
  source: ByteSource,
  names: NameDecoder | undefined,
  unpack: (cursor: SourceCursor, signal?: AbortSignal) => Unpacked,
): StreamedArchive {
  let offset = 0;
  return {
    format: 'tar',
    consumed: () => offset,
    read(signal) {
      const cursor = new SourceCursor(source, signal);
      const chunks = unpack(cursor, signal);
      return readTar(
        watch(chunks, () => {
          offset = cursor.offset;
        }),
        names,
        signal,
      );
    },
  };
}

async function* watch(chunks: Unpacked, onChunk: () => void): Unpacked {
  try {
    for (;;) {
      const step = await chunks.next();
      onChunk();
      if (step.done === true) return step.value;
      yield step.value;
    }
  } finally {
    await chunks.return(undefined);
  }
}

/** A gzip file may hold anything, so check its first block. An empty archive is two blocks of zeros. */
async function checkInside(source: ByteSource, signal: AbortSignal | undefined): Promise<void> {
  const input = new BlockReader(gunzip(new SourceCursor(source, signal), source, signal));
  try {
    const start = await input.block();
    if (start === undefined) throw damaged('it is a gzip file of nothing', { size: source.size });
    if (!isZero(start) && !looksLikeTar(start)) {
      throw damaged('it is a gzip file of something else than a tar archive', { size: source.size });
    }
  } finally {
    await input.close();
  }
}

function isZip(start: Buffer): boolean {
  const signature = start.toString('latin1', 0, 4);
  return signature === 'PK\x03\x04' || signature === 'PK\x05\x06';
}

/** Behind a program that unpacks it, or another prefix: a zip is known by its end. */
async function endsAsZip(source: ByteSource, signal: AbortSignal | undefined): Promise<boolean> {
  try {
    await readZipEnd(source, signal);
    return true;
  } catch (error) {
    if (error instanceof Failure && error.code === 'archive_damaged') return false;
    throw error;
  }
}

function formatOf(start: Buffer): string | undefined {
  const text = start.toString('latin1');
  return FOREIGN.find(([bytes]) => text.startsWith(bytes))?.[1];
}

function describe(start: Buffer): string {
  // A crash can leave a file of zeros, which reads as an empty tar: restoring it would delete everything.
  if (isZero(start)) return 'it begins with nothing but zeros';
  const text = start.toString('latin1');
  const known = formatOf(start);
  if (known !== undefined) return `it is ${known}, not a tar, tar.gz or zip archive`;
  if (/^\s*(?:<!doctype html|<html|<\?xml|<)/i.test(text)) return 'it is a web page or XML, not an archive';
  if (/^\s*[{[]/.test(text)) return 'it is JSON, not an archive';
  if (start.length < TAR_BLOCK) return `it has ${start.length} bytes, too few for an archive`;
  return 'it is neither a tar, nor a tar.gz, nor a zip archive';
}

function hintFor(start: Buffer): string {
  const text = start.toString('latin1', 0, 60);
  if (/^\s*[<{[]/.test(text)) {
    return `A server's error was probably saved in place of the archive. It begins: ${printableText(text)}`;
  }
  return 'This copy cannot be restored. Fetch or upload the archive again, as .tar, .tar.gz or .zip.';
}
