/** Reads a small body whole, before it is decided what to pass on. */
import type { IncomingMessage } from 'node:http';
import type { Timers } from '../base/timers.ts';

const PEEK_BYTES = 1024 * 1024;
const PEEK_MS = 120_000;

/** `too slow`: the body did not arrive within two minutes; `gone`: the client disconnected. */
export type PeekFault = 'too large' | 'too slow' | 'gone';

/** Never rejects. After `too large` or `too slow`, the caller drains the rest of the body. */
export async function readSmallBody(
  incoming: IncomingMessage,
  timers: Timers,
  most = PEEK_BYTES,
): Promise<Buffer | PeekFault> {
  const { promise, resolve } = Promise.withResolvers<Buffer | PeekFault>();
  const chunks: Buffer[] = [];
  let bytes = 0;
  const take = (chunk: Buffer): void => {
    bytes += chunk.length;
    if (bytes > most) return end('too large');
    chunks.push(chunk);
  };
  const whole = (): void => end(Buffer.concat(chunks));
  const gone = (): void => end('gone');
  const cancel = timers.after(PEEK_MS, () => end('too slow'));
  function end(result: Buffer | PeekFault): void {
    cancel();
    incoming.off('data', take).off('end', whole).off('close', gone);
    incoming.pause();
    resolve(result);
  }
  // A reset of the connection shows as an error before its close.
  incoming.on('error', () => undefined);
  incoming.on('data', take).on('end', whole).on('close', gone);
  return promise;
}
