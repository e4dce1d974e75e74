/**
 * Whether a panel's JSON Web Token opens a socket or a download.
 *
 * For: sockets and downloads. Promises: the checks of each panel's own daemon, as its `TokenFacts` say; pure. A token
 * is read once (signature, types of claims) and checked again and again, as it grows old. Never: compares the server.
 */
import type { ServerId } from '../../../base/ids.ts';
import { signedClaims } from '../../json-web-token.ts';
import type { TokenFacts } from '../flavours/contract.ts';
import { CONNECT, type Objection, type PanelToken, permits, tokenOf, type TokenUse } from './panel-token.ts';

/** What the denylist knows of tokens that look good. */
export interface Denials {
  /** Whole seconds since the epoch; denials of tokens issued earlier are not known. */
  readonly startedAt: number;
  isDenied(token: PanelToken, server: ServerId | undefined): boolean;
}

const SCOPE: Readonly<Record<TokenUse, string>> = {
  socket: 'websocket',
  download: 'backup-download',
  files: 'file-download',
};

/**
 * The claims of a token with a good signature and well-typed claims; undefined for anything else.
 *
 * @param key the bytes of the node's token.
 */
export function readToken(text: string, key: Uint8Array, use: TokenUse, facts: TokenFacts): PanelToken | undefined {
  const claims = signedClaims(text, key);
  const token = claims === undefined ? undefined : tokenOf(claims, use, facts.scopesBetween);
  if (token === undefined) return undefined;
  return facts.lackingIsMalformed && lacks(token, facts.needs[use] ?? []) ? undefined : token;
}

/**
 * @param server of the socket or backup to open; undefined while unknown.
 * @param now milliseconds since the epoch.
 */
export function objectionTo(
  token: PanelToken,
  server: ServerId | undefined,
  now: number,
  denials: Denials,
  facts: TokenFacts,
): Objection | undefined {
  // Valid up to and including `exp`. A token without `exp` counts as expired.
  if (token.expiresAt === undefined || now > token.expiresAt * 1000) return 'expired';
  const early = facts.refusesFuture ? tooEarly(token, now, facts) : undefined;
  if (early !== undefined) return early;
  if (isOld(token, denials.startedAt, facts)) return 'denied';
  if (lacks(token, facts.needs[token.use] ?? []) || denials.isDenied(token, server)) return 'denied';
  return isPermitted(token, facts) ? undefined : 'not permitted';
}

function lacks(token: PanelToken, names: readonly (keyof PanelToken)[]): boolean {
  return names.some((name) => token[name] === undefined || (name === 'user' && token.user === ''));
}

function tooEarly(
  { issuedAt = 0, notBefore = 0 }: PanelToken,
  now: number,
  { aheadBy = 0 }: TokenFacts,
): Objection | undefined {
  const latest = Math.floor(now / 1000) + aheadBy;
  if (notBefore > latest) return 'too early';
  return issuedAt > latest ? 'issued too early' : undefined;
}

// Both are whole seconds: a token of the start's own second counts as newer.
function isOld({ use, issuedAt }: PanelToken, startedAt: number, { refusesOlderDownloads }: TokenFacts): boolean {
  if (use !== 'socket' && !refusesOlderDownloads) return false;
  return issuedAt === undefined || issuedAt < startedAt;
}

function isPermitted(token: PanelToken, { needsScope }: TokenFacts): boolean {
  if (token.scopes === undefined ? needsScope : !token.scopes.includes(SCOPE[token.use])) return false;
  return token.use !== 'socket' || permits(token, CONNECT);
}
