/**
 * What a panel's JSON Web Token has to say to open a socket or a download, for each panel: the checks of its own daemon.
 * Pure. A token is first read (signature, and the type of every claim that counts), then asked for objections, since a
 * socket asks again and again while its token grows old.
 */
import type { ServerId } from '../../../base/ids.ts';
import { signedClaims } from '../../json-web-token.ts';
import type { TokenFacts } from '../flavours/contract.ts';
import { CONNECT, type Objection, type PanelToken, permits, tokenOf, type TokenUse } from './panel-token.ts';

/** What was taken back from tokens that look good. */
export interface Denials {
  /** Whole seconds since the epoch: what was issued earlier is not remembered. */
  readonly startedAt: number;
  isDenied(token: PanelToken, server: ServerId | undefined): boolean;
}

const SCOPE: Readonly<Record<TokenUse, string>> = { socket: 'websocket', download: 'backup-download' };

/**
 * The claims of a token whose signature holds and whose claims have the right types; undefined for anything else.
 *
 * @param key the bytes of the node's token.
 */
export function readToken(text: string, key: Uint8Array, use: TokenUse, facts: TokenFacts): PanelToken | undefined {
  const claims = signedClaims(text, key);
  const token = claims === undefined ? undefined : tokenOf(claims, use);
  if (token === undefined) return undefined;
  return facts.lackingIsMalformed && lacks(token, facts.needs[use]) ? undefined : token;
}

/**
 * @param server whose socket or backup it is about to open; undefined while that is not known.
 * @param now milliseconds since the epoch.
 */
export function objectionTo(
  token: PanelToken,
  server: ServerId | undefined,
  now: number,
  denials: Denials,
  facts: TokenFacts,
): Objection | undefined {
  // Valid up to the very moment that it names. A token that never ends is one that has ended.
  if (token.expiresAt === undefined || now > token.expiresAt * 1000) return 'expired';
  if (facts.refusesFuture && !begun(token, now)) return 'too early';
  if (isOld(token, denials.startedAt, facts)) return 'denied';
  if (lacks(token, facts.needs[token.use]) || denials.isDenied(token, server)) return 'denied';
  return isPermitted(token, facts) ? undefined : 'not permitted';
}

function lacks(token: PanelToken, names: readonly (keyof PanelToken)[]): boolean {
  return names.some((name) => token[name] === undefined || (name === 'user' && token.user === ''));
}

function begun({ issuedAt, notBefore }: PanelToken, now: number): boolean {
  const second = Math.floor(now / 1000);
  return (issuedAt ?? 0) <= second && (notBefore ?? 0) <= second;
}

// Whole seconds on both sides: what was issued in the second of the start is newer than it, as far as can be told.
function isOld({ use, issuedAt }: PanelToken, startedAt: number, { refusesOlderDownloads }: TokenFacts): boolean {
  if (use === 'download' && !refusesOlderDownloads) return false;
  return issuedAt === undefined || issuedAt < startedAt;
}

function isPermitted(token: PanelToken, { needsScope }: TokenFacts): boolean {
  if (token.scopes === undefined ? needsScope : !token.scopes.includes(SCOPE[token.use])) return false;
  return token.use === 'download' || permits(token, CONNECT);
}
