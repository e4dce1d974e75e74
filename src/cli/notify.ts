/** `roost notify`: the channels of notifications, and a test of them. */
import type { Command } from 'commander';
import * as z from 'zod';
import { printableText } from '../base/files/paths.ts';
import { ApiClient } from './client/api-client.ts';
import { ask } from './client/objects.ts';
import { type DaemonOptions, nodeCommand } from './client/target.ts';
import { conclude, type Invocation, type Outcome } from './command.ts';
import { findConnection } from './client/connection.ts';
import { table } from './terminal/table.ts';
import { localTime } from './terminal/time.ts';

const Channels = z.looseObject({
  channels: z.array(
    z.looseObject({
      name: z.string(),
      type: z.string(),
      waiting: z.number(),
      oldest: z.string().nullish(),
      error: z.string().nullish(),
    }),
  ),
});
const Tested = z.looseObject({
  results: z.array(
    z.looseObject({
      name: z.string(),
      delivered: z.boolean(),
      error: z.string().nullish(),
      hint: z.string().nullish(),
    }),
  ),
});

export function addNotifyCommands(program: Command, invocation: Invocation): void {
  const group = program.command('notify').description('Who is told of failures, and whether they can be reached');
  nodeCommand(group, 'list', 'Show the channels, and what waits for each; exit 3 when one takes nothing').action(
    (options: DaemonOptions) => conclude(invocation, options, list(invocation, options)),
  );
  nodeCommand(group, 'test', 'Send a test to each channel, or to one; exit 1 when one does not take it')
    .argument('[channel]', 'its name in the config')
    .action((channel: string | undefined, options: DaemonOptions) =>
      conclude(invocation, options, test(invocation, options, channel)),
    );
}

async function list(invocation: Invocation, options: DaemonOptions): Promise<Outcome> {
  const client = await connect(invocation, options);
  const path = '/api/notify/channels';
  const found = await ask(client, { method: 'GET', path, signal: invocation.signal }, Channels);
  const rows = found.channels.map(({ name, type, waiting, oldest, error }) => [
    name,
    type,
    String(waiting),
    typeof oldest === 'string' ? localTime(oldest) : '',
    error ?? '',
  ]);
  const none = 'Nobody is told of anything: the config has no notify.channels.';
  const text =
    rows.length === 0 ? none : table(['CHANNEL', 'TYPE', 'WAITING', 'SINCE', 'WHY'], rows, invocation.terminal.style);
  return { json: found, text, warned: found.channels.some(({ error }) => typeof error === 'string') };
}

async function test(invocation: Invocation, options: DaemonOptions, channel: string | undefined): Promise<Outcome> {
  const client = await connect(invocation, options);
  const query = channel === undefined ? '' : `?channel=${encodeURIComponent(channel)}`;
  const request = { method: 'POST', path: `/api/notify/test${query}`, signal: invocation.signal } as const;
  const found = await ask(client, request, Tested);
  const lines = found.results.flatMap(({ name, delivered, error, hint }) => [
    delivered ? `${name}: delivered` : `${name}: ${printableText(error ?? 'not delivered')}`,
    ...(delivered || typeof hint !== 'string' ? [] : [`  ${printableText(hint)}`]),
  ]);
  return { json: found, text: lines.join('\n'), failed: found.results.some(({ delivered }) => !delivered) };
}

async function connect({ env }: Invocation, { config }: DaemonOptions): Promise<ApiClient> {
  return new ApiClient(await findConnection(env, config));
}
