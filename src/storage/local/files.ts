/** The system calls by which objects appear and disappear; injected, so that tests can make each of them fail. */
import { type FileHandle, lstat, open, rename, unlink } from 'node:fs/promises';
import { errnoOf } from '../../base/failure.ts';

export interface StoreFiles {
  open(path: string, flags: number, mode: number): Promise<FileHandle>;
  rename(from: string, to: string): Promise<void>;
  unlink(path: string): Promise<void>;
  /** Flushes the names in a directory to the disk. */
  syncDirectory(path: string): Promise<void>;
}

export const systemFiles: StoreFiles = {
  open,
  rename,
  unlink,
  syncDirectory: async (path) => {
    await using directory = await open(path);
    await directory.sync();
  },
};

export async function isThere(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return false;
    throw error;
  }
}

export async function removeIfThere(files: StoreFiles, path: string): Promise<void> {
  try {
    await files.unlink(path);
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
  }
}
