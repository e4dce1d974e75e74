/** `roost backup undo` and `roost backup estimate`. */
import type { Command } from 'commander';
import * as z from 'zod';
import { printableText } from '../../base/files/paths.ts';
import { countText, filesText, formatBytes } from '../../base/sizes.ts';
import { ask } from '../client/objects.ts';
import { backupCommand, daemonCommand, type DaemonOptions, findBackup, findServer } from '../client/target.ts';
import { waitForJob } from '../client/wait-for-job.ts';
import { collect, conclude, type Invocation, type Outcome } from '../command.ts';

interface EstimateOptions extends DaemonOptions {
  readonly ignore: readonly string[];
}

const Estimate = z.looseObject({
  files: z.number(),
  directories: z.number(),
  bytes: z.number(),
  ignoredFiles: z.number(),
  ignoredBytes: z.number(),
  largestIgnored: z.array(z.looseObject({ path: z.string(), bytes: z.number() })),
});

export function addBackupUndo(group: Command, invocation: Invocation): void {
  backupCommand(group, 'undo', 'Put back what the newest restore of a backup set aside (--keep-previous)').action(
    (server: string, backup: string, options: DaemonOptions) =>
      conclude(invocation, options, undo(invocation, { server, backup }, options)),
  );
}

export function addBackupEstimate(group: Command, invocation: Invocation): void {
  daemonCommand(group, 'estimate', 'Say what a backup of a server would hold, and the largest of what is ignored')
    .option('--ignore <pattern>', 'gitignore line of what stays out (repeatable)', collect, [])
    .action((server: string, options: EstimateOptions) =>
      conclude(invocation, options, estimate(invocation, server, options)),
    );
}

async function undo(
  invocation: Invocation,
  named: { readonly server: string; readonly backup: string },
  options: DaemonOptions,
): Promise<Outcome> {
  const target = await findServer(invocation, options, named.server);
  const id = await findBackup(target, named.backup, invocation.signal);
  const answer = await waitForJob(invocation, target, id, { method: 'POST', path: `${target.backups}/${id}/undo` });
  return { json: answer, text: `${named.server} is as it was before the restore` };
}

async function estimate(invocation: Invocation, server: string, options: EstimateOptions): Promise<Outcome> {
  const { signal } = invocation;
  const target = await findServer(invocation, options, server);
  const body = options.ignore.length === 0 ? {} : { ignore: options.ignore };
  const request = { method: 'POST', path: `${target.backups}/estimate`, body, signal } as const;
  const found = await ask(target.client, request, Estimate);
  const { files, directories, bytes, ignoredFiles, ignoredBytes, largestIgnored } = found;
  const lines = [
    `${filesText(files)} in ${countText(directories, 'directory', 'directories')}, ${formatBytes(bytes)} before compression`,
    `${filesText(ignoredFiles)} ignored, ${formatBytes(ignoredBytes)}`,
    ...largestIgnored.map((each) => `  ${formatBytes(each.bytes)}  ${printableText(each.path)}`),
  ];
  return { json: found, text: lines.join('\n') };
}
