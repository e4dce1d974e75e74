/** `roost jobs`: what is queued, runs, and has ended in the last days. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import * as z from 'zod';
import { ApiClient } from '../client/api-client.ts';
import { findConnection } from '../client/connection.ts';
import { ask } from '../client/objects.ts';
import { type DaemonOptions, findServer, nodeCommand } from '../client/target.ts';
import { conclude, type Invocation, type Outcome } from '../command.ts';
import { table } from '../terminal/table.ts';
import { localTime } from '../terminal/time.ts';
import { shortId } from '../terminal/short-id.ts';

const KINDS = ['backup', 'restore', 'verify', 'delete'];
const STATES = ['queued', 'running', 'done', 'failed', 'cancelled'];
const MOST = 1000;
const HEADINGS = ['ID', 'KIND', 'SERVER', 'BACKUP', 'STATE', 'CREATED', 'BY', 'NOTE'];

const Jobs = z.looseObject({
  jobs: z.array(
    z.looseObject({
      id: z.string(),
      kind: z.string(),
      undo: z.boolean().nullish(),
      copy: z.string().nullish(),
      server: z.string(),
      backup: z.string(),
      state: z.string(),
      createdAt: z.string(),
      position: z.number().nullish(),
      progress: z.looseObject({ bytesDone: z.number(), bytesTotal: z.number() }).nullish(),
      error: z.looseObject({ code: z.string(), message: z.string() }).nullish(),
      caller: z.looseObject({ by: z.string(), token: z.string().nullish() }).nullish(),
    }),
  ),
});
type Job = z.infer<typeof Jobs>['jobs'][number];

interface JobsOptions extends DaemonOptions {
  readonly server?: string;
  readonly kind?: string;
  readonly state?: string;
  readonly limit: string;
}

export function addJobs(program: Command, invocation: Invocation): void {
  nodeCommand(program, 'jobs', 'List what is queued, runs, and has ended in the last days, newest first')
    .option('--server <server>', 'only those of this server, by name, id or start of id')
    .addOption(new Option('--kind <kind>', 'only those').choices(KINDS))
    .addOption(new Option('--state <state>', 'only those').choices(STATES))
    .option('--limit <count>', `at most so many, up to ${MOST}`, parseLimit, '50')
    .action((options: JobsOptions) => conclude(invocation, options, list(invocation, options)));
}

async function list(invocation: Invocation, options: JobsOptions): Promise<Outcome> {
  const { env, signal, terminal } = invocation;
  const { config, server, kind, state, limit } = options;
  const client = new ApiClient(await findConnection(env, config));
  const query = new URLSearchParams({ limit });
  if (server !== undefined) query.set('server', (await findServer(invocation, options, server)).server);
  if (kind !== undefined) query.set('kind', kind);
  if (state !== undefined) query.set('state', state);
  const found = await ask(client, { method: 'GET', path: `/api/jobs?${query.toString()}`, signal }, Jobs);
  return {
    json: found,
    text: found.jobs.length === 0 ? 'There are no such jobs.' : table(HEADINGS, found.jobs.map(rowOf), terminal.style),
  };
}

function rowOf(job: Job): string[] {
  const { id, server, backup, state, createdAt, caller } = job;
  const kind = job.undo === true ? 'undo' : typeof job.copy === 'string' ? `verify (${job.copy})` : job.kind;
  const short = [server, backup].map(shortId);
  return [shortId(id), kind, ...short, state, localTime(createdAt), caller?.token ?? caller?.by ?? '', noteOf(job)];
}

function noteOf({ error, state, position, progress }: Job): string {
  if ((error ?? undefined) !== undefined) return error?.message ?? '';
  if (state === 'queued' && typeof position === 'number') return `place ${position}`;
  const { bytesDone = 0, bytesTotal = 0 } = progress ?? {};
  return state === 'running' && bytesTotal > 0 ? `${Math.floor((bytesDone / bytesTotal) * 100)} %` : '';
}

function parseLimit(text: string): string {
  if (/^[1-9]\d{0,3}$/.test(text) && Number(text) <= MOST) return text;
  throw new InvalidArgumentError(`It is 1 to ${MOST}.`);
}
