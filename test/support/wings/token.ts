import { createHmac } from 'node:crypto';

/** The claims of a token that this key has signed. */
export function claimsOf(token: string, key: string): Readonly<Record<string, unknown>> | undefined {
  const [header, payload, signature] = token.split('.');
  const expected = createHmac('sha256', key).update(`${header}.${payload}`).digest('base64url');
  if (payload === undefined || signature !== expected) return undefined;
  return JSON.parse(Buffer.from(payload, 'base64url').toString('utf8')) as Readonly<Record<string, unknown>>;
}
