/**
 * JSON Web Tokens as panels sign them for their daemons, and as this node signs its own: HS256 only (RFC 7515, RFC 7518
 * 3.2).
 */
import { createHmac, timingSafeEqual } from 'node:crypto';

// Panels' tokens have some hundred characters.
const LONGEST_TOKEN = 8192;
const COMPACT = /^([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]{43})$/;

/**
 * The claims of a token with a good signature; undefined for anything else. Times are not checked.
 *
 * @param key the shared secret's bytes.
 */
export function signedClaims(token: string, key: Uint8Array): Readonly<Record<string, unknown>> | undefined {
  const [, header, payload, signature] = token.length > LONGEST_TOKEN ? [] : (COMPACT.exec(token) ?? []);
  if (header === undefined || payload === undefined || signature === undefined) return undefined;
  const expected = createHmac('sha256', key).update(`${header}.${payload}`, 'latin1').digest();
  const presented = Buffer.from(signature, 'base64url');
  if (presented.length !== expected.length || !timingSafeEqual(presented, expected)) return undefined;
  // "none" has no good signature; a token for another algorithm is refused too.
  const head = decoded(header);
  if (head?.['alg'] !== 'HS256') return undefined;
  // RFC 7515 4.1.11: what `crit` names must be understood, and no extension is.
  return Object.hasOwn(head, 'crit') ? undefined : decoded(payload);
}

function decoded(part: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString('utf8'));
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}

export function signToken(claims: Readonly<Record<string, unknown>>, key: Uint8Array): string {
  const text = `${encoded({ typ: 'JWT', alg: 'HS256' })}.${encoded(claims)}`;
  return `${text}.${createHmac('sha256', key).update(text, 'latin1').digest('base64url')}`;
}

function encoded(value: Readonly<Record<string, unknown>>): string {
  return Buffer.from(JSON.stringify(value), 'utf8').toString('base64url');
}
