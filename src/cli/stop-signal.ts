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
  return {
    signal: controller.signal,
    end() {
      for (const signal of signals) process.off(signal, onSignal);
    },
  };
}
