/** Tokens as each panel signs them for its daemon: HS256 with the bytes of the node's token. */
import { createHash, createHmac, randomBytes, randomUUID } from 'node:crypto';
import type { PanelFlavour } from './flavours.ts';

export interface TokenUser {
  readonly id: number;
  readonly uuid: string;
}

export interface TokenSubject {
  readonly flavour: PanelFlavour;
  readonly panelUrl: string;
  readonly daemonUrl: string;
  readonly user: TokenUser;
  readonly server: string;
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** Pterodactyl's newer panels name a scope, as Pelican does; the older ones know none. */
  readonly scoped: boolean;
}

export type Claims = Readonly<Record<string, unknown>>;

const DOWNLOAD_SECONDS = 15 * 60;
const SOCKET_SECONDS = 10 * 60;

export function downloadClaims(subject: TokenSubject, backup: string): Claims {
  const claims = { ...baseClaims(subject, DOWNLOAD_SECONDS, 'backup-download'), backup_uuid: backup };
  // This panel's download tokens say nothing of the server.
  if (subject.flavour === 'calagopus') return { ...claims, unique_id: randomUUID() };
  return { ...claims, server_uuid: subject.server, unique_id: randomBytes(8).toString('hex') };
}

export function socketClaims(subject: TokenSubject, permissions: readonly string[]): Claims {
  const claims = { ...baseClaims(subject, SOCKET_SECONDS, 'websocket'), server_uuid: subject.server, permissions };
  if (subject.flavour !== 'calagopus') return { ...claims, unique_id: randomBytes(8).toString('hex') };
  return { ...claims, user_uuid: subject.user.uuid, use_console_read_permission: false };
}

function baseClaims(
  { flavour, panelUrl, daemonUrl, user, server, now, scoped }: TokenSubject,
  seconds: number,
  scope: string,
) {
  const iat = Math.floor(now / 1000);
  const exp = iat + seconds;
  if (flavour === 'calagopus') {
    // panel e3a32e8b: every token names its scope. P backend websocket.rs, shared server_backup/mod.rs:1059.
    return { scope, iss: 'panel', sub: null, aud: [], exp, nbf: null, iat, jti: user.uuid };
  }
  const algorithm = flavour === 'pelican' ? 'sha256' : 'md5';
  const jti = createHash(algorithm).update(`${user.id}${server}`).digest('hex');
  return {
    iss: panelUrl,
    aud: [daemonUrl],
    jti,
    iat,
    nbf: iat - 300,
    exp,
    user_uuid: user.uuid,
    ...(flavour === 'pterodactyl' ? { user_id: user.id } : {}),
    ...(flavour === 'pelican' || scoped ? { scope } : {}),
  };
}

/** @param header more of the JOSE header. */
export function signToken(claims: Claims, key: string, header: Claims = {}): string {
  const { jti } = claims;
  const text = `${part({ typ: 'JWT', alg: 'HS256', ...(jti === undefined ? {} : { jti }), ...header })}.${part(claims)}`;
  return `${text}.${createHmac('sha256', Buffer.from(key, 'utf8')).update(text).digest('base64url')}`;
}

function part(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}
