/**
 * Reads any tar from its start: v7, ustar, GNU, pax, star; by GNU tar, bsdtar, Go, node-tar, Python or Roost.
 *
 * Promises: names are checked; each entry yields exactly as many bytes as it says; what cannot be restored is named in
 * a warning; a malformed archive is a Failure, never a shorter archive. Holds one chunk and one extended header in
 * memory. Never touches the file system.
 */
import type { Buffer } from 'node:buffer';
import { MEBIBYTE } from '../../base/sizes.ts';
import { throwIfAborted } from '../../base/failure.ts';
import type { SkippedEntry, StreamedEntry } from '../contract.ts';
import type { Entry } from '../entry.ts';
import { TAR_BLOCK, paddingOf } from '../tar/header.ts';
import { isZero } from '../tar/zeros.ts';
import { absoluteNames } from './absolute-names.ts';
import { BlockReader } from './block-reader.ts';
import { damaged, tooLarge } from './damaged.ts';
import { EntryContent } from './entry-content.ts';
import type { Unpacked } from './gzip.ts';
import type { NameDecoder } from './name-encoding.ts';
import { mergePax, NO_RECORDS, type PaxRecords, readPax, unfairGlobal } from './pax.ts';
import { readOldSparse, readPaxSparse, type SparseMap } from './sparse-map.ts';
import { readTarBlock, type TarBlock } from './tar-block.ts';
import { describeEntry, hasBody, isFile, type TarNames } from './tar-entry.ts';

/** The most bytes of an extended header or long name; real ones are far smaller. */
const MAX_EXTENSION = MEBIBYTE;
/** The most bytes read after the archive's end, to reach the checksum of the gzip data around it. */
const MAX_TRAILING = 1024 ** 3;

/** What extension headers say about the next entry. */
interface Extension {
  pax?: PaxRecords;
  name?: string;
  link?: string;
}

/**
 * @param chunks the tar stream; always ended by this.
 * @param encoding of names that are not UTF-8; kept as bytes without it.
 * @throws Failure `archive_damaged` or `too_large` with the offset in the tar stream; `cancelled`.
 */
export async function* readTar(
  chunks: Unpacked,
  encoding: NameDecoder | undefined,
  signal?: AbortSignal,
): AsyncGenerator<StreamedEntry | SkippedEntry, void, void> {
  const input = new BlockReader(chunks);
  try {
    yield* readEntries(input, encoding, signal);
  } finally {
    await input.close();
  }
}

async function* readEntries(
  input: BlockReader,
  encoding: NameDecoder | undefined,
  signal: AbortSignal | undefined,
): AsyncGenerator<StreamedEntry | SkippedEntry, void, void> {
  const names = { encoding, stripped: 0 };
  let global = NO_RECORDS;
  let extension: Extension = {};
  for (;;) {
    throwIfAborted(signal, 'Cannot read the archive');
    const position = input.position;
    const bytes = await input.block();
    const block = bytes === undefined ? undefined : readTarBlock(bytes, position);
    if (block === undefined) {
      if (Object.keys(extension).length > 0)
        throw damaged('it ends behind an extended header', { tarOffset: position });
      if (names.stripped > 0) yield { warning: absoluteNames(names.stripped) };
      yield* readEnd(input, bytes !== undefined);
      return;
    }
    if (block.type === 'g') global = mergePax(global, await readGlobal(block, input, position));
    else if (isExtension(block.type)) await readExtension(block, input, extension, position);
    else {
      const pax = mergePax(global, extension.pax ?? NO_RECORDS);
      yield* readEntry(block, input, { ...extension, pax }, names);
      extension = {};
    }
  }
}

function isExtension(type: string): boolean {
  return type === 'x' || type === 'X' || type === 'L' || type === 'K';
}

