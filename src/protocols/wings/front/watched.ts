/**
 * Requests that are passed to Wings and also change something in Roost: a new token of the node, denied tokens and users,
 * servers that are created or deleted.
 *
 * Promises: the client gets Wings' answer. Roost acts only for the holder of the node's token; other requests are passed,
 * and Wings refuses them. Denials count in Roost before the request is passed, so they hold while Wings is away; a server
 * is removed only after Wings has answered that it is gone, and before that answer is passed on. Never: passes the
 * address that the panel pushes for the node (`update-body.ts`), for any sender.
 */
import { z } from '@hono/zod-openapi';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Failure } from '../../../base/failure.ts';
import { isUuid, parseServerId, type ServerId } from '../../../base/ids.ts';
import type { Log } from '../../../base/log/log.ts';
import type { Timers } from '../../../base/timers.ts';
import type { BackupService } from '../../../jobs/contract.ts';
import { readSmallBody } from '../../../relay/relay.ts';
import type { FlavourFacts } from '../flavours/contract.ts';
import { applySettings, type PanelServers } from '../panel/servers.ts';
import { DenyBody, PermissionsBody, UserBody } from '../routes/revocation.ts';
import type { TokenDenylist } from '../tokens/denylist.ts';
import type { NodeCredentials } from '../tokens/node-credentials.ts';
import type { FrontAnswer } from './answers.ts';
import type { Watched } from './decide.ts';
import type { LentToWings } from './lock.ts';
import { bearerOf, BODY_FAULTS, type Consequence, isPacked, valueOf } from './requests.ts';
import { type PushedUpdate, withoutAddress } from './update-body.ts';

export interface WatchedRequest {
  readonly what: Exclude<Watched, 'socket'>;
  readonly server: string | undefined;
  readonly incoming: IncomingMessage;
  readonly outgoing: ServerResponse;
  readonly expectsContinue: boolean;
}

export interface WatchedDeps {
  readonly facts: Pick<FlavourFacts, 'routes'>;
  readonly credentials: Pick<NodeCredentials, 'matches'>;
  readonly denylist: Pick<TokenDenylist, 'denyTokens' | 'denyUser' | 'permissionsChanged' | 'serverDeleted'>;
  readonly service: Pick<
    BackupService,
    'server' | 'setServer' | 'removeServer' | 'deleteForeignArchives' | 'cancelWork'
  >;
  readonly panel: Pick<PanelServers, 'settings'>;
  /** Wings has taken a push: its configuration may have changed. */
  readonly onUpdate: (wanted: PushedUpdate['wanted']) => Promise<void>;
  readonly lent: Pick<LentToWings, 'takeBack'>;
  readonly timers: Timers;
  readonly log: Log;
}

/**
 * Bytes of an update that bears no token of the node. Its address is taken out all the same, since Wings may know a newer
 * token than Roost; strangers may open thousands of connections.
 */
const STRANGERS_UPDATE = 16 * 1024;
const STRANGERS_TOO_LARGE = { status: 413, error: 'Cannot read the request: its body is larger than 16 KiB' } as const;
/** The panel is asked for settings in the background. */
const ASK_MS = 30_000;

/** @returns how it is passed, a refusal, or undefined when the client is gone. */
export async function watch(
  request: WatchedRequest,
  deps: WatchedDeps,
): Promise<Consequence | FrontAnswer | undefined> {
  const { what, incoming, outgoing, expectsContinue } = request;
  const isPanel = deps.credentials.matches(bearerOf(incoming));
  if (what === 'delete server') return isPanel ? deletion(request.server, deps) : {};
  if (!isPanel && what !== 'update') return {};
  if (expectsContinue) outgoing.writeContinue();
  const body = await readSmallBody(incoming, deps.timers, isPanel ? undefined : STRANGERS_UPDATE);
  if (body === 'gone') return undefined;
  if (body === 'too large' && !isPanel) return STRANGERS_TOO_LARGE;
  if (typeof body === 'string') return BODY_FAULTS[body];
  if (what === 'update') return update(body, isPacked(incoming.headers, deps.facts.routes), deps);
  if (what === 'sync') return { body, onAnswer: settingsAfter(request.server, deps) };
  if (what === 'new server')
    return { body, onAnswer: settingsAfter(uuidIn(valueOf(body, incoming, deps.facts)), deps) };
  revoke(what, request.server, valueOf(body, incoming, deps.facts), deps);
  return { body };
}

