/** Runs a command in this process, with streams, environment and signal of its own. */
import { systemClock } from '../../src/base/clock.ts';
import { EXIT, type ExitCode, type Invocation } from '../../src/cli/command.ts';
import { runCommand } from '../../src/cli/program.ts';
import { recordingTerminal } from './recording-terminal.ts';

export interface Ran {
  readonly exitCode: ExitCode;
  readonly stdout: string;
  readonly stderr: string;
  /** stdout as JSON. */
  json(): unknown;
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** Makes both streams a terminal of this width. */
  readonly columns?: number;
  readonly signal?: AbortSignal;
  readonly onHangup?: Invocation['onHangup'];
  readonly composeDaemon?: Invocation['composeDaemon'];
}

export async function run(argv: readonly string[], options: RunOptions = {}): Promise<Ran> {
  const { terminal, stdout, stderr } = recordingTerminal(options.columns);
  const exitCode = await runCommand(argv, {
    terminal,
    clock: systemClock,
    env: options.env ?? {},
    signal: options.signal ?? new AbortController().signal,
    onHangup: options.onHangup ?? (() => undefined),
    composeDaemon: options.composeDaemon ?? (() => Promise.reject(new Error('no daemon in this test'))),
    offlineTools: async () => (await import('../../src/compose/offline.ts')).offlineTools,
    exitCode: EXIT.done,
  });
  return {
    exitCode,
    stdout: stdout.text,
    stderr: stderr.text,
    json: () => JSON.parse(stdout.text) as unknown,
  };
}
