/**
 * Waits for a job of the daemon with a progress bar. The answer to the request is the result. Ctrl-C asks the daemon to
 * cancel the job, because closing the connection would not, and waits for the same answer.
 */
import { Failure } from '../../base/failure.ts';
import type { ApiRequest } from './api-client.ts';
import type { Target } from './target.ts';
import type { Invocation } from '../command.ts';
import { followProgress } from './event-follower.ts';
import { ProgressBar } from '../terminal/progress.ts';

/**
 * @param backup the job's backup.
 * @returns the answer's JSON.
 * @throws Failure as the daemon reports it, `cancelled` after Ctrl-C.
 */
export async function waitForJob(
  invocation: Invocation,
  target: Target,
  backup: string,
  request: ApiRequest,
): Promise<unknown> {
  const { terminal, clock, signal } = invocation;
  const bar = new ProgressBar(terminal, clock);
  const stopFollowing =
    terminal.statusColumns === undefined
      ? () => undefined
      : followProgress(target.client.connection, target.server, backup, (state) => bar.show(state));
  const cancel = () => void askToCancel(invocation, target, backup);
  signal.addEventListener('abort', cancel, { once: true });
  try {
    return await target.client.call(request);
  } finally {
    signal.removeEventListener('abort', cancel);
    stopFollowing();
    bar.end();
  }
}

async function askToCancel({ terminal }: Invocation, target: Target, backup: string): Promise<void> {
  terminal.note('Cancelling ...');
  try {
    await target.client.call({ method: 'POST', path: `${target.backups}/${backup}/cancel` });
  } catch (error) {
    // The job has ended or the daemon is gone; the pending answer reports which.
    if (!(error instanceof Failure && error.code === 'not_running')) {
      terminal.note(`Cannot cancel: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
}
