/**
 * Refuses requests while a server is being restored: those that Wings refuses during a restore of its own, and writes that
 * the swap would lose. Wings has no way to learn of Roost's restore, so the front refuses for it.
 *
 * Promises: only holders of the node's token, or of a token signed with it, learn of a restore; other requests are
 * passed, and Wings refuses them.
 *
 * Sources: pterodactyl/wings server/power.go, router/router_server_files.go (`ErrServerIsRestoring`); calagopus/panel
 * api-clients/wings-api (`POST /api/servers/power`).
 */
import { z } from '@hono/zod-openapi';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { type BackupId, isUuid, parseServerId, type ServerId } from '../../../base/ids.ts';
import type { Timers } from '../../../base/timers.ts';
import type { BackupService } from '../../../jobs/contract.ts';
import { type RequestHead, readSmallBody } from '../../../relay/relay.ts';
import { signedClaims } from '../../json-web-token.ts';
import type { FlavourFacts } from '../flavours/contract.ts';
import type { NodeCredentials } from '../tokens/node-credentials.ts';
import type { FrontAnswer } from './answers.ts';
import type { Locked } from './decide.ts';
import { bearerOf, BODY_FAULTS, type Consequence, valueOf } from './requests.ts';

export interface LockDeps {
  readonly credentials: Pick<NodeCredentials, 'matches' | 'key'>;
  readonly service: Pick<BackupService, 'isUnderRestore' | 'servers'>;
  readonly facts: Pick<FlavourFacts, 'routes'>;
  readonly lent: Pick<LentToWings, 'lend'>;
  readonly timers: Timers;
}

/** The archives that Wings needs of Roost for a while. */
export interface LentToWings {
  /** Never rejects: what could not be lent is logged, and the transfer goes without it. */
  lend(server: ServerId, backups: readonly BackupId[]): Promise<void>;
  /** Never rejects. */
  takeBack(server: ServerId): Promise<void>;
}

export interface LockedRequest {
  readonly what: Locked;
  readonly server: string | undefined;
  readonly head: Pick<RequestHead, 'query'>;
  readonly incoming: IncomingMessage;
  readonly outgoing: ServerResponse;
  readonly expectsContinue: boolean;
}

export const UNDER_RESTORE = 'This server is being restored from a backup. Try again when that is done.';

const REFUSAL: FrontAnswer = { status: 409, error: UNDER_RESTORE };

/** @returns the refusal, how it is passed, or undefined when the client is gone. */
export async function checkLock(
  request: LockedRequest,
  deps: LockDeps,
): Promise<FrontAnswer | Consequence | undefined> {
  const { what, server, head, incoming } = request;
  if (what === 'upload') return serversOfTokens(head.query, deps).some((id) => isLocked(id, deps)) ? REFUSAL : {};
  if (!deps.credentials.matches(bearerOf(incoming))) return {};
  if (what === 'power of many') return checkMany(request, deps);
  if (isLocked(server, deps)) return REFUSAL;
  return what === 'transfer' && deps.facts.routes.transfersBackups === true ? beforeTransfer(request, deps) : {};
}

/**
 * The daemon sends the archives that it finds in its own directory: those of Roost are put there first.
 *
 * Source: pelican-dev/wings router/router_server_transfer.go, server/transfer/archive.go (`StreamBackups`).
 */
async function beforeTransfer(request: LockedRequest, deps: LockDeps): Promise<FrontAnswer | Consequence | undefined> {
  const { incoming, outgoing, expectsContinue, server = '' } = request;
  if (expectsContinue) outgoing.writeContinue();
  const body = await readSmallBody(incoming, deps.timers);
  if (body === 'gone') return undefined;
  if (typeof body === 'string') return BODY_FAULTS[body];
  const { data } = z.object({ backups: z.array(z.string()) }).safeParse(valueOf(body, incoming, deps.facts));
  const backups = data?.backups.map((id) => id.toLowerCase()).filter(isUuid) ?? [];
  if (isUuid(server.toLowerCase())) await deps.lent.lend(parseServerId(server.toLowerCase()), backups as BackupId[]);
  return { body };
}

/** One that is being restored refuses it for all: the caller sees which change was not made. */
async function checkMany({ incoming, outgoing, expectsContinue }: LockedRequest, deps: LockDeps) {
  if (expectsContinue) outgoing.writeContinue();
  const body = await readSmallBody(incoming, deps.timers);
  if (body === 'gone') return undefined;
  if (typeof body === 'string') return BODY_FAULTS[body];
  const { data } = Many.safeParse(valueOf(body, incoming, deps.facts));
  const named = data === undefined || data.servers === 'all' ? await allServers(deps) : data.servers;
  return named.some((id) => isLocked(id, deps)) ? REFUSAL : { body };
}

/**
 * A list in the first panels that had it; a choice later. What cannot be read counts as all: Wings may read it.
 *
 * Source: calagopus/panel 76dfc96 api-clients/wings-api/src/extra.rs (`ServerSelector`).
 */
const Many = z.object({
  servers: z.union([
    z.array(z.string()),
    z.object({ type: z.literal('uuids'), uuids: z.array(z.string()) }).transform(({ uuids }) => uuids),
    z.object({ type: z.literal('all') }).transform(() => 'all' as const),
  ]),
});

async function allServers({ service }: LockDeps): Promise<readonly string[]> {
  return (await service.servers()).map(({ id }) => id);
}

/** All of them: which of several Wings takes is its own. */
function serversOfTokens(query: string, { credentials }: LockDeps): readonly string[] {
  const tokens = new URLSearchParams(query).getAll('token');
  return tokens.flatMap((token) => {
    const server = signedClaims(token, credentials.key)?.['server_uuid'];
    return typeof server === 'string' ? [server] : [];
  });
}

function isLocked(named: string | undefined, { service }: LockDeps): boolean {
  const id = named?.toLowerCase() ?? '';
  return isUuid(id) && service.isUnderRestore(parseServerId(id));
}
