import fs from 'node:fs';
import { resolve } from 'node:path';
import { writeArchive } from '../../archive/archive.ts';
import type { CompressionLevel, EngineName, WriteRequest, WriteResult } from '../../archive/contract.ts';
import type { ArchiveProgress, ArchiveWarning } from '../../archive/entry.ts';
import { readIgnoreFile } from '../../archive/ignore/ignore-file.ts';
import { decodeIgnoreText, splitIgnoreText } from '../../archive/ignore/ignore-text.ts';
import { Failure } from '../../base/failure.ts';
import { openRoot } from '../../base/files/handles.ts';
import { printableText } from '../../base/files/paths.ts';
import { filesText, formatBytes } from '../../base/sizes.ts';
import { encodeArchiveManifest } from '../../catalogue/manifest/manifest.ts';
import { archiveFiles, expectDirectory, expectFile, isFile, wireWarnings } from './files.ts';
import { type Invocation, type JsonOption, noteWarnings, type Outcome } from '../command.ts';
import { openablePath } from '../exact-arguments.ts';
import { NewArchive } from './new-archive.ts';
import { PIPE, stdoutFile, stdoutSink } from './pipes.ts';
import { ProgressBar } from '../terminal/progress.ts';

export interface CreateOptions extends JsonOption {
  readonly ignore: readonly string[];
  readonly ignoreFile?: string;
  readonly base?: string;
  readonly level: CompressionLevel;
  readonly engine: EngineName | 'auto';
  readonly workers: number | 'auto';
}

const DOING = 'Cannot archive';

/**
 * Writes an archive.
 *
 * @param directory and `file` as they were given; `file` may be `-`.
 * @throws Failure `path_not_found`, `invalid_request`; what `writeArchive` throws.
 */
export function create(
  invocation: Invocation,
  directory: string,
  file: string,
  options: CreateOptions,
): Promise<Outcome> {
  const work = file === PIPE ? toStdout : toFile;
  return work(invocation, resolve(openablePath(directory, 'directory')), openablePath(file, 'new file'), options);
}

async function toFile(
  invocation: Invocation,
  directory: string,
  file: string,
  options: CreateOptions,
): Promise<Outcome> {
  const startedAt = invocation.clock.monotonic();
  expectDirectory(directory, DOING);
  const ignore = ignoreLines(directory, options);
  const base = findBase(invocation, options.base);
  const archive = await NewArchive.begin(archiveFiles(resolve(file)));
  try {
    const result = await write(invocation, archive, { root: directory, ignore: ignore.lines, base }, options);
    // Only the archive's own files are excluded, when it lies in the directory; that needs no warning.
    const others = result.warnings.filter(({ code }) => code !== 'excluded');
    const warnings = [...ignore.warnings, ...others];
    const own = result.warnings.length - others.length;
    const warningCount = ignore.warnings.length + result.warningCount - own;
    const facts = { ...result, warnings: wireWarnings(warnings), warningCount };
    await archive.publish(encodeArchiveManifest({ ...facts, createdAt: result.startedAt }));
    noteWarnings(invocation.terminal, facts.warnings, warningCount);
    const seconds = (invocation.clock.monotonic() - startedAt) / 1000;
    return {
      json: { file: resolve(file), ...shown(facts), seconds },
      text: sentence(file, result, seconds),
      warned: warningCount > 0,
    };
  } finally {
    await archive.discard();
  }
}

/** The archive alone: without index and manifest, which have no place there. Warnings and the summary go to stderr. */
async function toStdout(
  invocation: Invocation,
  directory: string,
  _file: string,
  options: CreateOptions,
): Promise<Outcome> {
  const startedAt = invocation.clock.monotonic();
  expectDirectory(directory, DOING);
  if (options.json === true) {
    throw new Failure('invalid_request', `${DOING}: --json and an archive cannot both go to stdout`);
  }
  const ignore = ignoreLines(directory, options);
  const base = findBase(invocation, options.base);
  const into = {
    archive: stdoutSink(invocation.terminal),
    index: { write: () => Promise.resolve() },
    ownPaths: stdoutFile(),
  };
  const result = await write(invocation, into, { root: directory, ignore: ignore.lines, base }, options);
  const warningCount = ignore.warnings.length + result.warningCount;
  noteWarnings(invocation.terminal, wireWarnings([...ignore.warnings, ...result.warnings]), warningCount);
  invocation.terminal.note(sentence('stdout', result, (invocation.clock.monotonic() - startedAt) / 1000));
  return { warned: warningCount > 0 };
}

async function write(
  invocation: Invocation,
  into: Pick<NewArchive, 'archive' | 'index' | 'ownPaths'>,
  what: Pick<WriteRequest, 'root' | 'ignore' | 'base'>,
  { level, engine, workers }: CreateOptions,
): Promise<WriteResult> {
  const bar = new ProgressBar(invocation.terminal, invocation.clock);
  const onProgress = (progress: ArchiveProgress): void => bar.count('archiving', progress);
  try {
    return await writeArchive({
      ...what,
      exclude: into.ownPaths,
      level,
      engine,
      workers,
      archive: into.archive,
      index: into.index,
      maxSize: 0,
      signal: invocation.signal,
      // Without a bar, the tree is not counted: for many small files counting is a sixth of the work.
      onProgress: invocation.terminal.statusColumns === undefined ? undefined : onProgress,
    });
  } finally {
    bar.end();
  }
}

/** The requested lines; without any, those of the directory's ignore file, as in the daemon. */
function ignoreLines(
  directory: string,
  { ignore, ignoreFile }: CreateOptions,
): { lines: readonly string[]; warnings: readonly ArchiveWarning[] } {
  if (ignoreFile !== undefined) expectFile(ignoreFile, 'Cannot read');
  const fromFile = ignoreFile === undefined ? [] : splitIgnoreText(decodeIgnoreText(fs.readFileSync(ignoreFile)));
  const asked = [...fromFile, ...ignore];
  if (ignoreFile !== undefined || asked.length > 0) return { lines: asked, warnings: [] };
  const root = openRoot(directory);
  try {
    return readIgnoreFile(root) ?? { lines: [], warnings: [] };
  } finally {
    fs.closeSync(root);
  }
}

/** The base's files. A base without an index cannot be reused; this is noted, and is not a failure. */
function findBase(invocation: Invocation, base: string | undefined): { archive: string; index: string } | undefined {
  if (base === undefined) return undefined;
  expectFile(base, 'Cannot reuse');
  const { archive, index } = archiveFiles(resolve(base));
  if (isFile(index)) return { archive, index };
  invocation.terminal.note(`note: ${printableText(base)} has no index beside it, so nothing is reused`);
  return undefined;
}

/** The fields of `--json`, in reading order. */
function shown(facts: Omit<WriteResult, 'warnings'> & { readonly warnings: unknown }): Record<string, unknown> {
  const { size, rawSize, bytes, allocated, sha256, entries, files, warnings, warningCount, reusedBytes, engine } =
    facts;
  return { size, rawSize, bytes, allocated, sha256, entries, files, warnings, warningCount, reusedBytes, engine };
}

function sentence(file: string, { size, bytes, files, sha256, reusedBytes }: WriteResult, seconds: number): string {
  const reused = reusedBytes > 0 ? `, ${formatBytes(reusedBytes)} of it reused` : '';
  return (
    `${printableText(file)}: ${filesText(files)}, ${formatBytes(bytes)} in ${formatBytes(size)}${reused}, ` +
    `${seconds.toFixed(1)} s\nsha256 ${sha256}`
  );
}
