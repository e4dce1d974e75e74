/**
 * Download tokens: a browser or curl presents one instead of a bearer token to fetch one archive, or some of it. They are
 * signed and not stored, so they survive a restart (those of a selection do not: it is kept in memory), and valid for any number of requests until they expire, because download
 * managers ask many times.
 *
 * Text form: base64url of `v1:<purpose>:<server>:<backup>:<expiry>[:<nonce>]:<hex HMAC-SHA256 of what stands before>`.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { Failure } from '../base/failure.ts';
import { isUuid, type BackupId, type ServerId } from '../base/ids.ts';

/** Promised by the API. A running transfer is not cut when the token expires. */
export const DOWNLOAD_TOKEN_SECONDS = 300;

// Separates these signatures from other uses of the key.
const DOMAIN = 'roost download token\n';
// Real tokens have about 310 characters.
const LONGEST_TOKEN = 1024;
const BASE64URL = /^[A-Za-z0-9_-]+$/;

export interface DownloadGrant {
  /** `backup`: all of it; `files`: the selection that `nonce` names. A token for another purpose opens no download. */
  readonly purpose: string;
  readonly server: ServerId;
  readonly backup: BackupId;
  /** Whole seconds since the epoch; valid before this moment. */
  readonly expiresAt: number;
  /** Text without ":" that makes the token unique, or names a selection. */
  readonly nonce?: string | undefined;
}

/** @param key the node's secret, at least 32 bytes. */
export function signDownloadToken(grant: DownloadGrant, key: Uint8Array): string {
  const { purpose, server, backup, expiresAt, nonce } = grant;
  const claims = ['v1', purpose, server, backup, expiresAt, ...(nonce === undefined ? [] : [nonce])].join(':');
  return Buffer.from(`${claims}:${signature(claims, key).toString('hex')}`, 'latin1').toString('base64url');
}

export function downloadPath(server: ServerId, token: string): string {
  return `/api/servers/${server}/backups/download?token=${token}`;
}

/**
 * Reads the token of a download of `server`.
 *
 * @param token from the URL; undefined or empty when absent.
 * @param now milliseconds since the epoch.
 * @throws Failure `unauthorized` when absent, forged or expired; `invalid_request` for another purpose; `forbidden` for
 *   another server.
 */
export function readDownloadToken(
  token: string | undefined,
  server: string,
  now: number,
  key: Uint8Array,
): DownloadGrant {
  if (token === undefined || token === '') throw new Failure('unauthorized', 'Download token required');
  const grant = verifiedGrant(token, key);
  if (grant === undefined) throw new Failure('unauthorized', 'Invalid or expired download token');
  if (grant.purpose !== 'backup' && grant.purpose !== 'files')
    throw new Failure('invalid_request', 'Invalid token type');
  if (now >= grant.expiresAt * 1000) throw expiredToken();
  if (grant.server !== server) throw new Failure('forbidden', 'Token not valid for this server');
  return grant;
}

export function expiredToken(): Failure {
  return new Failure('unauthorized', 'Invalid or expired download token', { hint: 'Ask for a new download token.' });
}

function verifiedGrant(token: string, key: Uint8Array): DownloadGrant | undefined {
  if (token.length > LONGEST_TOKEN || !BASE64URL.test(token)) return undefined;
  const bytes = Buffer.from(token, 'base64url');
  // The decoder ignores trailing bits, so one grant would have several valid spellings.
  if (bytes.toString('base64url') !== token) return undefined;
  const text = bytes.toString('latin1');
  const end = text.lastIndexOf(':');
  if (end < 0) return undefined;
  const claims = text.slice(0, end);
  const presented = Buffer.from(text.slice(end + 1), 'latin1');
  const expected = Buffer.from(signature(claims, key).toString('hex'), 'latin1');
  if (presented.length !== expected.length || !timingSafeEqual(presented, expected)) return undefined;
  const [version, purpose, server, backup, expiry, nonce] = claims.split(':');
  if (version !== 'v1' || purpose === undefined || server === undefined || backup === undefined) return undefined;
  if (!isUuid(server) || !isUuid(backup)) return undefined;
  return { purpose, server: server as ServerId, backup: backup as BackupId, expiresAt: Number(expiry), nonce };
}

function signature(claims: string, key: Uint8Array): Buffer {
  return createHmac('sha256', key)
    .update(DOMAIN + claims, 'latin1')
    .digest();
}
