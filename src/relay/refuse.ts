/**
 * Sends answers in place of the other server, and drains request bodies that are not needed any more.
 *
 * When a connection is closed with unread bytes, the kernel resets it, and a client that is still sending never sees the
 * answer. So the rest of the body is read and dropped for a while first.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Timers } from '../base/timers.ts';

export interface OwnAnswer {
  readonly status: number;
  /** Names and values by turns. */
  readonly headers: readonly string[];
  readonly body: string | Uint8Array;
}

const DRAIN_MS = 30_000;
const DRAIN_BYTES = 64 * 1024 * 1024;
/** After the bounds above, the connection stays open this long, so that the client can read the answer. */
const LINGER_MS = 500;

/** Answers, and reads the rest of the body within bounds. Nothing when an answer has begun already. */
export function answerOwn(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  { status, headers, body }: OwnAnswer,
  timers: Timers,
): void {
  if (outgoing.headersSent || outgoing.destroyed) return void outgoing.destroy();
  const bytes = Buffer.from(body);
  outgoing.sendDate = true;
  outgoing.writeHead(status, [...headers, 'Content-Length', String(bytes.length)]);
  outgoing.end(incoming.method === 'HEAD' ? undefined : bytes);
  if (!incoming.complete) drain(incoming, timers);
}

/** Reads and drops what is left of a body; beyond the bounds the connection is ended. */
export function drain(incoming: IncomingMessage, timers: Timers): void {
  const { socket } = incoming;
  let dropped = 0;
  let cancel = timers.after(DRAIN_MS, cut);
  function count(chunk: Buffer): void {
    dropped += chunk.length;
    if (dropped > DRAIN_BYTES) cut();
  }
  /** Node emits no `close` for a request that was answered, so the connection's event is used. */
  function over(): void {
    cancel();
    incoming.off('data', count).off('end', over);
    socket.off('close', over);
  }
  function cut(): void {
    cancel();
    incoming.off('data', count);
    socket.end();
    cancel = timers.after(LINGER_MS, () => void socket.destroy());
  }
  incoming.on('data', count).once('end', over);
  socket.once('close', over);
  incoming.resume();
}
