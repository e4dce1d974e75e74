/** Programs of this host that tests compare Roost with. A test whose program is missing is skipped, and says which. */
import { spawn, spawnSync } from 'node:child_process';
import type { TestContext } from 'vitest';

export interface Ended {
  readonly code: number | null;
  readonly stdout: Buffer;
  readonly stderr: string;
}

export interface RunOptions {
  readonly cwd?: string;
  readonly input?: Uint8Array;
  readonly env?: NodeJS.ProcessEnv;
  /** Another user to run as; only root can. */
  readonly uid?: number;
}

/** Runs a program to its end. Arguments may be bytes that are no text. Rejects when it cannot be started. */
export function run(program: string, args: readonly string[], options: RunOptions = {}): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd: options.cwd,
      ...(options.uid === undefined ? {} : { uid: options.uid, gid: options.uid }),
      env: options.env ?? { ...process.env, LC_ALL: 'C.UTF-8' },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    child.stdout.on('data', (bytes: Buffer) => stdout.push(bytes));
    child.stderr.on('data', (bytes: Buffer) => stderr.push(bytes));
    child.on('error', reject);
    child.on('close', (code) => {
      resolve({ code, stdout: Buffer.concat(stdout), stderr: Buffer.concat(stderr).toString() });
    });
    // A program that needs no more of its input closes it; that is no failure.
    child.stdin.on('error', () => undefined);
    child.stdin.end(options.input ?? '');
  });
}

/** Runs a program that must succeed; its output. */
export async function output(program: string, args: readonly string[], options: RunOptions = {}): Promise<Buffer> {
  const { code, stdout, stderr } = await run(program, args, options);
  if (code !== 0) throw new Error(`${program} ${args.join(' ')} ended with ${String(code)}: ${stderr}`);
  return stdout;
}

const VERSION = {
  tar: /GNU tar/,
  bsdtar: /bsdtar/,
  gzip: /gzip/,
  python3: /Python 3/,
  curl: /^curl /,
  setfacl: /^setfacl /,
  getfacl: /^getfacl /,
  getfattr: /^getfattr /,
} as const;

/** Skips the calling test when a program is missing, or is another one of that name. */
export function needsProgram(context: TestContext, program: keyof typeof VERSION): void {
  const { stdout, error } = spawnSync(program, ['--version'], { encoding: 'utf8' });
  if (error !== undefined) context.skip(`${program} is not installed`);
  else if (!VERSION[program].test(stdout)) context.skip(`${program} on this host is another program`);
}
