/** `roost report`: how well the node is protected, for a look each week, or a mail by cron. */
import type { Command } from 'commander';
import * as z from 'zod';
import { countText, formatBytes } from '../../base/sizes.ts';
import { ageText } from '../../policy/health/protected.ts';
import { ApiClient } from '../client/api-client.ts';
import { findConnection } from '../client/connection.ts';
import { ask } from '../client/objects.ts';
import { type DaemonOptions, nodeCommand } from '../client/target.ts';
import { conclude, type Invocation, type Outcome } from '../command.ts';
import { table } from '../terminal/table.ts';
import { localTime } from '../terminal/time.ts';
import { shortId } from '../terminal/short-id.ts';

const Report = z.looseObject({
  name: z.string(),
  at: z.string(),
  healthy: z.boolean(),
  servers: z.array(
    z.looseObject({
      server: z.string(),
      name: z.string(),
      ageSeconds: z.number().nullable(),
      next: z.string().nullable(),
      lateSeconds: z.number().nullable(),
      verifiedAt: z.string().nullable(),
      problems: z.array(z.string()),
    }),
  ),
  stores: z.array(
    z.looseObject({
      name: z.string(),
      freeBytes: z.number().nullable(),
      growthPerDay: z.number().nullable(),
      daysUntilFull: z.number().nullable(),
      copies: z.looseObject({ pending: z.number(), failed: z.number(), lagSeconds: z.number() }).nullable(),
      error: z.string().nullable(),
    }),
  ),
});
type Report = z.infer<typeof Report>;

const SERVERS = ['SERVER', 'NAME', 'LAST GOOD', 'LATE', 'NEXT', 'VERIFIED', 'STATE'];
const STORES = ['STORE', 'FREE', 'A DAY', 'FULL IN', 'COPIES', 'STATE'];

export function addReport(program: Command, invocation: Invocation): void {
  nodeCommand(
    program,
    'report',
    'Show how well the node is protected: ages against schedules, copies, space; exit 3 with problems',
  ).action((options: DaemonOptions) => conclude(invocation, options, report(invocation, options)));
}

async function report({ env, signal, terminal }: Invocation, options: DaemonOptions): Promise<Outcome> {
  const client = new ApiClient(await findConnection(env, options.config));
  const found = await ask(client, { method: 'GET', path: '/api/report', signal }, Report);
  const head = `${found.name}, ${localTime(found.at)}: ${found.healthy ? 'no problems' : 'there are problems'}`;
  const servers =
    found.servers.length === 0 ? 'There are no servers.' : table(SERVERS, found.servers.map(serverRow), terminal.style);
  const text = [head, '', servers, '', table(STORES, found.stores.map(storeRow), terminal.style)].join('\n');
  return { json: found, text, warned: !found.healthy };
}

function serverRow({ server, name, ageSeconds, lateSeconds, next, verifiedAt, problems }: Report['servers'][number]) {
  return [
    shortId(server),
    name.slice(0, 16),
    ageSeconds === null ? 'never' : `${ageText(ageSeconds * 1000)} ago`,
    lateSeconds === null || lateSeconds === 0 ? '' : ageText(lateSeconds * 1000),
    next === null ? 'none' : localTime(next).slice(5),
    verifiedAt === null ? 'never' : localTime(verifiedAt).slice(0, 10),
    problems[0] ?? 'ok',
  ];
}

function storeRow({ name, freeBytes, growthPerDay, daysUntilFull, copies, error }: Report['stores'][number]): string[] {
  return [
    name,
    freeBytes === null ? '' : formatBytes(freeBytes),
    growthPerDay === null ? '' : `${growthPerDay < 0 ? '-' : '+'}${formatBytes(Math.abs(growthPerDay))}`,
    daysUntilFull === null ? '' : countText(daysUntilFull, 'day'),
    copies === null ? '' : copiesText(copies),
    error ?? 'ok',
  ];
}

function copiesText({ pending, failed, lagSeconds }: NonNullable<Report['stores'][number]['copies']>): string {
  if (pending + failed === 0) return 'all';
  return `${pending + failed} missing, ${failed} failed, ${ageText(lagSeconds * 1000)} behind`;
}
