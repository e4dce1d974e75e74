/**
 * Authenticates callers. The config's bearer tokens are kept as hashes, and each is compared in constant time, so that
 * timing shows neither a partial match nor a position. Other dialects have their own `identify`; the first that accepts
 * the credential names the caller.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { MiddlewareHandler } from 'hono';
import type { Log } from '../../base/log/log.ts';
import type { TokenConfig } from '../../config/types.ts';
import type { Caller } from '../access.ts';
import type { AppContext, AppEnv, Dialect } from '../dialect.ts';

export type TokenCheck = (secret: Buffer) => Caller | undefined;

// Longer than any secret: bounds the hashing.
const LONGEST_SECRET = 4096;

export function createTokenCheck(tokens: readonly TokenConfig[]): TokenCheck {
  const known = tokens
    // An empty secret would admit callers without one.
    .filter(({ secret }) => secret.reveal() !== '')
    .map(({ id, secret, permissions, servers, limits }) => ({
      hash: sha256(Buffer.from(secret.reveal(), 'utf8')),
      caller: { id, dialect: 'native', permissions, servers, limits: limits ?? undefined } satisfies Caller,
    }));
  return (secret) => {
    const presented = sha256(secret.subarray(0, LONGEST_SECRET));
    let found: Caller | undefined;
    for (const { hash, caller } of known) if (timingSafeEqual(hash, presented)) found = caller;
    return secret.length > LONGEST_SECRET ? undefined : found;
  };
}

/** The bytes of `Authorization: Bearer …`, or undefined. Node decodes headers as latin1. */
export function bearerSecret(headers: Headers): Buffer | undefined {
  const [, secret] = /^bearer +(\S+)$/i.exec(headers.get('authorization')?.trim() ?? '') ?? [];
  return secret === undefined ? undefined : Buffer.from(secret, 'latin1');
}

/**
 * Sets the caller before any route, and refuses none. An unknown credential is logged; the route then answers in its
 * dialect.
 */
export function identifyCaller(
  dialects: readonly Dialect[],
  addressOf: (c: AppContext) => string,
  log: Log,
): MiddlewareHandler<AppEnv> {
  return async function identifyCaller(c, next) {
    const headers = c.req.raw.headers;
    let caller: Caller | undefined;
    for (const dialect of dialects) caller ??= dialect.identify?.(headers, addressOf(c));
    c.set('caller', caller);
    if (caller === undefined && headers.has('authorization')) {
      log.warn('Unknown credential', { requestId: c.get('requestId'), address: addressOf(c), path: c.req.path });
    }
    await next();
  };
}

function sha256(bytes: Buffer): Buffer {
  return createHash('sha256').update(bytes).digest();
}
