/** `roost web`: a link that opens the page signed in, once. */
import { type Command, InvalidArgumentError } from 'commander';
import * as z from 'zod';
import { ApiClient, endpoint } from './client/api-client.ts';
import { findConnection } from './client/connection.ts';
import { ask } from './client/objects.ts';
import { type DaemonOptions, findServer, nodeCommand } from './client/target.ts';
import { conclude, type Invocation, type Outcome } from './command.ts';

const Link = z.looseObject({ code: z.string(), url: z.string(), expiresAt: z.string() });

const MOST_MINUTES = 24 * 60;
/** All that an owner does with one server. */
const OWNER = ['backup.read', 'backup.create', 'backup.download', 'backup.restore', 'backup.delete'];

interface WebOptions extends DaemonOptions {
  readonly server?: string;
  readonly minutes: number;
}

export function addWeb(program: Command, invocation: Invocation): void {
  nodeCommand(program, 'web', 'Print a link that opens the page signed in; it works once')
    .option('--server <server>', 'for this server alone, by name, id or start of id: a link for its owner')
    .option('--minutes <count>', 'how long the link can be used', minutes, 15)
    .action((options: WebOptions) => conclude(invocation, options, web(invocation, options)));
}

async function web(invocation: Invocation, options: WebOptions): Promise<Outcome> {
  const client = new ApiClient(await findConnection(invocation.env, options.config));
  const { minutes } = options;
  const narrow =
    options.server === undefined
      ? {}
      : { servers: [(await findServer(invocation, options, options.server)).server], permissions: OWNER };
  const link = await signInLink(client, { minutes, ...narrow }, invocation.signal);
  return { json: link, text: link.url };
}

/** A one-time link whose address is whole: below the address that the client asks, where the daemon knows no other. */
export async function signInLink(
  client: ApiClient,
  wish: Readonly<Record<string, unknown>>,
  signal: AbortSignal,
): Promise<z.infer<typeof Link>> {
  const link = await ask(client, { method: 'POST', path: '/api/session/links', body: wish, signal }, Link);
  return { ...link, url: link.url.startsWith('/') ? endpoint(client.connection.url, link.url).href : link.url };
}

function minutes(text: string): number {
  const count = /^\d{1,4}$/.test(text) ? Number(text) : 0;
  if (count < 1 || count > MOST_MINUTES) throw new InvalidArgumentError(`It is 1 to ${MOST_MINUTES}.`);
  return count;
}
