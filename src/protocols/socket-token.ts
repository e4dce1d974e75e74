/**
 * This node's own tokens for `/api/servers/{server}/ws`, in the form of a panel's, so that the socket treats both
 * alike.
 */
import { createHash } from 'node:crypto';
import type { ServerId } from '../base/ids.ts';
import { PERMISSIONS } from '../config/types.ts';
import { mayUse, type Caller } from './access.ts';
import { signToken } from './json-web-token.ts';

const LIFE_SECONDS = 600;

/** Their `iss`: denies all of them when the config's tokens change. */
export const OWN_ISSUER = 'roost';

/** The permission to open a socket, added to those of the caller that count there. */
const CONNECT = 'websocket.connect';

/**
 * @param address this node's, as the caller reaches it.
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

/** A UUID for the config's token, since sockets identify users by UUIDs. */
function userOf({ id }: Caller): string {
  const hex = createHash('sha256').update(`token ${id}`).digest('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), `8${hex.slice(13, 16)}`, `8${hex.slice(17, 20)}`, hex.slice(20, 32)].join(
    '-',
  );
}
