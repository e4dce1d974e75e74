/** The real `roost` as a process of its own, run from source unless the build is asked for. */
import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));

/** What hosts run. `npm run test:slow` makes it; unbuilt, Node takes some 100 MiB to strip the types. */
export const BUILT = fileURLToPath(new URL('../../dist/main.js', import.meta.url));

export interface RoostOptions {
  /** `MAIN` without it. */
  readonly main?: string;
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
}

export interface Ended {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export class RoostProcess {
  readonly #child: ChildProcess;
  readonly #ended: Promise<Ended>;
  stdout = '';
  stderr = '';

  constructor(argv: readonly string[], { cwd, env = {}, main = MAIN }: RoostOptions) {
    this.#child = spawn(process.execPath, [main, ...argv], {
      cwd,
      env: { PATH: process.env['PATH'] ?? '', HOME: cwd, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child.stdout?.on('data', (chunk: Buffer) => (this.stdout += chunk.toString('utf8')));
    this.#child.stderr?.on('data', (chunk: Buffer) => (this.stderr += chunk.toString('utf8')));
    this.#ended = new Promise((resolve, reject) => {
      this.#child.on('error', reject);
      this.#child.on('close', (exitCode) => resolve({ exitCode, stdout: this.stdout, stderr: this.stderr }));
    });
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  get ended(): Promise<Ended> {
    return this.#ended;
  }

  /** Resolves with what the pattern found in stdout; rejects when the process ends without printing it. */
  async printed(pattern: RegExp): Promise<RegExpExecArray> {
    const found = () => pattern.exec(this.stdout);
    const early = this.#ended.then(({ exitCode, stderr }) => {
      throw new Error(`ended with ${exitCode} before it printed ${String(pattern)}: ${this.stdout}${stderr}`);
    });
    early.catch(() => undefined);
    for (let match = found(); ; match = found()) {
      if (match !== null) return match;
      await Promise.race([new Promise((resolve) => this.#child.stdout?.once('data', resolve)), early]);
    }
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  /** Ends it as systemd does. */
  async stop(): Promise<Ended> {
    this.#child.kill('SIGTERM');
    return this.#ended;
  }
}

/** Runs a command to its end. */
export async function roost(argv: readonly string[], options: RoostOptions): Promise<Ended> {
  return new RoostProcess(argv, options).ended;
}
