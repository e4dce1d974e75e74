/**
 * `roost archive …`: archives as files, without a daemon, a config or a catalogue. What these commands write, any tar
 * reads; what they read may come from anybody.
 */
import type { Command } from 'commander';
import { addArchiveCreate } from './create.ts';
import { addArchiveExtract } from './extract.ts';
import { addArchiveList } from './list.ts';
import { addArchiveVerify } from './verify.ts';
import type { Invocation } from '../command.ts';

export function addArchiveCommands(program: Command, invocation: Invocation): void {
  const group = program.command('archive').description('make, look into, check and unpack archive files');
  addArchiveCreate(group, invocation);
  addArchiveList(group, invocation);
  addArchiveVerify(group, invocation);
  addArchiveExtract(group, invocation);
}
