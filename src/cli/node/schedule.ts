/** `roost schedule list`: when backups are made next, and what became of the last time. */
import type { Command } from 'commander';
import * as z from 'zod';
import { ApiClient } from '../client/api-client.ts';
import { findConnection } from '../client/connection.ts';
import { ask } from '../client/objects.ts';
import { type DaemonOptions, nodeCommand } from '../client/target.ts';
import { conclude, type Invocation, type Outcome } from '../command.ts';
import { table } from '../terminal/table.ts';
import { localTime } from '../terminal/time.ts';
import { shortId } from '../terminal/short-id.ts';

const Schedules = z.looseObject({
  schedules: z.array(
    z.looseObject({
      server: z.string(),
      servers: z.array(z.string()),
      cron: z.string(),
      timezone: z.string().nullable(),
      next: z.array(z.string()),
      last: z
        .looseObject({
          at: z.string(),
          completed: z.number(),
          failed: z.number(),
          running: z.number(),
          without: z.number(),
        })
        .nullish(),
      missed: z.looseObject({ times: z.number() }).nullish(),
    }),
  ),
});
type Schedule = z.infer<typeof Schedules>['schedules'][number];

const HEADINGS = ['SERVER', 'SERVERS', 'CRON', 'TIMEZONE', 'NEXT', 'LAST', 'OUTCOME'];

export function addScheduleCommands(program: Command, invocation: Invocation): void {
  const group = program.command('schedule').description('When backups are made by the config');
  nodeCommand(group, 'list', 'List the schedules, the next time of each, and what became of the last').action(
    (options: DaemonOptions) => conclude(invocation, options, list(invocation, options)),
  );
}

async function list({ env, signal, terminal }: Invocation, options: DaemonOptions): Promise<Outcome> {
  const client = new ApiClient(await findConnection(env, options.config));
  const found = await ask(client, { method: 'GET', path: '/api/schedules', signal }, Schedules);
  const rows = found.schedules.map(rowOf);
  return { json: found, text: rows.length === 0 ? 'There are no schedules.' : table(HEADINGS, rows, terminal.style) };
}

function rowOf({ server, servers, cron, timezone, next, last, missed }: Schedule): string[] {
  return [
    shortId(server),
    String(servers.length),
    cron,
    timezone ?? 'host',
    next[0] === undefined ? 'never' : localTime(next[0]),
    (last ?? undefined) === undefined ? '' : localTime(last?.at ?? ''),
    outcomeOf(last, missed),
  ];
}

function outcomeOf(last: Schedule['last'], missed: Schedule['missed']): string {
  const parts: (readonly [number | undefined, string])[] = [
    [last?.completed, 'completed'],
    [last?.failed, 'failed'],
    [last?.running, 'running'],
    [last?.without, 'without a backup'],
    [missed?.times, 'missed'],
  ];
  const shown = parts.filter(([count]) => (count ?? 0) > 0);
  return shown.map(([count, word]) => `${count ?? 0} ${word}`).join(', ');
}