function update(bytes: Buffer, packed: boolean, { onUpdate }: WatchedDeps): Consequence | FrontAnswer {
  const pushed = withoutAddress(bytes, packed);
  if (pushed === undefined) return { status: 400, error: 'Cannot read the request body: it is no object' };
  const { body, wanted } = pushed;
  return { body, onAnswer: async (status) => void (isSuccess(status) && (await onUpdate(wanted))) };
}

/** What cannot be read is Wings' to refuse. */
function revoke(what: Watched, server: string | undefined, value: unknown, { denylist, facts }: WatchedDeps): void {
  if (what === 'deny') {
    const { data } = DenyBody.safeParse(value);
    const ids = data?.jtis ?? [];
    if (ids.length > 0) denylist.denyTokens(ids);
  } else if (what === 'deauthorize') {
    const { data } = UserBody.safeParse(value);
    // Wings takes an absent list for all servers; the two must hold the same.
    if (data !== undefined) denylist.denyUser(data.user, data.servers ?? []);
  } else if (what === 'permissions' && facts.routes.changesPermissions === true && isServer(server)) {
    for (const { user, permissions } of PermissionsBody.safeParse(value).data?.user_permissions ?? []) {
      denylist.permissionsChanged({ server: parseServerId(server), user: user.toLowerCase(), permissions });
    }
  }
}

/**
 * Cancels the server's jobs before the request is passed, because they read what Wings deletes. Its backups are removed,
 * if the panel's rules say so, after Wings has answered.
 */
async function deletion(named: string | undefined, deps: WatchedDeps): Promise<Consequence> {
  if (!isServer(named)) return {};
  const server = parseServerId(named);
  await deps.service.cancelWork(server);
  return {
    async onAnswer(status) {
      if (!isSuccess(status) && status !== 404) return;
      try {
        await giveUp(server, deps);
      } catch (error) {
        deps.log.error('Wings has deleted a server, and its backups here could not be dealt with', { server, error });
      }
    },
  };
}

async function giveUp(server: ServerId, { service, facts, denylist, lent }: WatchedDeps): Promise<void> {
  const purge = facts.routes.purgesWithServer === true;
  await lent.takeBack(server);
  try {
    await service.removeServer(server, { backups: purge ? 'delete' : 'keep', cancel: true });
  } catch (error) {
    // One that was never here has nothing to give up.
    if (!(error instanceof Failure) || error.code !== 'server_not_found') throw error;
  }
  if (purge) await service.deleteForeignArchives(server);
  denylist.serverDeleted(server);
}

/** In the background: the panel may be slow, and Wings' answer does not wait for it. */
function settingsAfter(named: string | undefined, deps: WatchedDeps): (status: number) => Promise<void> {
  return async (status) => {
    if (isSuccess(status) && isServer(named)) void takeSettings(parseServerId(named), deps);
  };
}

async function takeSettings(server: ServerId, { panel, service, log }: WatchedDeps): Promise<void> {
  try {
    const settings = await panel.settings(server, AbortSignal.timeout(ASK_MS));
    await applySettings(await service.server(server), settings, service);
  } catch (error) {
    // A new server has no directory until Wings has installed it; the next sync or start reads its settings.
    log.debug('The settings of a server were not taken over', { server, error });
  }
}

function isSuccess(status: number): boolean {
  return status >= 200 && status < 300;
}

function isServer(named: string | undefined): named is string {
  return named !== undefined && isUuid(named);
}

function uuidIn(value: unknown): string | undefined {
  return z.object({ uuid: z.string() }).safeParse(value).data?.uuid.toLowerCase();
}
