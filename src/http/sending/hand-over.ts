import type { ServerResponse } from 'node:http';
import { Failure } from '../../base/failure.ts';
import type { Timers } from '../../base/timers.ts';

const DOING = 'Cannot send on';

export interface Patience {
  readonly timers: Timers;
  /** Milliseconds in which the client must take a piece. */
  readonly stalledMs: number;
  readonly signal: AbortSignal;
}

/**
 * Writes a piece to a client, and waits until the system has taken all of it.
 *
 * @param release called with the piece then, and only then: while a write is under way, or waits for its turn on the
 *   connection, the system reads this very memory. What was broken off is never released.
 * @throws Failure `cancelled` when the client is gone or `signal` aborts, `interrupted` when it takes nothing for too long.
 */
export async function handOver(
  outgoing: ServerResponse,
  piece: Uint8Array,
  { timers, stalledMs, signal }: Patience,
  release: (piece: Uint8Array) => void,
): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const gone = (): void => reject(new Failure('cancelled', `${DOING}: the client is gone`));
  const cancel = timers.after(stalledMs, () =>
    reject(new Failure('interrupted', `${DOING}: the client takes nothing any more`)),
  );
  signal.addEventListener('abort', gone, { once: true });
  if (signal.aborted) gone();
  outgoing.write(piece, (error) => {
    if (error) gone();
    else resolve();
  });
  try {
    await promise;
    release(piece);
  } finally {
    cancel();
    signal.removeEventListener('abort', gone);
  }
}

/** True for what `handOver` throws when there is nobody to send to any more. */
export function isClientGone(error: unknown): boolean {
  return error instanceof Failure && error.code === 'cancelled';
}
