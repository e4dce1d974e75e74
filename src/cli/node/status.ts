/** `roost status`, which `roost` alone shows too: servers, their last good backup and the next one, and space. */
import type { Command } from 'commander';
import * as z from 'zod';
import { formatBytes } from '../../base/sizes.ts';
import { ageText } from '../../policy/health/protected.ts';
import { ApiClient } from '../client/api-client.ts';
import { findConnection } from '../client/connection.ts';
import { ask } from '../client/objects.ts';
import { type DaemonOptions, nodeCommand } from '../client/target.ts';
import { conclude, type Invocation, type Outcome } from '../command.ts';
import { table } from '../terminal/table.ts';
import { localTime } from '../terminal/time.ts';
import { shortId } from '../terminal/short-id.ts';

const Servers = z.array(
  z.looseObject({
    id: z.string(),
    name: z.string(),
    status: z.string(),
    backups: z.number(),
    bytes: z.number(),
    overview: z
      .looseObject({
        newest: z.looseObject({ createdAt: z.string() }).nullish(),
        next: z.string().nullish(),
        problems: z.array(z.looseObject({ code: z.string(), message: z.string() })),
      })
      .nullish(),
  }),
);
const System = z.looseObject({
  version: z.string(),
  usage: z
    .looseObject({
      stores: z.array(
        z.looseObject({
          name: z.string(),
          freeBytes: z.number().nullable(),
          usedBytes: z.number(),
          fullAt: z.string().nullish(),
          error: z.string().nullable(),
        }),
      ),
    })
    .nullish(),
});
type Server = z.infer<typeof Servers>[number];
type Store = NonNullable<z.infer<typeof System>['usage']>['stores'][number];

const DESCRIPTION = 'Show servers, their last good backup, the next one, and space; exit 3 when one has a problem';

export function addStatus(program: Command, invocation: Invocation): void {
  nodeCommand(program, 'status', DESCRIPTION).action((options: DaemonOptions) =>
    conclude(invocation, options, status(invocation, options, true)),
  );
  nodeCommand(program, 'servers', 'List servers; exit 3 when one has a problem').action((options: DaemonOptions) =>
    conclude(invocation, options, status(invocation, options, false)),
  );
}

async function status(invocation: Invocation, options: DaemonOptions, withStores: boolean): Promise<Outcome> {
  const { clock, env, signal, terminal } = invocation;
  const client = new ApiClient(await findConnection(env, options.config));
  const servers = await ask(client, { method: 'GET', path: '/api/servers?with=overview', signal }, Servers);
  const warned = servers.some(({ overview }) => (overview?.problems.length ?? 0) > 0);
  const rows = servers.map((server) => rowOf(server, clock.now()));
  const list = rows.length === 0 ? 'There are no servers.' : table(HEADINGS, rows, terminal.style);
  if (!withStores) return { json: { servers }, text: list, warned };
  const system = await ask(client, { method: 'GET', path: '/api/system?with=usage', signal }, System);
  const stores = system.usage?.stores ?? [];
  const text = [list, '', ...stores.map(storeLine)].join('\n').trimEnd();
  return { json: { servers, stores }, text, warned: warned || stores.some(({ error }) => error !== null) };
}

const HEADINGS = ['SERVER', 'NAME', 'BACKUPS', 'SIZE', 'LAST GOOD', 'NEXT', 'STATE'];

function rowOf({ id, name, status: state, backups, bytes, overview }: Server, now: number): string[] {
  const newest = overview?.newest?.createdAt;
  const problem = overview?.problems[0]?.code;
  return [
    shortId(id),
    name.slice(0, 16),
    String(backups),
    formatBytes(bytes),
    newest === undefined ? 'never' : `${ageText(now - Date.parse(newest))} ago`,
    typeof overview?.next === 'string' ? localTime(overview.next) : 'none',
    problem ?? (state === 'READY' ? 'ok' : state.toLowerCase()),
  ];
}

function storeLine({ name, freeBytes, usedBytes, fullAt, error }: Store): string {
  if (error !== null) return `store ${name}: cannot be used: ${error}`;
  const free = freeBytes === null ? '' : `, ${formatBytes(freeBytes)} free`;
  const full = typeof fullAt === 'string' ? `, full about ${localTime(fullAt).slice(0, 10)}` : '';
  return `store ${name}: ${formatBytes(usedBytes)} of archives${free}${full}`;
}
