/** The files of a standalone archive: `x.tar.gz`, its index `x.index`, its manifest `x.json`. */
import fs from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import type { OpenRequest } from '../../archive/contract.ts';
import type { ArchiveWarning } from '../../archive/entry.ts';
import { openFileSource } from '../../base/files/file-source.ts';
import { Failure } from '../../base/failure.ts';
import { printableText, wirePath } from '../../base/files/paths.ts';
import { type ArchiveFacts, MAX_MANIFEST_BYTES } from '../../catalogue/manifest/manifest.ts';
import { openablePath } from '../exact-arguments.ts';
import type { WireWarning } from '../command.ts';
import { PIPE, withStdin } from './pipes.ts';

export interface EncodingOption {
  readonly encoding?: string;
}

/** A file to read as an absolute path that can be opened; `-` stays. */
export function archiveArgument(argument: string): string {
  return argument === PIPE ? PIPE : resolve(openablePath(argument, 'file'));
}

export interface ArchiveFiles {
  readonly archive: string;
  readonly index: string;
  readonly manifest: string;
}

const ARCHIVE_SUFFIX = /\.(?:tar\.gz|tgz|tar|zip)$/i;

export function archiveFiles(archive: string): ArchiveFiles {
  const stem = join(dirname(archive), basename(archive).replace(ARCHIVE_SUFFIX, ''));
  return { archive, index: `${stem}.index`, manifest: `${stem}.json` };
}

/** Opens an archive, and the index beside it if any, for one piece of work; `-` is stdin. */
export async function withArchive<Result>(
  file: string,
  doing: string,
  signal: AbortSignal,
  work: (source: OpenRequest) => Promise<Result>,
): Promise<Result> {
  if (file === PIPE) return withStdin(doing, signal, work);
  const files = archiveFiles(file);
  expectFile(files.archive, doing);
  const archive = openFileSource(files.archive);
  try {
    if (!isFile(files.index)) return await work({ archive });
    const index = openFileSource(files.index);
    try {
      return await work({ archive, index });
    } finally {
      await index.close();
    }
  } catch (error) {
    throw naming(file, error);
  } finally {
    await archive.close();
  }
}

/** What reads an archive does not know its name. */
function naming(file: string, error: unknown): unknown {
  const unnamed = 'Cannot read the archive:';
  if (!(error instanceof Failure) || !error.message.startsWith(unnamed)) return error;
  const message = `Cannot read ${printableText(file)}:${error.message.slice(unnamed.length)}`;
  const { facts, hint, retry } = error;
  return new Failure(error.code, message, { facts, retry, cause: error, ...(hint === undefined ? {} : { hint }) });
}

/** @throws Failure `path_not_found` or `invalid_request` when the path is not a file. */
export function expectFile(path: string, doing: string): void {
  const status = statOf(path);
  const shown = printableText(path);
  if (status === undefined) throw new Failure('path_not_found', `${doing} ${shown}: there is no such file`);
  if (status.isFile()) return;
  const kind = status.isDirectory() ? 'a directory' : 'no regular file';
  throw new Failure('invalid_request', `${doing} ${shown}: it is ${kind}`);
}

/** @throws Failure `path_not_found` or `invalid_request` when the path is not a directory. */
export function expectDirectory(path: string, doing: string): void {
  const status = statOf(path);
  const shown = printableText(path);
  if (status === undefined) throw new Failure('path_not_found', `${doing} ${shown}: there is no such directory`);
  if (!status.isDirectory()) throw new Failure('invalid_request', `${doing} ${shown}: it is no directory`);
}

export function isFile(path: string): boolean {
  return statOf(path)?.isFile() === true;
}

/** Undefined when the path does not exist. */
export function statOf(path: string): fs.Stats | undefined {
  try {
    return fs.statSync(path, { throwIfNoEntry: false });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOTDIR') return undefined;
    throw error;
  }
}

/**
 * Reads the manifest beside an archive; undefined when there is none.
 *
 * @throws Failure `archive_damaged` when it is not a manifest, or one of a newer version.
 */
export async function readManifest(path: string): Promise<ArchiveFacts | undefined> {
  const status = statOf(path);
  if (status === undefined) return undefined;
  if (!status.isFile() || status.size > MAX_MANIFEST_BYTES) {
    throw new Failure('archive_damaged', `Cannot read the manifest ${printableText(path)}: it is none of Roost's`);
  }
  // Loaded on demand: most new archives replace none.
  const { decodeArchiveManifest } = await import('../../catalogue/manifest/read.ts');
  return decodeArchiveManifest(fs.readFileSync(path));
}

/** Warnings as a command shows them: paths as text. */
export function wireWarnings(warnings: readonly ArchiveWarning[]): WireWarning[] {
  return warnings.map(({ path, code, message }) => ({ path: wirePath(path), code, message }));
}
