/**
 * For: `roost archive …`, archives as plain files without daemon, config or catalogue.
 * Promises: any tar reads what these commands write; input may come from anyone and is treated as hostile.
 * Never: touches a node's state.
 */
import type { Command } from 'commander';
import { addArchiveCreate } from './create.ts';
import { addArchiveExtract } from './extract.ts';
import { addArchiveList } from './list.ts';
import { addArchiveVerify } from './verify.ts';
import type { Invocation } from '../command.ts';

export function addArchiveCommands(program: Command, invocation: Invocation): void {
  const group = program.command('archive').description('Make, look into, check and unpack archive files');
  addArchiveCreate(group, invocation);
  addArchiveList(group, invocation);
  addArchiveVerify(group, invocation);
  addArchiveExtract(group, invocation);
}
