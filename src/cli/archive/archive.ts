/**
 * For: `roost archive …`, archives as plain files without daemon, config or catalogue.
 * Promises: any tar reads what these commands write; input may come from anyone and is treated as hostile.
 * Never: touches a node's state.
 */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { ONE_OPERATION } from '../../archive/threads/operation-threads.ts';
import { Failure } from '../../base/failure.ts';
import { parseBytes } from '../../base/sizes.ts';
import { collect, conclude, type Invocation, subcommand, workersOption } from '../command.ts';
import type { CreateOptions } from './create.ts';
import type { ExtractOptions, Owner } from './extract.ts';
import type { ListOptions } from './list.ts';
import type { VerifyOptions } from './verify.ts';

/** What does the work is loaded once it is asked for: all four together take as long to load as Node itself. */
export function addArchiveCommands(program: Command, invocation: Invocation): void {
  const group = program.command('archive').description('Make, look into, check and unpack archive files');
  addCreate(group, invocation);
  addList(group, invocation);
  addVerify(group, invocation);
  addExtract(group, invocation);
}

function addCreate(group: Command, invocation: Invocation): void {
  subcommand(group, 'create', 'Write a directory into an archive, with its index and manifest beside it')
    .argument('<directory>', 'what is archived')
    .argument('<file>', 'such as world.tar.gz; replaced in one step when it exists; - for stdout')
    .option('--ignore <pattern>', 'gitignore line of what stays out (repeatable)', collect, [])
    .option('--ignore-file <file>', 'a file of such lines')
    .option('--base <archive>', 'an older archive of the same directory, to copy unchanged bytes from')
    .addOption(new Option('--level <level>', 'how hard to compress').choices(['none', 'fast', 'best']).default('fast'))
    .addOption(new Option('--engine <engine>', 'what compresses').choices(['auto', 'isal', 'zlib']).default('auto'))
    .addOption(workersOption())
    .action(async (directory: string, file: string, options: CreateOptions) => {
      // It starts while the code of this thread is loaded: either takes some 50 ms.
      await using _thread = ONE_OPERATION.startAhead();
      const { create } = await import('./create.ts');
      await conclude(invocation, options, create(invocation, directory, file, options));
    });
}

function addList(group: Command, invocation: Invocation): void {
  subcommand(group, 'list', 'Print the paths in an archive: tar, tar.gz or zip, of any origin')
    .argument('<file>', 'or - for stdin')
    .option('--path <directory>', 'only what lies directly in this directory')
    .addOption(encodingOption())
    .action(async (file: string, options: ListOptions) => {
      const { list } = await import('./list.ts');
      await conclude(invocation, options, list(invocation, file, options));
    });
}

function addVerify(group: Command, invocation: Invocation): void {
  subcommand(group, 'verify', 'Read an archive to its last byte and compare it with its manifest')
    .argument('<file>', 'or - for stdin')
    .addOption(encodingOption())
    .addOption(workersOption())
    .action(async (file: string, options: VerifyOptions) => {
      const { verify } = await import('./verify.ts');
      await conclude(invocation, options, verify(invocation, file, options));
    });
}

function addExtract(group: Command, invocation: Invocation): void {
  subcommand(group, 'extract', 'Unpack an archive into a directory')
    .argument('<file>', 'or - for stdin')
    .argument('<directory>', 'empty or not there yet')
    .option('--path <path>', 'unpack only this file or directory, named exactly (repeatable)', collect, [])
    .option('--glob <glob>', 'unpack only what matches, such as "world/**" (repeatable)', collect, [])
    .option('--max-size <size>', 'give up beyond this much content, such as 10GiB', parseSize, 0)
    .option('--owner <owner>', '"archive" or UID:GID (default: archive for root, else you)', parseOwner)
    .addOption(new Option('--setuid <what>', 'setuid and setgid bits').choices(['strip', 'keep']).default('strip'))
    .option('--overwrite', 'the directory may hold something, and files of the same names are replaced')
    .addOption(encodingOption())
    .addOption(workersOption())
    .action(async (file: string, directory: string, options: ExtractOptions) => {
      const { extractNamed } = await import('./extract.ts');
      await conclude(invocation, options, extractNamed(invocation, file, directory, options));
    });
}

/** `--encoding NAME`, for archives of other programs. */
function encodingOption(): Option {
  return new Option(
    '--encoding <name>',
    'of names that are not UTF-8 in a zip or tar of another program, such as gbk, big5, shift_jis or cp437',
  );
}

function parseOwner(text: string): Owner {
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
