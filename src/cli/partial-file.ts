/**
 * A file that appears only when complete: written under a temporary name in the same directory, flushed, then renamed.
 * The old file stays until then.
 */
import { randomBytes } from 'node:crypto';
import { type FileHandle, link, open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { writeAll } from '../base/files/handle-writes.ts';
import { errnoOf, Failure } from '../base/failure.ts';
import { printableText } from '../base/files/paths.ts';
import type { ByteSink } from '../base/source.ts';
import { StreamWriteBack } from '../base/files/write-back.ts';

export class PartialFile implements ByteSink {
  /** The temporary name. */
  readonly path: string;
  readonly #target: string;
  readonly #writeBack: StreamWriteBack;
  #handle: FileHandle | undefined;

  private constructor(target: string, path: string, handle: FileHandle) {
    this.#target = target;
    this.path = path;
    this.#handle = handle;
    this.#writeBack = new StreamWriteBack(handle.fd);
  }

  /**
   * @param mode of the file, less the umask.
   * @throws Failure `path_not_found` when the directory does not exist, `invalid_request` when it cannot be written to.
   */
  static async create(target: string, mode = 0o666): Promise<PartialFile> {
    // Hidden from `ls` and globs; the random part separates parallel runs.
    const path = join(dirname(target), `.${basename(target)}.${randomBytes(6).toString('hex')}.partial`);
    try {
      return new PartialFile(target, path, await open(path, 'wx', mode));
    } catch (error) {
      const errno = errnoOf(error) ?? 'unknown error';
      const missing = errno === 'ENOENT' || errno === 'ENOTDIR';
      throw new Failure(
        missing ? 'path_not_found' : 'invalid_request',
        `Cannot write ${printableText(target)}: ${missing ? 'its directory does not exist' : errno}`,
        { cause: error, facts: { errno } },
      );
    }
  }

  /** Not in another thread: a command has nothing else to do, and a call aside costs as much as small bytes. */
  async write(bytes: Uint8Array): Promise<void> {
    if (this.#handle === undefined) throw new Failure('internal', `Cannot write ${this.path}: it is closed`);
    writeAll(this.#handle.fd, bytes);
    this.#writeBack.wrote(bytes.length);
  }

  /** Flushes and closes, checking both: a full disk may report only here. */
  async seal(): Promise<void> {
    const handle = this.#handle;
    this.#handle = undefined;
    if (handle === undefined) return;
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  }

  /** Renames the sealed file to its final name. The caller flushes the directory. */
  async publish(): Promise<void> {
    await rename(this.path, this.#target);
  }

  /**
   * As `publish`, without replacing anything; `discard` then removes the temporary name.
   *
   * @throws Failure `invalid_request` when the name was taken meanwhile.
   */
  async publishNew(): Promise<void> {
    try {
      await link(this.path, this.#target);
    } catch (error) {
      if (errnoOf(error) !== 'EEXIST') throw error;
      throw new Failure('invalid_request', `Cannot write ${printableText(this.#target)}: it was made meanwhile`);
    }
  }

  /** Removes the temporary file. Harmless after `publish()`. */
  async discard(): Promise<void> {
    const handle = this.#handle;
    this.#handle = undefined;
    await handle?.close().catch(() => undefined);
    await rm(this.path, { force: true });
  }
}
