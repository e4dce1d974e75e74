/**
 * For: `roost backup …`, backups through the running daemon's HTTP API.
 * Promises: the daemon alone decides.
 * Never: touches archives, the catalogue or server directories, because two writers would lose backups.
 */
import type { Command } from 'commander';
import { addBackupChanges } from './change.ts';
import { addBackupCompare } from './compare.ts';
import { addBackupCreate } from './create.ts';
import { addBackupFetch } from './fetch.ts';
import { addBackupEstimate, addBackupUndo } from './undo.ts';
import { addBackupFiles } from './files.ts';
import { addBackupList, addBackupShow } from './list.ts';
import { addBackupRestore } from './restore.ts';
import { addBackupVerify } from './verify.ts';
import type { Invocation } from '../command.ts';

export function addBackupCommands(program: Command, invocation: Invocation): void {
  const group = program.command('backup').description('Work with backups through the running daemon');
  addBackupCreate(group, invocation);
  addBackupList(group, invocation);
  addBackupShow(group, invocation);
  addBackupFiles(group, invocation);
  addBackupRestore(group, invocation);
  addBackupCompare(group, invocation);
  addBackupVerify(group, invocation);
  addBackupFetch(group, invocation);
  addBackupUndo(group, invocation);
  addBackupEstimate(group, invocation);
  addBackupChanges(group, invocation);
}
