/** Runs one of the operator's programs: no shell, a time limit, and the end of its output for an error message. */
import { type ChildProcess, spawn } from 'node:child_process';
import { Failure, throwIfAborted } from '../../base/failure.ts';
import { printableText } from '../../base/paths.ts';

export interface ProgramRun {
  readonly argv: readonly string[];
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
}

export interface ProgramResult {
  /** null when a signal ended it. */
  readonly code: number | null;
  /** The last of what it wrote, made safe for one line. */
  readonly output: string;
}

const OUTPUT_LENGTH = 400;

/**
 * Waits for the program's end. When the time is up, or the signal fires, it is killed with all that it has started.
 *
 * @throws Failure `server_busy` when it cannot be started or takes too long; the signal's reason when that fired.
 */
export async function runProgram(run: ProgramRun): Promise<ProgramResult> {
  const [program = '', ...args] = run.argv;
  throwIfAborted(run.signal, doing(program));
  // A group of its own, so that children of a script end with it.
  const child = spawn(program, args, { shell: false, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  const tail = tailOf(child);
  const timeout = AbortSignal.timeout(run.timeoutMs);
  const stop = AbortSignal.any([timeout, ...(run.signal === undefined ? [] : [run.signal])]);
  const kill = (): void => killGroup(child);
  stop.addEventListener('abort', kill, { once: true });
  try {
    const code = await endOf(child, program);
    throwIfAborted(run.signal, doing(program));
    if (timeout.aborted) throw tooSlow(program, run.timeoutMs);
    return { code, output: tail() };
  } finally {
    stop.removeEventListener('abort', kill);
  }
}

function endOf(child: ChildProcess, program: string): Promise<number | null> {
  return new Promise((resolve, reject) => {
    child.once('error', (cause) => {
      const hint = 'Check the program named under power in the config, and that it may be run.';
      reject(new Failure('server_busy', `${doing(program)}: ${cause.message}`, { cause, hint }));
    });
    // Not `close`: a child that went on in the background may hold the pipes for ever.
    child.once('exit', (code) => {
      child.stdout?.destroy();
      child.stderr?.destroy();
      resolve(code);
    });
  });
}

function killGroup(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    // It has ended by itself in this instant.
  }
}

function tailOf(child: ChildProcess): () => string {
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (part: string) => {
      text = (text + part).slice(-OUTPUT_LENGTH);
    });
  }
  return () => printableText(text.trim());
}

function tooSlow(program: string, timeoutMs: number): Failure {
  return new Failure('server_busy', `${doing(program)}: it took longer than ${timeoutMs / 1000} seconds`, {
    hint: 'Raise power.timeout_seconds if it needs that long.',
    retry: true,
  });
}

function doing(program: string): string {
  return `Cannot run ${printableText(program)}`;
}
