/** Archives as Roost makes them, in memory, to be handed to a restore whole or damaged. */
import { join } from 'node:path';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { writeArchive } from '../../src/archive/archive.ts';
import type { WriteResult } from '../../src/archive/contract.ts';
import type { ByteSink, ByteSource } from '../../src/base/source.ts';
import { Failure } from '../../src/base/failure.ts';
import type { FetchedArchive } from '../../src/jobs/restore/deps.ts';
import { makeTree, type Tree } from './tree.ts';

export interface RealArchive {
  readonly archive: Buffer;
  readonly index: Buffer;
  readonly facts: WriteResult;
}

/** @param also what a tree as data can't say is done to the directory here. */
export async function realArchive(tree: Tree, also: (root: string) => void = () => undefined): Promise<RealArchive> {
  const root = await mkdtemp(join(tmpdir(), 'roost-archived-'));
  makeTree(root, tree);
  also(root);
  const archive = new MemorySink();
  const index = new MemorySink();
  const facts = await writeArchive({
    root,
    ignore: [],
    exclude: [],
    level: 'fast',
    engine: 'zlib',
    workers: 1,
    archive,
    index,
    maxSize: 0,
  });
  await rm(root, { recursive: true });
  return { archive: archive.bytes, index: index.bytes, facts };
}

/**
 * As a restore fetches it.
 *
 * @param known false for an archive that nothing is recorded of, such as one from a URL.
 * @param onRead told of each read of the archive.
 */
export function fetched(
  { archive, index, facts }: RealArchive,
  options: {
    readonly indexed?: boolean;
    readonly known?: boolean;
    readonly ignore?: readonly string[];
    readonly onRead?: (length: number) => void;
  } = {},
): FetchedArchive {
  const { indexed = true, known = true, ignore = [], onRead } = options;
  return {
    source: { archive: memorySource(archive, onRead), ...(indexed ? { index: memorySource(index) } : {}) },
    expected: known ? { size: facts.size, sha256: facts.sha256 } : null,
    rawSize: facts.rawSize,
    files: facts.files,
    entries: facts.entries,
    ignore,
    close: () => Promise.resolve(),
  };
}

export function memorySource(bytes: Buffer, onRead: (length: number) => void = () => undefined): ByteSource {
  return {
    size: bytes.length,
    read(offset, length) {
      onRead(length);
      if (offset + length <= bytes.length) return Promise.resolve(bytes.subarray(offset, offset + length));
      return Promise.reject(new Failure('archive_damaged', 'Cannot read the archive: it ends early'));
    },
    close: () => Promise.resolve(),
  };
}

class MemorySink implements ByteSink {
  readonly #parts: Buffer[] = [];

  get bytes(): Buffer {
    return Buffer.concat(this.#parts);
  }

  write(bytes: Uint8Array): Promise<void> {
    this.#parts.push(Buffer.from(bytes));
    return Promise.resolve();
  }
}
