/**
 * Sparse files in tar: where the stored bytes belong in the whole file. GNU tar has four formats ("Storing Sparse
 * Files" in its manual): the old GNU header (type S) and pax versions 0.0, 0.1 and 1.0; bsdtar writes 1.0.
 */
import type { Buffer } from 'node:buffer';
import { TAR_BLOCK, paddingOf } from '../tar/header.ts';
import type { BlockReader } from './block-reader.ts';
import { damaged, tooLarge } from './damaged.ts';
import { paxNumber, type PaxRecords } from './pax.ts';
import { readTarNumber, type TarBlock } from './tar-block.ts';

/** A stored run: its offset in the file and its length. */
export interface SparseRun {
  readonly offset: number;
  readonly length: number;
}

export interface SparseMap {
  /** Length of the whole file. */
  readonly size: number;
  /** In order, not overlapping, all within the file. */
  readonly runs: readonly SparseRun[];
}

/** The most runs of one file; real files have far fewer. */
const MAX_RUNS = 1_000_000;
/**
 * The largest file of common file systems (ext4: 16 TiB). Holes cost an archive nothing, so it could claim any size.
 */
const MAX_FILE = 16 * 1024 ** 4;
/** A decimal number and its newline in a version 1.0 map. */
const LONGEST_NUMBER = 20;

/**
 * Reads an old GNU map: four runs in the header (from byte 386), then extension blocks of 21.
 *
 * @param stored bytes of content in the tar stream.
 */
export async function readOldSparse(block: TarBlock, stored: number, input: BlockReader): Promise<SparseMap> {
  const position = input.position - TAR_BLOCK;
  // star's type S keeps its map elsewhere, and where the next header is depends on it.
  if (!block.gnu) throw damaged('it has a sparse file in the format of star', { tarOffset: position });
  const size = readTarNumber(block.bytes, 483, 12);
  const runs: SparseRun[] = [];
  takeRuns(block.bytes, 386, 4, runs, position);
  let isExtended = block.bytes[482] !== 0;
  while (isExtended) {
    const extension = await input.bytes(TAR_BLOCK);
    takeRuns(extension, 0, 21, runs, position);
    isExtended = extension[504] !== 0;
  }
  return checkMap({ size: size ?? -1, runs }, stored, position);
}

function takeRuns(bytes: Buffer, from: number, count: number, runs: SparseRun[], position: number): void {
  for (let at = from; at < from + count * 24; at += 24) {
    if (bytes[at] === 0 && bytes[at + 12] === 0) return;
    const offset = readTarNumber(bytes, at, 12);
    const length = readTarNumber(bytes, at + 12, 12);
    if (offset === undefined || length === undefined) throw bent(position);
    addRun(runs, offset, length, position);
  }
}

/**
 * Reads the map of a pax sparse file; in version 1.0 it is part of the content.
 *
 * @param stored bytes of content in the tar stream.
 * @returns the map and the content bytes that it took; undefined when the file is not sparse.
 */
export async function readPaxSparse(
  records: PaxRecords,
  stored: number,
  input: BlockReader,
): Promise<{ readonly map: SparseMap; readonly taken: number } | undefined> {
  const { fields, sparsePieces } = records;
  const position = input.position;
  if (fields.get('GNU.sparse.major') === '1' && fields.get('GNU.sparse.minor') === '0') {
    const { runs, taken } = await readInlineMap(input, stored, position);
    const size = paxNumber(fields.get('GNU.sparse.realsize') ?? fields.get('GNU.sparse.size') ?? '');
    return { map: checkMap({ size: size ?? -1, runs }, stored - taken, position), taken };
  }
  const list = fields.get('GNU.sparse.map');
  const numbers = list === undefined ? sparsePieces : list === '' ? [] : list.split(',', MAX_RUNS * 2 + 1);
  const size = fields.get('GNU.sparse.size');
  if (numbers.length === 0 && ![...fields.keys()].some((key) => key.startsWith('GNU.sparse.'))) return undefined;
  const count = paxNumber(fields.get('GNU.sparse.numblocks') ?? '');
  // Unknown future versions end here too: they have no size and map known to this reader.
  if (size === undefined || numbers.length % 2 !== 0 || count !== numbers.length / 2) throw bent(position);
  const runs: SparseRun[] = [];
  for (let at = 0; at < numbers.length; at += 2) {
    addPaxRun(runs, numbers[at] ?? '', numbers[at + 1] ?? '', position);
  }
  return { map: checkMap({ size: paxNumber(size) ?? -1, runs }, stored, position), taken: 0 };
}

async function readInlineMap(
  input: BlockReader,
  stored: number,
  position: number,
): Promise<{ readonly runs: SparseRun[]; readonly taken: number }> {
  const runs: SparseRun[] = [];
  let taken = 0;
  let block = '';
  const number = async (): Promise<string> => {
    while (!block.includes('\n')) {
      if (block.length > LONGEST_NUMBER || taken + TAR_BLOCK > stored + paddingOf(stored)) throw bent(position);
      block += (await input.bytes(TAR_BLOCK)).toString('latin1');
      taken += TAR_BLOCK;
    }
    const end = block.indexOf('\n');
    const digits = block.slice(0, end);
    block = block.slice(end + 1);
    return digits;
  };
  const count = paxNumber(await number());
  if (count === undefined) throw bent(position);
  for (let run = 0; run < count; run++) addPaxRun(runs, await number(), await number(), position);
  return { runs, taken };
}

function addPaxRun(runs: SparseRun[], offset: string, length: string, position: number): void {
  const from = paxNumber(offset);
  const bytes = paxNumber(length);
  if (from === undefined || bytes === undefined) throw bent(position);
  addRun(runs, from, bytes, position);
}

function addRun(runs: SparseRun[], offset: number, length: number, position: number): void {
  if (runs.length >= MAX_RUNS) throw tooLarge('a sparse file has more than a million pieces', { tarOffset: position });
  const before = runs.at(-1);
  if (before !== undefined && offset < before.offset + before.length) throw bent(position);
  runs.push({ offset, length });
}

function checkMap(map: SparseMap, stored: number, position: number): SparseMap {
  const last = map.runs.at(-1);
  const end = last === undefined ? 0 : last.offset + last.length;
  const total = map.runs.reduce((sum, run) => sum + run.length, 0);
  if (map.size < 0 || end > map.size || total !== stored) throw bent(position);
  if (map.size > MAX_FILE) {
    throw tooLarge('a sparse file is larger than 16 TiB', { tarOffset: position, size: map.size });
  }
  return map;
}

function bent(position: number): Error {
  return damaged(`the map of a sparse file before byte ${position} of its tar stream is malformed`, {
    tarOffset: position,
  });
}
