import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { openStreamedArchive } from '../../../src/archive/foreign/open-streamed.ts';
import { openFileSource } from '../../../src/base/files/file-source.ts';
import type { Entry, ArchiveWarning } from '../../../src/archive/entry.ts';
import { Failure } from '../../../src/base/failure.ts';
import type { ByteSource } from '../../../src/base/source.ts';
import { scratchDirectory } from '../../support/scratch.ts';

/** Bytes in memory as a source; like a remote one it has no descriptor. Keeps to its contract strictly. */
export function memorySource(bytes: Uint8Array): ByteSource {
  return {
    size: bytes.length,
    read: async (offset, length, signal) => {
      signal?.throwIfAborted();
      if (offset < 0 || length < 0 || offset + length > bytes.length) {
        throw new Failure('internal', `a read of ${length} bytes at ${offset}, of ${bytes.length}`);
      }
      return bytes.subarray(offset, offset + length);
    },
    close: async () => {},
  };
}

/** Bytes in a file, closed when the test ends. */
export async function fileSourceOf(bytes: Uint8Array): Promise<ByteSource> {
  const path = join(await scratchDirectory(), 'archive');
  await writeFile(path, bytes);
  return pathSource(path);
}

export function pathSource(path: string): ByteSource {
  const source = openFileSource(path);
  onTestFinished(() => source.close());
  return source;
}

export interface ReadThrough {
  readonly entries: readonly (Entry & { readonly content: Buffer })[];
  readonly warnings: readonly ArchiveWarning[];
}

/** Reads an archive through with all its content. */
export async function readAll(source: ByteSource, signal?: AbortSignal, encoding?: string): Promise<ReadThrough> {
  const entries: (Entry & { readonly content: Buffer })[] = [];
  const warnings: ArchiveWarning[] = [];
  const archive = await openStreamedArchive(source, signal, encoding);
  for await (const item of archive.read(signal)) {
    if ('warning' in item) warnings.push(item.warning);
    else {
      const chunks: Buffer[] = [];
      for await (const chunk of item.content()) chunks.push(Buffer.from(chunk));
      entries.push({ ...item.entry, content: Buffer.concat(chunks) });
    }
  }
  return { entries, warnings };
}

/** Reads the bytes of an archive through. */
export function readBytes(bytes: Uint8Array): Promise<ReadThrough> {
  return readAll(memorySource(bytes));
}
