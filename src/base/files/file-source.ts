/** A local file as a `ByteSource`. */
import fs from 'node:fs';
import { Failure, asFailure } from '../failure.ts';
import type { ByteSource } from '../source.ts';

/**
 * Opens a file for reading.
 *
 * @throws Failure `archive_damaged` when it is missing or no regular file.
 */
export function openFileSource(path: string): ByteSource & { readonly descriptor: number } {
  let descriptor: number;
  try {
    descriptor = fs.openSync(path, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK);
  } catch (error) {
    throw new Failure('archive_damaged', `Cannot open the archive: ${asFailure(error, path).message}`, {
      cause: error,
    });
  }
  const stat = fs.fstatSync(descriptor);
  if (stat.isFile()) return fileSource(descriptor, stat.size);
  fs.closeSync(descriptor);
  throw new Failure('archive_damaged', `Cannot open the archive: ${path} is no regular file`);
}

/** A source over an open descriptor; `close` closes it. */
export function fileSource(descriptor: number, size: number): ByteSource & { readonly descriptor: number } {
  return {
    size,
    descriptor,
    read(offset, length) {
      return Promise.resolve(readFully(descriptor, offset, Buffer.allocUnsafe(length)));
    },
    close() {
      fs.closeSync(descriptor);
      return Promise.resolve();
    },
  };
}

/**
 * Fills `into` from a file's offset.
 *
 * @throws Failure `archive_damaged` when the file ends before.
 */
export function readFully<T extends Uint8Array>(descriptor: number, offset: number, into: T): T {
  let got = 0;
  while (got < into.length) {
    const count = fs.readSync(descriptor, into, got, into.length - got, offset + got);
    if (count === 0) {
      throw new Failure('archive_damaged', `Cannot read the archive: it ends at byte ${offset + got}`, {
        facts: { offset, wanted: into.length, got },
      });
    }
    got += count;
  }
  return into;
}
