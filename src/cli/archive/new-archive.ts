/**
 * An archive on its way in, with its index and its manifest: all three appear under their names, or none does.
 *
 * Order of the last steps, and what a crash after each leaves under the three names:
 *
 *   1. all three are written under temporary names and flushed   everything old, untouched
 *   2. the old manifest is removed      the old archive and index; a verification has no sha256 to compare with
 *   3. the archive is renamed           the new archive; the old index names another archive, so it is not used
 *   4. the index is renamed             the new archive with its index
 *   5. the manifest is renamed          done
 *
 * The old manifest goes first, because beside the new archive its sha256 would call a good archive damaged.
 */
import fs from 'node:fs';
import { rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { isIndexFile } from '../../archive/archive.ts';
import { Failure } from '../../base/failure.ts';
import { syncDirectory } from '../../base/files/handles.ts';
import { printableText } from '../../base/files/paths.ts';
import type { ByteSink } from '../../base/source.ts';
import { type ArchiveFiles, readManifest, statOf } from './files.ts';
import { PartialFile } from '../partial-file.ts';

export class NewArchive {
  readonly #files: ArchiveFiles;
  readonly #archive: PartialFile;
  readonly #index: PartialFile;
  readonly #manifest: PartialFile;

  private constructor(files: ArchiveFiles, archive: PartialFile, index: PartialFile, manifest: PartialFile) {
    this.#files = files;
    this.#archive = archive;
    this.#index = index;
    this.#manifest = manifest;
  }

  /**
   * @throws Failure `invalid_request` when one of the names is taken by something that is not Roost's to replace, or
   *   the directory cannot be written to; `path_not_found` when it does not exist.
   */
  static async begin(files: ArchiveFiles): Promise<NewArchive> {
    await refuseForeign(files);
    const begun: PartialFile[] = [];
    try {
      for (const target of [files.archive, files.index, files.manifest]) begun.push(await PartialFile.create(target));
      const [archive, index, manifest] = begun as [PartialFile, PartialFile, PartialFile];
      return new NewArchive(files, archive, index, manifest);
    } catch (error) {
      for (const file of begun) await file.discard();
      throw error;
    }
  }

  get archive(): ByteSink {
    return this.#archive;
  }

  get index(): ByteSink {
    return this.#index;
  }

  /** Paths to leave out of the archive: its own three files, under final and temporary names. */
  get ownPaths(): readonly string[] {
    const { archive, index, manifest } = this.#files;
    return [archive, index, manifest, this.#archive.path, this.#index.path, this.#manifest.path];
  }

  /** Flushes all files and renames them; durable when this resolves. */
  async publish(manifest: Uint8Array): Promise<void> {
    await this.#manifest.write(manifest);
    for (const file of [this.#archive, this.#index, this.#manifest]) await file.seal();
    const directory = dirname(this.#files.archive);
    await rm(this.#files.manifest, { force: true });
    // Otherwise the rename may reach the disk before the removal.
    syncDirectory(directory);
    for (const file of [this.#archive, this.#index, this.#manifest]) await file.publish();
    syncDirectory(directory);
  }

  /** Removes the temporary files; harmless after `publish()`. */
  async discard(): Promise<void> {
    for (const file of [this.#archive, this.#index, this.#manifest]) await file.discard();
  }
}

/** `config.tar.gz` would use `config.json` as its manifest: foreign files are never replaced. */
async function refuseForeign({ archive, index, manifest }: ArchiveFiles): Promise<void> {
  const status = statOf(archive);
  if (status !== undefined && !status.isFile()) throw taken(archive, 'it is no regular file');
  if (statOf(index) !== undefined && !isIndex(index))
    throw taken(index, 'a file that is no index of Roost has this name');
  if (statOf(manifest) !== undefined && !(await isManifest(manifest))) {
    throw taken(manifest, 'a file that is no manifest of Roost has this name');
  }
}

function isIndex(path: string): boolean {
  const handle = fs.openSync(path, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK);
  try {
    const { size } = fs.fstatSync(handle);
    const start = Buffer.alloc(16);
    return isIndexFile(start.subarray(0, fs.readSync(handle, start, 0, start.length, 0)), size);
  } finally {
    fs.closeSync(handle);
  }
}

async function isManifest(path: string): Promise<boolean> {
  try {
    return (await readManifest(path)) !== undefined;
  } catch (error) {
    if (error instanceof Failure) return false;
    throw error;
  }
}

function taken(path: string, state: string): Failure {
  return new Failure('invalid_request', `Cannot write ${printableText(path)}: ${state}`, {
    hint: 'Give the archive another name, or move that file away.',
  });
}
