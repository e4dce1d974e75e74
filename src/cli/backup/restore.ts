import { type Command, InvalidArgumentError } from 'commander';
import * as z from 'zod';
import { wirePath } from '../../base/files/paths.ts';
import { filesText, formatBytes } from '../../base/sizes.ts';
import { readAs, Warning } from '../client/objects.ts';
import { backupCommand, type DaemonOptions, findBackup, findServer } from '../client/target.ts';
import { collect, conclude, type Invocation, noteWarnings, type Outcome } from '../command.ts';
import { bytesOfArgument } from '../exact-arguments.ts';
import { printChanges } from './changes.ts';
import { Failure } from '../../base/failure.ts';
import { restoreElsewhere } from './fetch.ts';
import { waitForJob } from '../client/wait-for-job.ts';
import { shortId } from '../terminal/short-id.ts';

interface RestoreOptions extends DaemonOptions {
  readonly path: readonly string[];
  readonly glob: readonly string[];
  readonly truncate?: boolean;
  readonly force?: boolean;
  readonly keepIgnored?: boolean;
  readonly keepPrevious?: number;
  readonly dryRun?: boolean;
  readonly to?: string;
}

const RestoreObject = z.looseObject({
  message: z.string(),
  files: z.number().nullish(),
  bytes: z.number().nullish(),
  removed: z.number().nullish(),
  skipped: z.number().nullish(),
  seconds: z.number().nullish(),
  warnings: z.array(Warning).nullish(),
  warningCount: z.number().nullish(),
});
type RestoreObject = z.infer<typeof RestoreObject>;

export function addBackupRestore(group: Command, invocation: Invocation): void {
  backupCommand(group, 'restore', 'Bring a server back to a backup and wait for the end')
    .option('--path <path>', 'restore only this file or directory, named exactly (repeatable)', collect, [])
    .option('--glob <glob>', 'restore only what matches, such as "world/**" (repeatable)', collect, [])
    .option('--truncate', 'also remove files that the backup does not hold')
    .option('--force', 'truncate also where that removes what the backup cannot put back')
    .option('--keep-ignored', "with --truncate: what the backup's ignore list covers stays")
    .option('--keep-previous <hours>', 'keep what was there for so many hours, for "roost backup undo"', parseHours)
    .option('--dry-run', 'only show what it would change: no job, nothing is written')
    .option('--to <directory>', 'unpack it there, empty or new, instead of into the server')
    .action((server: string, backup: string, options: RestoreOptions) =>
      conclude(invocation, options, restore(invocation, server, backup, options)),
    );
}

async function restore(
  invocation: Invocation,
  server: string,
  word: string,
  options: RestoreOptions,
): Promise<Outcome> {
  const { to, ...inPlace } = options;
  const target = await findServer(invocation, inPlace, server);
  if (to !== undefined) {
    refuseInPlace(options);
    return restoreElsewhere(invocation, target, { server, backup: word }, to, options);
  }
  const id = await findBackup(target, word, invocation.signal);
  const { path, glob } = options;
  const choice = {
    truncate: options.truncate === true,
    force: options.force,
    keepIgnored: options.keepIgnored,
    paths: path.length === 0 ? undefined : path.map((each) => wirePath(bytesOfArgument(each))),
    globs: glob.length === 0 ? undefined : glob,
  };
  if (options.dryRun === true) {
    const preview = `${target.backups}/${id}/preview`;
    const { signal } = invocation;
    const found = await target.client.call({ method: 'POST', path: preview, body: choice, signal });
    return printChanges(invocation, options, target, found);
  }
  const answer = await waitForJob(invocation, target, id, {
    method: 'POST',
    path: `${target.backups}/restore?id=${id}`,
    body: { ...choice, keepPrevious: options.keepPrevious },
  });
  const done = readAs(target.client, RestoreObject, answer);
  const warnings = done.warnings ?? [];
  noteWarnings(invocation.terminal, warnings, done.warningCount ?? warnings.length);
  // Without a power driver every restore has this warning, so it alone must not make scripts fail.
  const warned = (done.warningCount ?? 0) > warnings.filter(({ code }) => code === 'not_stopped').length;
  const kept = options.keepPrevious === undefined ? '' : `\nto undo: roost backup undo ${server} ${shortId(id)}`;
  return { json: answer, text: sentence(done) + kept, warned };
}

/** Refuses options that apply only to a restore into the server's own directory. */
function refuseInPlace({ truncate, force, keepIgnored, keepPrevious, dryRun }: RestoreOptions): void {
  if ([truncate, force, keepIgnored, keepPrevious, dryRun].every((given) => given === undefined)) return;
  throw new Failure('invalid_request', 'Cannot restore: --to goes with --path and --glob alone', {
    hint: 'The server is not touched by it, so nothing is removed or kept there.',
  });
}

function parseHours(text: string): number {
  const hours = /^\d+(?:\.\d+)?$/.test(text) ? Number(text) : 0;
  if (hours <= 0) throw new InvalidArgumentError('It is a number of hours.');
  return hours;
}

/** The result as a sentence, with the counts that the daemon's answer has. */
function sentence({ message, files, bytes, removed, skipped, seconds }: RestoreObject): string {
  const counts = [
    typeof files === 'number' ? filesText(files) : '',
    typeof bytes === 'number' ? formatBytes(bytes) : '',
    typeof removed === 'number' && removed > 0 ? `${removed} removed` : '',
    typeof skipped === 'number' && skipped > 0 ? `${skipped} skipped` : '',
    typeof seconds === 'number' ? `${seconds.toFixed(1)} s` : '',
  ].filter((part) => part !== '');
  return counts.length === 0 ? message : `${message}: ${counts.join(', ')}`;
}
