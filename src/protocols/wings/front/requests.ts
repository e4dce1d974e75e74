/** What watched and locked requests have in common: the node's token, and bodies that are read before they are passed. */
import type { IncomingMessage } from 'node:http';

/** How a request that was looked at goes on. */
export interface Consequence {
  /** Passed in place of the body that came; undefined where that is still to be streamed. */
  readonly body?: Buffer;
  readonly onAnswer?: (status: number) => Promise<void>;
}

export const BODY_FAULTS = {
  'too large': { status: 413, error: 'Cannot read the request: its body is larger than 1 MiB' },
  'too slow': { status: 408, error: 'Cannot read the request: it took too long to arrive' },
} as const;

export function bearerOf({ headers }: IncomingMessage): string {
  return /^Bearer (.+)$/.exec(headers.authorization ?? '')?.[1] ?? '';
}

/** @returns undefined for what is no JSON. */
export function jsonOf(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    return undefined;
  }
}
