/** `roost panel`: lists, retries and drops the reports that the panel has not accepted. */
import type { Command } from 'commander';
import * as z from 'zod';
import { printableText } from '../base/files/paths.ts';
import { ApiClient } from './client/api-client.ts';
import { ask } from './client/objects.ts';
import { type DaemonOptions, nodeCommand } from './client/target.ts';
import { conclude, type Invocation, type Outcome } from './command.ts';
import { findConnection } from './client/connection.ts';
import { table } from './terminal/table.ts';

const Reports = z.looseObject({
  reports: z.array(
    z.looseObject({
      id: z.number(),
      kind: z.string(),
      server: z.string(),
      backup: z.string(),
      successful: z.boolean(),
      state: z.string(),
      attempts: z.number(),
      error: z.looseObject({ message: z.string() }).nullish(),
    }),
  ),
});
const Dropped = z.looseObject({ dropped: z.number() });
const Retried = z.looseObject({ retried: z.number() });

const PATH = '/api/panel/reports';
const HEADINGS = ['ID', 'OF', 'BACKUP', 'TELLS', 'STATE', 'TRIES', 'WHY'];

export function addPanelCommands(program: Command, invocation: Invocation): void {
  const group = program.command('panel').description('What the panel has yet to be told');
  command(group, 'reports', 'Show the reports that the panel is owed; exit 3 when it refused some').action(
    (options: DaemonOptions) => conclude(invocation, options, list(invocation, options)),
  );
  command(group, 'retry', 'Try again at once what waits, and what the panel refused')
    .argument('[id]', 'that report alone')
    .action((id: string | undefined, options: DaemonOptions) =>
      conclude(invocation, options, retry(invocation, options, id)),
    );
  command(group, 'drop', 'Give a report up: the panel is never told')
    .argument('<id>', 'its number in "roost panel reports"')
    .action((id: string, options: DaemonOptions) => conclude(invocation, options, drop(invocation, options, id)));
}

function command(group: Command, name: string, description: string): Command {
  return nodeCommand(group, name, description);
}

async function list(invocation: Invocation, options: DaemonOptions): Promise<Outcome> {
  const client = await connect(invocation, options);
  const found = await ask(client, { method: 'GET', path: PATH, signal: invocation.signal }, Reports);
  const rows = found.reports.map(({ id, kind, backup, successful, state, attempts, error }) => [
    String(id),
    kind,
    backup,
    successful ? 'success' : 'failure',
    state,
    String(attempts),
    printableText(error?.message ?? ''),
  ]);
  const text =
    rows.length === 0 ? 'The panel has been told everything.' : table(HEADINGS, rows, invocation.terminal.style);
  return { json: found, text, warned: found.reports.some(({ state }) => state === 'parked') };
}

async function retry(invocation: Invocation, options: DaemonOptions, id: string | undefined): Promise<Outcome> {
  const client = await connect(invocation, options);
  const path = `${PATH}/retry${id === undefined ? '' : `?id=${encodeURIComponent(id)}`}`;
  const answer = await ask(client, { method: 'POST', path, signal: invocation.signal }, Retried);
  const text = `${answer.retried} that had been refused are tried again; "roost panel reports" shows what comes of it.`;
  return { json: answer, text };
}

async function drop(invocation: Invocation, options: DaemonOptions, id: string): Promise<Outcome> {
  const client = await connect(invocation, options);
  const request = { method: 'DELETE', path: `${PATH}/${encodeURIComponent(id)}`, signal: invocation.signal } as const;
  const answer = await ask(client, request, Dropped);
  return { json: answer, text: `The report ${answer.dropped} is given up.` };
}

async function connect({ env }: Invocation, { config }: DaemonOptions): Promise<ApiClient> {
  return new ApiClient(await findConnection(env, config));
}
