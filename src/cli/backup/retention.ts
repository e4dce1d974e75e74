/** `roost retention plan`: shows which backups the retention rules would remove now, and why. Changes nothing. */
import type { Command } from 'commander';
import * as z from 'zod';
import { formatBytes } from '../../base/sizes.ts';
import { ask, BackupObject } from '../client/objects.ts';
import { daemonCommand, type DaemonOptions, findServer } from '../client/target.ts';
import { conclude, type Invocation, type Outcome } from '../command.ts';
import { table } from '../terminal/table.ts';

const RetentionObject = z.looseObject({
  backups: z.array(z.looseObject({ backup: BackupObject, keep: z.boolean(), reasons: z.array(z.string()) })),
});

const HEADINGS = ['ID', 'CREATED', 'SIZE', 'PLAN', 'WHY', 'NAME'];

/** Text of the daemon's reasons; an unknown reason is printed unchanged. */
const WORDS: Readonly<Record<string, string>> = {
  no_rules: 'no rule is set',
  not_completed: 'not completed',
  locked: 'locked',
  busy: 'a job works on it',
  newest_good: 'newest good',
  last: 'keep_last',
  days: 'keep_days',
  daily: 'keep_daily',
  weekly: 'keep_weekly',
  monthly: 'keep_monthly',
};

export function addRetentionCommands(program: Command, invocation: Invocation): void {
  const group = program.command('retention').description('what the rules of retention do');
  daemonCommand(
    group,
    'plan',
    'Show which backups of a server would go after the next one, and why the others stay',
  ).action((server: string, options: DaemonOptions) =>
    conclude(invocation, options, plan(invocation, server, options)),
  );
}

async function plan(invocation: Invocation, word: string, options: DaemonOptions): Promise<Outcome> {
  const { client, server } = await findServer(invocation, options, word);
  const path = `/api/servers/${server}/retention`;
  const found = await ask(client, { method: 'GET', path, signal: invocation.signal }, RetentionObject);
  const rows = found.backups.map(({ backup, keep, reasons }) => [
    backup.id,
    backup.createdAt,
    formatBytes(backup.size),
    keep ? 'stays' : 'goes',
    keep ? reasons.map((reason) => WORDS[reason] ?? reason).join(', ') : 'no rule keeps it',
    backup.name,
  ]);
  return { json: found, text: table(HEADINGS, rows) };
}
