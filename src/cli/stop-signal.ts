/**
 * Ctrl-C and `systemctl stop` as an AbortSignal. The first signal asks for a clean end (temporary files removed, daemon
 * drained); a clearly later one ends the process at once.
 */
import { Failure } from '../base/failure.ts';

/**
 * A terminal signals the whole process group, and the parent runtime forwards its copy: two signals this close are one
 * Ctrl-C.
 */
const SAME_REQUEST_MILLISECONDS = 1000;

export interface StopListener {
  readonly signal: AbortSignal;
  /** From now on SIGHUP calls the listener instead of stopping, as `systemctl reload` expects. */
  readonly onHangup: (listener: () => void) => void;
  /** Removes the signal handlers. */
  end(): void;
}

export function listenForStop(): StopListener {
  const controller = new AbortController();
  let askedAt: number | undefined;
  const onSignal = () => {
    const now = performance.now();
    if (askedAt !== undefined && now - askedAt > SAME_REQUEST_MILLISECONDS) process.exit(1);
    askedAt ??= now;
    controller.abort(new Failure('cancelled', 'Cannot go on: it was cancelled'));
  };
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const signal of signals) process.on(signal, onSignal);
  let onHangup: (() => void) | undefined;
  return {
    signal: controller.signal,
    onHangup(listener) {
      process.off('SIGHUP', onHangup ?? onSignal);
      onHangup = listener;
      process.on('SIGHUP', listener);
    },
    end() {
      for (const signal of signals) process.off(signal, onSignal);
      if (onHangup !== undefined) process.off('SIGHUP', onHangup);
    },
  };
}
