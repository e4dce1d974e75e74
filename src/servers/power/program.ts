/**
 * Runs an operator's program without a shell, with a time limit, and keeps the end of its output for error messages.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { Failure, throwIfAborted, reasonOf } from '../../base/failure.ts';
import { printableText } from '../../base/files/paths.ts';

export interface ProgramRun {
  readonly argv: readonly string[];
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
}

export interface ProgramResult {
  /** null when a signal ended it. */
  readonly code: number | null;
  /** The last part of its output, made safe for one line. */
  readonly output: string;
}

const OUTPUT_LENGTH = 400;

/**
 * Waits for the program to end. On timeout or abort it is killed with all its children.
 *
 * @throws Failure `server_busy` when it cannot be started or takes too long; the signal's reason when aborted.
 */
export async function runProgram(run: ProgramRun): Promise<ProgramResult> {
  const [program = '', ...args] = run.argv;
  throwIfAborted(run.signal, doing(program));
  // A process group of its own, so that a script's children are killed with it.
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
      reject(new Failure('server_busy', `${doing(program)}: ${reasonOf(cause)}`, { cause, hint }));
    });
    // Not `close`: a background child could keep the pipes open.
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
    // It has just ended.
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
