import type { ServerResponse } from 'node:http';
import { Failure } from '../../base/failure.ts';
import type { Timers } from '../../base/timers.ts';

const DOING = 'Cannot send on';

export interface Patience {
  readonly timers: Timers;
  readonly stalledMs: number;
  readonly signal: AbortSignal;
}

/**
 * Writes a piece to a client, and waits until the system has taken all of it.
 *
 * @param release called with the piece when its write has ended, well or not, which may be after this rejects: the
 *   system reads this memory while a write is pending. A piece that waits for its turn when the connection ends is left
 *   to the garbage collector.
 * @throws Failure `cancelled` when the client is gone or `signal` aborts, `interrupted` when it takes nothing for too
 *   long.
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
    release(piece);
    if (error) gone();
    else resolve();
  });
  try {
    await promise;
  } finally {
    cancel();
    signal.removeEventListener('abort', gone);
  }
}

/** True for the failure of `handOver` when the client is gone. */
export function isClientGone(error: unknown): boolean {
  return error instanceof Failure && error.code === 'cancelled';
}
