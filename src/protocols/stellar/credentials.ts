/** The credentials of both generations of this panel, compared in constant time. */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { Clock } from '../../base/clock.ts';
import { Failure } from '../../base/failure.ts';
import type { PanelConfig } from '../../config/types.ts';
import type { Caller } from '../access.ts';

type Connection = NonNullable<PanelConfig['connection']>;

export const PANEL_CALLER: Caller = { id: 'panel', dialect: 'stellar', permissions: ['*'], servers: ['*'] };

/** `Bearer <id>.<token>`. A bearer without the node's id is no credential of this panel. */
export function bearerCheck({ tokenId, token }: Connection): (headers: Headers) => boolean {
  const known = digest(`Bearer ${tokenId}.${token.reveal()}`);
  return (headers) => timingSafeEqual(known, digest(headers.get('authorization') ?? ''));
}

/** Allowed difference of the clocks, as in the panel's own daemon. */
const SKEW_SECONDS = 60;

/**
 * How long after its first use a header set is accepted. The signature covers node and second only, so all calls of one
 * second carry the same headers; a later use is a copy.
 */
const FRESH_MS = 3000;

const SIGNATURE = /^Bearer ([0-9a-f]{64})$/;
const TIMESTAMP = /^\d{1,12}$/;

/**
 * `X-Stellar-Node-Id`, `X-Stellar-Timestamp` and `Authorization: Bearer <hex HMAC-SHA256 of "<node>|<timestamp>">`,
 * keyed with the bytes that the panel's token spells in hex.
 *
 * Refuses a header set later than `FRESH_MS` after its first use, and one signed before this daemon started, whose
 * earlier uses are not known.
 *
 * @throws Failure `config_invalid` when the token is not hex.
 */
export function signatureCheck({ tokenId, token }: Connection, clock: Clock): (headers: Headers) => boolean {
  const key = signingKey(token.reveal());
  const startedAt = Math.floor(clock.now() / 1000);
  const firstUses = new Map<string, number>();
  return (headers) => {
    const node = headers.get('x-stellar-node-id') ?? '';
    const timestamp = headers.get('x-stellar-timestamp') ?? '';
    const [, presented = ''] = SIGNATURE.exec(headers.get('authorization') ?? '') ?? [];
    const expected = createHmac('sha256', key).update(`${node}|${timestamp}`).digest('hex');
    const genuine = timingSafeEqual(digest(presented), digest(expected)) && node === tokenId;
    if (!genuine || !TIMESTAMP.test(timestamp)) return false;
    const second = Number(timestamp);
    const now = clock.now();
    if (Math.abs(now / 1000 - second) > SKEW_SECONDS || second < startedAt) return false;
    return firstUse(firstUses, timestamp, clock.monotonic()) + FRESH_MS >= clock.monotonic();
  };
}

function signingKey(hex: string): Buffer {
  if (/^([0-9a-f]{2})+$/i.test(hex)) return Buffer.from(hex, 'hex');
  throw new Failure('config_invalid', 'Cannot check what the panel signs: panel.token is not the key in hex', {
    hint: 'Copy the signing key of this node from the panel, digits and letters a to f.',
  });
}

/** Call it only with genuine timestamps within the skew; the map is then bounded by the seconds of the skew. */
function firstUse(firstUses: Map<string, number>, timestamp: string, now: number): number {
  for (const [known, at] of firstUses) {
    if (now - at > 3 * SKEW_SECONDS * 1000) firstUses.delete(known);
  }
  const first = firstUses.get(timestamp) ?? now;
  firstUses.set(timestamp, first);
  return first;
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text, 'latin1').digest();
}
