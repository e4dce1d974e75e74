/** `roost retention plan` shows which backups the rules would remove now, and why; `roost retention apply` removes them. */
import type { Command } from 'commander';
import * as z from 'zod';
import { formatBytes } from '../../base/sizes.ts';
import { ask, BackupObject } from '../client/objects.ts';
import { daemonCommand, type DaemonOptions, findServer } from '../client/target.ts';
import { conclude, type Invocation, type Outcome } from '../command.ts';
import { shortId } from '../terminal/short-id.ts';
import { table } from '../terminal/table.ts';
import { localTime } from '../terminal/time.ts';

const RetentionObject = z.looseObject({
  backups: z.array(z.looseObject({ backup: BackupObject, keep: z.boolean(), reasons: z.array(z.string()) })),
});

const AppliedObject = z.looseObject({
  removed: z.array(z.string()),
  failed: z.array(z.string()),
  clockInDoubt: z.looseObject({ clock: z.string(), expected: z.string() }).nullish(),
});

interface ApplyOptions extends DaemonOptions {
  readonly clockIsRight?: boolean;
}

const HEADINGS = ['ID', 'CREATED', 'SIZE', 'PLAN', 'WHY', 'NAME'];

/** Text of the daemon's reasons; an unknown reason is printed unchanged. */
const WORDS: Readonly<Record<string, string>> = {
  no_rules: 'no rule is set',
  not_completed: 'not completed',
  locked: 'locked',
  busy: 'a job works on it',
  newest_good: 'newest good',
  newest: 'newest',
  future_dated: 'dated in the future',
  last: 'keep_last',
  days: 'keep_days',
  daily: 'keep_daily',
  weekly: 'keep_weekly',
  monthly: 'keep_monthly',
};

export function addRetentionCommands(program: Command, invocation: Invocation): void {
  const group = program.command('retention').description('What the rules of retention do');
  daemonCommand(
    group,
    'plan',
    'Show which backups of a server would go after the next one, and why the others stay',
  ).action((server: string, options: DaemonOptions) =>
    conclude(invocation, options, plan(invocation, server, options)),
  );
  daemonCommand(group, 'apply', 'Remove all backups of a server that the rules let go')
    .option('--clock-is-right', 'believe a clock that has jumped; nothing is removed while it is in doubt')
    .action((server: string, options: ApplyOptions) =>
      conclude(invocation, options, apply(invocation, server, options)),
    );
}

async function apply(invocation: Invocation, word: string, options: ApplyOptions): Promise<Outcome> {
  const { client, server } = await findServer(invocation, options, word);
  const { signal } = invocation;
  const body = options.clockIsRight === true ? { clockIsRight: true } : {};
  const path = `/api/servers/${server}/retention/apply`;
  const done = await ask(client, { method: 'POST', path, body, signal }, AppliedObject);
  const lines = [
    ...done.removed.map((id) => `${id} removed`),
    ...done.failed.map((id) => `${id} could not be removed`),
  ];
  const doubt = done.clockInDoubt;
  if (doubt !== undefined && doubt !== null) {
    lines.push(
      `Nothing was removed: the clock has jumped (it says ${doubt.clock}, ${doubt.expected} is expected).`,
      'If it is right, say so by --clock-is-right.',
    );
  } else if (lines.length === 0) lines.push('Nothing to remove.');
  return { json: done, text: lines.join('\n'), warned: done.failed.length > 0 || (doubt ?? null) !== null };
}

async function plan(invocation: Invocation, word: string, options: DaemonOptions): Promise<Outcome> {
  const { client, server } = await findServer(invocation, options, word);
  const path = `/api/servers/${server}/retention`;
  const found = await ask(client, { method: 'GET', path, signal: invocation.signal }, RetentionObject);
  const rows = found.backups.map(({ backup, keep, reasons }) => [
    shortId(backup.id),
    localTime(backup.createdAt),
    formatBytes(backup.size),
    keep ? 'stays' : 'goes',
    keep ? reasons.map((reason) => WORDS[reason] ?? reason).join(', ') : 'no rule keeps it',
    backup.name,
  ]);
  return { json: found, text: table(HEADINGS, rows, invocation.terminal.style) };
}