async function readExtension(block: TarBlock, input: BlockReader, into: Extension, position: number): Promise<void> {
  const body = await readBody(block, input);
  const field = block.type === 'L' ? 'name' : block.type === 'K' ? 'link' : 'pax';
  const name = longName(body);
  // With two headers of one kind some tars obey the first, others the last: they would read different archives. Some
  // old tars wrote the same long name twice.
  if (into[field] !== undefined && (field === 'pax' || into[field] !== name)) {
    throw damaged('one entry has two extended headers of a kind', { tarOffset: position });
  }
  if (field === 'pax') into.pax = readPax(body, position);
  else into[field] = name;
}

/** A GNU long name ends at its first NUL, as GNU tar, bsdtar, Go and Python read it. */
function longName(body: Buffer): string {
  const end = body.indexOf(0);
  return body.toString('latin1', 0, end < 0 ? body.length : end);
}

async function readGlobal(block: TarBlock, input: BlockReader, position: number): Promise<PaxRecords> {
  const records = readPax(await readBody(block, input), position);
  const unfair = unfairGlobal(records);
  if (unfair === undefined) return records;
  throw damaged(`a global header sets "${unfair}" for all entries`, { tarOffset: position });
}

async function readBody(block: TarBlock, input: BlockReader): Promise<Buffer> {
  if (block.size > MAX_EXTENSION) {
    throw tooLarge(`an extended header has ${block.size} bytes`, { tarOffset: input.position, size: block.size });
  }
  const body = await input.bytes(block.size);
  await input.skip(paddingOf(block.size));
  return body;
}

async function* readEntry(
  block: TarBlock,
  input: BlockReader,
  extension: Extension & { readonly pax: PaxRecords },
  names: TarNames,
): AsyncGenerator<StreamedEntry | SkippedEntry, void, void> {
  const position = input.position - TAR_BLOCK;
  const described = describeEntry(block, extension, names, position);
  let stored = hasBody(block) ? described.size : 0;
  let map: SparseMap | undefined;
  if (block.type === 'S') map = await readOldSparse(block, stored, input);
  else if (isFile(block)) {
    const sparse = await readPaxSparse(extension.pax, stored, input);
    map = sparse?.map;
    stored -= sparse?.taken ?? 0;
  }
  const content = new EntryContent(input, stored);
  if (described.warning !== undefined) yield { warning: described.warning };
  else if (described.entry !== undefined) {
    const { entry } = described;
    yield {
      entry: entry.kind === 'file' ? sized(entry, map, stored) : entry,
      content: () => (entry.kind === 'file' ? content.stream(map) : nothing()),
    };
  }
  await content.finish();
}

/** Of a sparse file the stored bytes are those that need space. */
function sized(entry: Entry, map: SparseMap | undefined, stored: number): Entry {
  return map === undefined ? { ...entry, size: stored } : { ...entry, size: map.size };
}

async function* nothing(): AsyncGenerator<Uint8Array, void, void> {}

/**
 * Reads to the end of the stream, where gzip data is checked.
 *
 * @param isMarked whether a block of zeros ended the archive, and not just the end of the file.
 */
async function* readEnd(input: BlockReader, isMarked: boolean): AsyncGenerator<SkippedEntry, void, void> {
  const position = input.position;
  let garbage = 0;
  let length = 0;
  for await (const chunk of input.rest()) {
    length += chunk.length;
    if (!isZero(chunk)) garbage += chunk.length;
    if (length > MAX_TRAILING) throw tooLarge('more than 1 GiB lies behind its end', { tarOffset: position });
  }
  const { garbageAt } = input;
  if (!isMarked) {
    // Garbage where the next gzip member should be, in an archive that has not ended: it is truncated.
    if (garbageAt !== undefined) throw damaged('it is not finished, and garbage follows', { offset: garbageAt });
    const message = `it ends at byte ${position} without the blocks that end an archive; it may have been cut there`;
    yield { warning: { path: '', code: 'missing_end', message } };
  }
  if (garbage > 0 || garbageAt !== undefined) {
    const where = garbage > 0 ? `byte ${position} of its tar stream` : `byte ${garbageAt} of the file`;
    const message = `data follows the end of the archive at ${where}; no tar reads it, and it was passed over`;
    yield { warning: { path: '', code: 'trailing_data', message } };
  }
}
