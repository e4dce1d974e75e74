/** System calls of a process made to fail by strace, which has to be there and allowed to trace. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

export interface FailingCalls {
  /** Names as strace takes them; those that this kernel does not have begin with `?`. */
  readonly calls: string;
  readonly error: string;
  /** Which of the calls of a thread: the third, or the second and every third after it (`2+3`). */
  readonly when: string;
}

/** Why that cannot be done on this host; undefined when it can. */
export function missingForFaults(): string | undefined {
  const { error, status } = spawnSync('strace', ['-qq', '-o', '/dev/null', 'true']);
  if (error !== undefined) return 'no strace';
  return status === 0 ? undefined : 'strace may not trace';
}

/** Does something while calls of a process fail. */
export async function whileFailing<Result>(
  pid: number,
  { calls, error, when }: FailingCalls,
  work: () => Promise<Result>,
): Promise<Result> {
  const inject = ['-e', `trace=${calls}`, '-e', `inject=${calls}:error=${error}:when=${when}`];
  const tracer = spawn('strace', ['-f', '-o', '/dev/null', '-p', String(pid), ...inject], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const gone = once(tracer, 'exit');
  const attached = Promise.withResolvers<void>();
  createInterface({ input: tracer.stderr }).on('line', (line) => {
    if (/attached/.test(line)) attached.resolve();
  });
  void gone.then(() => attached.reject(new Error('strace ended before it was attached')));
  try {
    await attached.promise;
    return await work();
  } finally {
    tracer.kill('SIGINT');
    await gone;
  }
}
