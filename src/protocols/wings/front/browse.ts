/** Decides whether a file request looks into a backup that Roost has. Only those are served here; others go to Wings. */
import type { IncomingMessage } from 'node:http';
import { isUuid, parseBackupId } from '../../../base/ids.ts';
import type { BackupService } from '../../../jobs/contract.ts';
import type { RequestHead } from '../../../relay/relay.ts';
import { type BrowsedPath, browsedPath } from '../browse/browsed-path.ts';
import { fileClaims } from '../browse/file-claims.ts';
import type { NodeCredentials } from '../tokens/node-credentials.ts';
import { bearerOf } from './requests.ts';

export interface BrowseLook {
  readonly credentials: Pick<NodeCredentials, 'matches' | 'key'>;
  readonly service: Pick<BackupService, 'findBackup'>;
}

export interface BrowseRequest {
  readonly head: Pick<RequestHead, 'query'>;
  readonly incoming: IncomingMessage;
  /** From the path; undefined for a link, whose token names the server. */
  readonly server: string | undefined;
}

/** False also for a caller without the right, whom Wings then refuses. Never rejects. */
export async function looksIntoBackup(request: BrowseRequest, deps: BrowseLook): Promise<boolean> {
  const asked = askedOf(request, deps);
  if (asked === undefined) return false;
  try {
    return (await deps.service.findBackup(asked.backup)).server === asked.server;
  } catch {
    return false;
  }
}

/** Never rejects: of backups that Roost does not have, Wings may know. */
export async function asksOfBackup(
  { incoming, backup }: { readonly incoming: IncomingMessage; readonly backup: string },
  { credentials, service }: BrowseLook,
): Promise<boolean> {
  const id = backup.toLowerCase();
  if (!credentials.matches(bearerOf(incoming)) || !isUuid(id)) return false;
  try {
    await service.findBackup(parseBackupId(id));
    return true;
  } catch {
    return false;
  }
}

function askedOf(
  { head, incoming, server }: BrowseRequest,
  { credentials }: BrowseLook,
): (BrowsedPath & { readonly server: string }) | undefined {
  const query = new URLSearchParams(head.query);
  if (server === undefined) {
    const claims = fileClaims(query.get('token') ?? '', credentials.key);
    const path = claims === undefined ? undefined : browsedPath(claims.path);
    return claims === undefined || path === undefined ? undefined : { ...path, server: claims.server };
  }
  const path = browsedPath(query.get('file') ?? query.get('root') ?? query.get('directory') ?? '');
  const isPanel = path !== undefined && credentials.matches(bearerOf(incoming));
  return isPanel && isUuid(server.toLowerCase()) ? { ...path, server: server.toLowerCase() } : undefined;
}
