/**
 * Download tokens: what a browser or curl presents instead of a bearer token to fetch one archive. Signed with the
 * node's key and not stored, so they outlive a restart and cost nothing to make; valid until they expire, for any
 * number of requests, because download managers and resumed downloads ask many times.
 *
 * Text form: base64url of `v1:<purpose>:<server>:<backup>:<expiry>[:<nonce>]:<hex HMAC-SHA256 of what stands before>`.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { Failure } from '../base/failure.ts';
import { isUuid, type BackupId, type ServerId } from '../base/ids.ts';

/** Five minutes, as the API promises; enough to begin, a running transfer is not cut when it ends. */
export const DOWNLOAD_TOKEN_SECONDS = 300;

// Keeps these signatures apart from any other use of the same key.
const DOMAIN = 'roost download token\n';
// A real token has about 310 characters; what is longer is not worth decoding.
const LONGEST_TOKEN = 1024;
const BASE64URL = /^[A-Za-z0-9_-]+$/;

export interface DownloadGrant {
  /** What the token is for; a token for another purpose opens no download. */
  readonly purpose: string;
  readonly server: ServerId;
  readonly backup: BackupId;
  /** Whole seconds since the Unix epoch; the token is valid before this moment. */
  readonly expiresAt: number;
  /** Text without ":" that makes a token unlike every other of the same grant. */
  readonly nonce?: string;
}

/** @param key the node's secret, at least 32 bytes. */
export function signDownloadToken(grant: DownloadGrant, key: Uint8Array): string {
  const { purpose, server, backup, expiresAt, nonce } = grant;
  const claims = ['v1', purpose, server, backup, expiresAt, ...(nonce === undefined ? [] : [nonce])].join(':');
  return Buffer.from(`${claims}:${signature(claims, key).toString('hex')}`, 'latin1').toString('base64url');
}

/** Where the archive is fetched with a token, below this node's own address. */
export function downloadPath(server: ServerId, token: string): string {
  return `/api/servers/${server}/backups/download?token=${token}`;
}

/**
 * Reads a token that was presented for a backup download of `server`.
 *
 * @param token as it stood in the URL; undefined or empty when there was none.
 * @param now milliseconds since the Unix epoch.
 * @throws Failure `unauthorized` without a token, for a forged and for an expired one; `invalid_request` for a
 *   genuine token of another purpose; `forbidden` for a genuine token of another server.
 */
export function readDownloadToken(token: string | undefined, server: string, now: number, key: Uint8Array): BackupId {
  if (token === undefined || token === '') throw new Failure('unauthorized', 'Download token required');
  const grant = verifiedGrant(token, key);
  if (grant === undefined) throw new Failure('unauthorized', 'Invalid or expired download token');
  if (grant.purpose !== 'backup') throw new Failure('invalid_request', 'Invalid token type');
  if (now >= grant.expiresAt * 1000) {
    throw new Failure('unauthorized', 'Invalid or expired download token', { hint: 'Ask for a new download token.' });
  }
  if (grant.server !== server) throw new Failure('forbidden', 'Token not valid for this server');
  return grant.backup;
}

function verifiedGrant(token: string, key: Uint8Array): DownloadGrant | undefined {
  if (token.length > LONGEST_TOKEN || !BASE64URL.test(token)) return undefined;
  const bytes = Buffer.from(token, 'base64url');
  // The decoder passes over bits that are left at the end: without this, one grant has several tokens, and one that is
  // good for a single use is good for as many.
  if (bytes.toString('base64url') !== token) return undefined;
  const text = bytes.toString('latin1');
  const end = text.lastIndexOf(':');
  if (end < 0) return undefined;
  const claims = text.slice(0, end);
  const presented = Buffer.from(text.slice(end + 1), 'latin1');
  const expected = Buffer.from(signature(claims, key).toString('hex'), 'latin1');
  if (presented.length !== expected.length || !timingSafeEqual(presented, expected)) return undefined;
  const [version, purpose, server, backup, expiry] = claims.split(':');
  if (version !== 'v1' || purpose === undefined || server === undefined || backup === undefined) return undefined;
  if (!isUuid(server) || !isUuid(backup)) return undefined;
  return { purpose, server: server as ServerId, backup: backup as BackupId, expiresAt: Number(expiry) };
}

function signature(claims: string, key: Uint8Array): Buffer {
  return createHmac('sha256', key)
    .update(DOMAIN + claims, 'latin1')
    .digest();
}
