/**
 * Tokens of this node's own for `/api/servers/{server}/ws`, in the form of a panel's: the socket asks of them what it
 * asks of a panel's, and they end the same ways.
 */
import { createHash } from 'node:crypto';
import type { ServerId } from '../base/ids.ts';
import { PERMISSIONS } from '../config/types.ts';
import { mayUse, type Caller } from './access.ts';
import { signToken } from './json-web-token.ts';

/** As long as a panel's. */
const LIFE_SECONDS = 600;

/** `iss` of them, by which all can be denied at once when the tokens of the config have changed. */
export const OWN_ISSUER = 'roost';

/** What opens a socket beside the permissions of the caller that are of meaning there. */
const CONNECT = 'websocket.connect';

/**
 * @param address this node's own, as the caller reaches it.
 * @param now milliseconds since the epoch.
 */
export function signSocketToken(caller: Caller, server: ServerId, address: string, now: number, key: Uint8Array) {
  const issuedAt = Math.floor(now / 1000);
  const user = userOf(caller);
  const claims = {
    iss: OWN_ISSUER,
    aud: [address],
    jti: createHash('sha256').update(`${user}${server}`).digest('hex'),
    iat: issuedAt,
    nbf: issuedAt,
    exp: issuedAt + LIFE_SECONDS,
    scope: 'websocket',
    user_uuid: user,
    server_uuid: server,
    permissions: [CONNECT, ...PERMISSIONS.filter((name) => name.startsWith('backup.') && mayUse(caller, name))],
  };
  return signToken(claims, key);
}

/** Sockets know users by UUIDs; this one stands for the token of the config. */
function userOf({ id }: Caller): string {
  const hex = createHash('sha256').update(`token ${id}`).digest('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), `8${hex.slice(13, 16)}`, `8${hex.slice(17, 20)}`, hex.slice(20, 32)].join(
    '-',
  );
}
