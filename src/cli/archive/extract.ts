import fs from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { resolve } from 'node:path';
import { extractArchive } from '../../archive/archive.ts';
import type { ExtractRequest, ExtractResult } from '../../archive/contract.ts';
import { asFailure, Failure } from '../../base/failure.ts';
import { bytesOf, wirePath } from '../../base/files/paths.ts';
import { filesText, formatBytes } from '../../base/sizes.ts';
import { chooseEntries } from './choose.ts';
import { bytesOfArgument, openablePath, shownArgument } from '../exact-arguments.ts';
import {
  archiveArgument,
  type EncodingOption,
  expectDirectory,
  expectFile,
  withArchive,
  wireWarnings,
} from './files.ts';
import { type Invocation, type JsonOption, noteWarnings, type Outcome } from '../command.ts';
import { PIPE } from './pipes.ts';
import { ProgressBar } from '../terminal/progress.ts';

export type Owner = ExtractRequest['owner'];

export interface ExtractOptions extends JsonOption, EncodingOption {
  readonly path: readonly string[];
  readonly glob: readonly string[];
  readonly maxSize: number;
  readonly owner?: Owner;
  readonly setuid: ExtractRequest['setuid'];
  readonly overwrite?: boolean;
  readonly workers: number | 'auto';
}

const DOING = 'Cannot extract';

/** As `extract`. @param argument the archive, as it was given. */
export function extractNamed(
  invocation: Invocation,
  argument: string,
  directory: string,
  options: ExtractOptions,
): Promise<Outcome> {
  return extract(invocation, archiveArgument(argument), directory, options);
}

/**
 * Unpacks an archive.
 *
 * @param file an absolute path, or `-`.
 * @param argument the directory, as it was given.
 */
export async function extract(
  invocation: Invocation,
  file: string,
  argument: string,
  options: ExtractOptions,
): Promise<Outcome> {
  const startedAt = invocation.clock.monotonic();
  if (file !== PIPE) expectFile(file, DOING);
  const isNew = await makeReady(argument, options.overwrite === true);
  const directory = openablePath(argument, 'directory');
  const result = await unpackChosen(invocation, file, directory, options).catch((error: unknown) => {
    if (isNew) removeIfEmpty(argument);
    throw error;
  });
  const warnings = wireWarnings(result.warnings);
  noteWarnings(invocation.terminal, warnings, result.warningCount);
  const seconds = (invocation.clock.monotonic() - startedAt) / 1000;
  const where = shownArgument(argument);
  if (result.entries === 0 && result.warningCount > 0) {
    invocation.terminal.note(
      'warning: nothing was unpacked: all that the archive holds was passed over [nothing_left]',
    );
  }
  return {
    json: { file, directory: wirePath(bytesOfArgument(resolve(argument))), ...result, warnings, seconds },
    text: `${where}: ${filesText(result.files)}, ${formatBytes(result.bytes)}, ${seconds.toFixed(1)} s`,
    warned: result.warningCount > 0,
  };
}

async function unpackChosen(
  invocation: Invocation,
  file: string,
  directory: string,
  options: ExtractOptions,
): Promise<ExtractResult> {
  const { path, glob } = options;
  const result = await unpack(invocation, file, directory, options);
  if (path.length + glob.length === 0 || result.entries > 0) return result;
  const asked = [...path, ...glob].map(shownArgument).join(', ');
  throw new Failure('path_not_found', `${DOING}: nothing in the archive is ${asked}`, {
    hint: 'See "roost archive list" for what is in it; quote globs, so that the shell leaves them alone.',
  });
}

async function unpack(
  { terminal, clock, signal }: Invocation,
  file: string,
  into: string,
  options: ExtractOptions,
): Promise<ExtractResult> {
  const bar = new ProgressBar(terminal, clock);
  try {
    return await withArchive(file, DOING, signal, async (opened) => {
      const source = { ...opened, encoding: options.encoding };
      const asked = { paths: options.path, globs: options.glob };
      const isAll = options.path.length + options.glob.length === 0;
      const choice = isAll ? undefined : await chooseEntries(source, asked, signal);
      const result = await extractArchive({
        source,
        into: resolve(into),
        select: choice?.select,
        owner: options.owner ?? defaultOwner(),
        setuid: options.setuid,
        // No limit of entries: the disk runs out of inodes before names alone could fill it.
        limits: { maxBytes: options.maxSize, maxEntries: Number.MAX_SAFE_INTEGER },
        overwrite: options.overwrite === true,
        durable: false,
        workers: options.workers,
        signal,
        onProgress: (progress) => bar.count('extracting', progress),
      });
      const missing = choice?.missing() ?? [];
      const warnings = [...missing, ...result.warnings];
      return { ...result, warnings, warningCount: result.warningCount + missing.length };
    });
  } finally {
    bar.end();
  }
}

/**
 * Creates a missing directory and says whether it did. Without `--overwrite` the directory must be empty, so user files
 * stay untouched.
 */
async function makeReady(directory: string, overwrite: boolean): Promise<boolean> {
  const shown = shownArgument(directory);
  const path = bytesOf(bytesOfArgument(directory));
  if (fs.statSync(path, { throwIfNoEntry: false }) === undefined) {
    try {
      await mkdir(path, { recursive: true });
    } catch (error) {
      throw asFailure(error, `Cannot make ${shown}`);
    }
    return true;
  }
  expectDirectory(openablePath(directory, 'directory'), 'Cannot extract into');
  if (overwrite || fs.readdirSync(path).length === 0) return false;
  throw new Failure('invalid_request', `Cannot extract into ${shown}: it is not empty`, {
    hint: 'Name an empty or new directory, or allow files of the same names to be replaced with --overwrite.',
  });
}

/** Files unpacked before a failure stay: a damaged archive may give nothing more. */
function removeIfEmpty(directory: string): void {
  const path = bytesOf(bytesOfArgument(directory));
  if (fs.readdirSync(path).length === 0) fs.rmdirSync(path);
}

/** Only root may give files to other users. */
function defaultOwner(): Owner {
  const [uid, gid] = [process.geteuid?.() ?? 0, process.getegid?.() ?? 0];
  return uid === 0 ? 'archive' : { uid, gid };
}
