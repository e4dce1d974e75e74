/**
 * Ctrl-C and `systemctl stop` as an AbortSignal. The first one asks the command to end cleanly (temporary files go,
 * the daemon drains); one that comes clearly later means that somebody lost patience, and ends the process at once.
 */
import { Failure } from '../base/failure.ts';

/**
 * A terminal signals the whole process group, and a runtime that handed over forwards its own copy: two signals this
 * close together are one Ctrl-C.
 */
const SAME_REQUEST_MILLISECONDS = 1000;

export interface StopListener {
  readonly signal: AbortSignal;
  /** From now on a hangup calls back instead of stopping: systemctl reload, as daemons have it. */
  readonly onHangup: (listener: () => void) => void;
  /** Gives the signals back to the system. */
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
