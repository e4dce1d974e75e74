/** What watched and locked requests have in common: the node's token, and bodies that are read before they are passed. */
import type { IncomingMessage } from 'node:http';
import type { FlavourFacts } from '../flavours/contract.ts';
import { valueIn } from '../requests/body.ts';
import { isMessagePack } from '../requests/message-pack.ts';

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

/** @returns undefined for what cannot be read: it is passed, and is Wings' to refuse. */
export function valueOf(
  body: Buffer,
  { headers }: Pick<IncomingMessage, 'headers'>,
  { routes }: Pick<FlavourFacts, 'routes'>,
): unknown {
  return valueIn(body, isPacked(headers, routes));
}

/** True for a body in MessagePack, from a panel that sends such ones. */
export function isPacked(
  headers: IncomingMessage['headers'],
  { messagePack }: Pick<FlavourFacts['routes'], 'messagePack'>,
): boolean {
  return messagePack === true && isMessagePack(headers['content-type']);
}
