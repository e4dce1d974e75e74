import { type Command, InvalidArgumentError, Option } from 'commander';
import fs from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { resolve } from 'node:path';
import micromatch from 'micromatch';
import { extractArchive } from '../../archive/archive.ts';
import type { ExtractRequest, ExtractResult } from '../../archive/contract.ts';
import { asFailure, Failure } from '../../base/failure.ts';
import { printableText, toText } from '../../base/paths.ts';
import { formatBytes, parseBytes } from '../../base/sizes.ts';
import {
  archiveFiles,
  encodingOption,
  type EncodingOption,
  expectDirectory,
  expectFile,
  statOf,
  withArchive,
  wireWarnings,
} from './files.ts';
import {
  collect,
  conclude,
  type Invocation,
  type JsonOption,
  noteWarnings,
  type Outcome,
  subcommand,
  workersOption,
} from '../command.ts';
import { ProgressBar } from '../terminal/progress.ts';

type Owner = ExtractRequest['owner'];

interface ExtractOptions extends JsonOption, EncodingOption {
  readonly path: readonly string[];
  readonly maxSize: number;
  readonly owner?: Owner;
  readonly setuid: ExtractRequest['setuid'];
  readonly overwrite?: boolean;
  readonly workers: number | 'auto';
}

const DOING = 'Cannot extract';

export function addArchiveExtract(group: Command, invocation: Invocation): void {
  subcommand(group, 'extract', 'Unpack an archive into a directory')
    .argument('<file>')
    .argument('<directory>', 'empty or not there yet')
    .option('--path <glob>', 'unpack only what matches, such as "world/**" (repeatable)', collect, [])
    .option('--max-size <size>', 'give up beyond this much content, such as 10GiB', parseSize, 0)
    .option('--owner <owner>', '"archive" or UID:GID (default: archive for root, else you)', parseOwner)
    .addOption(new Option('--setuid <what>', 'setuid and setgid bits').choices(['strip', 'keep']).default('strip'))
    .option('--overwrite', 'the directory may hold something, and files of the same names are replaced')
    .addOption(encodingOption())
    .addOption(workersOption())
    .action((file: string, directory: string, options: ExtractOptions) =>
      conclude(invocation, options, extract(invocation, resolve(file), directory, options)),
    );
}

async function extract(
  invocation: Invocation,
  file: string,
  directory: string,
  options: ExtractOptions,
): Promise<Outcome> {
  const startedAt = invocation.clock.monotonic();
  expectFile(file, DOING);
  const isNew = await makeReady(directory, options.overwrite === true);
  const result = await unpackChosen(invocation, file, directory, options).catch((error: unknown) => {
    if (isNew) removeIfEmpty(directory);
    throw error;
  });
  const warnings = wireWarnings(result.warnings);
  noteWarnings(invocation.terminal, warnings, result.warningCount);
  const seconds = (invocation.clock.monotonic() - startedAt) / 1000;
  const where = printableText(directory);
  if (result.entries === 0 && result.warningCount > 0) {
    invocation.terminal.note(
      'warning: nothing was unpacked: all that the archive holds was passed over [nothing_left]',
    );
  }
  return {
    json: { file, directory: resolve(directory), ...result, warnings, seconds },
    text: `${where}: ${result.files} files, ${formatBytes(result.bytes)}, ${seconds.toFixed(1)} s`,
    warned: result.warningCount > 0,
  };
}

async function unpackChosen(
  invocation: Invocation,
  file: string,
  directory: string,
  options: ExtractOptions,
): Promise<ExtractResult> {
  const result = await unpack(invocation, file, directory, options);
  if (options.path.length === 0 || result.entries > 0) return result;
  throw new Failure('path_not_found', `${DOING}: nothing in the archive matches ${options.path.join(', ')}`, {
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
    return await withArchive(archiveFiles(file), DOING, (source) =>
      extractArchive({
        source: { ...source, encoding: options.encoding },
        into: resolve(into),
        select: options.path.length === 0 ? undefined : selectPaths(options.path),
        owner: options.owner ?? defaultOwner(),
        setuid: options.setuid,
        // No entry limit: names alone fill a disk hardly faster than content does, and inodes run out long before.
        limits: { maxBytes: options.maxSize, maxEntries: Number.MAX_SAFE_INTEGER },
        overwrite: options.overwrite === true,
        durable: false,
        workers: options.workers,
        signal,
        onProgress: (progress) => bar.count('extracting', progress),
      }),
    );
  } finally {
    bar.end();
  }
}

/**
 * Creates a missing directory and says whether it did. Without `--overwrite` the directory must be empty, so user files
 * stay untouched.
 */
async function makeReady(directory: string, overwrite: boolean): Promise<boolean> {
  const shown = printableText(directory);
  if (statOf(directory) === undefined) {
    try {
      await mkdir(directory, { recursive: true });
    } catch (error) {
      throw asFailure(error, `Cannot make ${shown}`);
    }
    return true;
  }
  expectDirectory(directory, 'Cannot extract into');
  if (overwrite || fs.readdirSync(directory).length === 0) return false;
  throw new Failure('invalid_request', `Cannot extract into ${shown}: it is not empty`, {
    hint: 'Name an empty or new directory, or allow files of the same names to be replaced with --overwrite.',
  });
}

/** Files unpacked before a failure stay: a damaged archive may give nothing more. */
function removeIfEmpty(directory: string): void {
  if (fs.readdirSync(directory).length === 0) fs.rmdirSync(directory);
}

/** Only root may give files to other users. */
function defaultOwner(): Owner {
  const [uid, gid] = [process.geteuid?.() ?? 0, process.getegid?.() ?? 0];
  return uid === 0 ? 'archive' : { uid, gid };
}

export function parseOwner(text: string): Owner {
  if (text === 'archive') return 'archive';
  const match = /^(\d{1,10}):(\d{1,10})$/.exec(text);
  if (match === null) throw new InvalidArgumentError('It is "archive" or two numbers, such as 1000:1000.');
  return { uid: Number(match[1]), gid: Number(match[2]) };
}

function parseSize(text: string): number {
  try {
    return parseBytes(text);
  } catch (error) {
    throw new InvalidArgumentError(error instanceof Failure ? (error.hint ?? error.message) : String(error));
  }
}

/**
 * Selects the byte-string paths that an operator's globs match. Paths are matched as text, so that `?` is one letter of
 * any alphabet; a path that is not UTF-8 is matched byte by byte.
 *
 * A glob that matches a directory includes everything in it: `world` is `world/**`. A leading `./` or `/` and a
 * trailing slash are ignored.
 */
export function selectPaths(globs: readonly string[]): (path: string) => boolean {
  const matchers = globs.map((glob) => micromatch.matcher(bare(glob), { dot: true, nonegate: true }));
  const chosen = (path: string) => matchers.some((matches) => matches(path));
  return (bytes) => {
    const path = toText(bytes) ?? bytes;
    for (let end = path.indexOf('/'); end !== -1; end = path.indexOf('/', end + 1)) {
      if (chosen(path.slice(0, end))) return true;
    }
    return chosen(path);
  };
}

function bare(glob: string): string {
  return glob.replace(/^(?:\.?\/+)+/, '').replace(/\/+$/, '');
}
