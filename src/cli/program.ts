/**
 * The command line: parses words, runs one command, and turns its end into an exit code. Promises that a result is on
 * stdout, everything else on stderr, and that no user ever sees a stack trace (`ROOST_DEBUG=1` shows them to developers).
 */
import { Command, CommanderError } from 'commander';
import { systemClock } from '../base/clock.ts';
import { asFailure, Failure } from '../base/failure.ts';
import { EXIT, type ExitCode, type Invocation } from './command.ts';
import type { ComposeDaemon } from './daemon.ts';
import { failureJson, failureText } from './terminal/failure-text.ts';
import type { LoadOfflineTools } from './offline.ts';
import { listenForStop } from './stop-signal.ts';
import { Terminal } from './terminal/terminal.ts';
import { version } from './version.ts';

type AddCommand = (program: Command, invocation: Invocation) => void;

/** Loaded when they are needed: all of them take ten times as long to load as one does. */
const COMMANDS: ReadonlyMap<string, () => Promise<AddCommand>> = new Map([
  ['start', async () => (await import('./serve/start.ts')).addStart],
  ['serve', async () => (await import('./serve/serve.ts')).addServe],
  ['configure', async () => (await import('./configure/configure.ts')).addConfigure],
  ['config', async () => (await import('./configure/config-check.ts')).addConfigCommands],
  ['archive', async () => (await import('./archive/archive.ts')).addArchiveCommands],
  ['backup', async () => (await import('./backup/backup.ts')).addBackupCommands],
  ['retention', async () => (await import('./backup/retention.ts')).addRetentionCommands],
  ['panel', async () => (await import('./panel.ts')).addPanelCommands],
  ['doctor', async () => (await import('./doctor/doctor.ts')).addDoctor],
  ['catalogue', async () => (await import('./catalogue.ts')).addCatalogueCommands],
  ['adopt', async () => (await import('./adopt.ts')).addAdopt],
]);

/**
 * Runs the command that `argv` (without the program's own name) says.
 *
 * @returns the exit code: 0 done, 1 failed, 2 usage or config, 3 done with warnings. Never rejects.
 */
export async function runProgram(
  argv: readonly string[],
  parts: { readonly composeDaemon: ComposeDaemon; readonly offlineTools: LoadOfflineTools },
): Promise<ExitCode> {
  const { env, stdout, stderr } = process;
  const terminal = new Terminal(stdout, stderr, env['TERM'] === 'dumb');
  const stop = listenForStop();
  try {
    return await runCommand(argv, {
      terminal,
      clock: systemClock,
      env,
      signal: stop.signal,
      onHangup: stop.onHangup,
      exitCode: EXIT.done,
      ...parts,
    });
  } finally {
    stop.end();
  }
}

/** The same with everything of the process handed in. */
export async function runCommand(argv: readonly string[], invocation: Invocation): Promise<ExitCode> {
  try {
    await (await program(argv, invocation)).parseAsync(argv, { from: 'user' });
    return invocation.exitCode;
  } catch (error) {
    return await explain(invocation, argv, error);
  }
}

/** The whole program, as far as `argv` may ask for it: anything but a command's name, such as `--help`, asks for all. */
async function program(argv: readonly string[], invocation: Invocation): Promise<Command> {
  const root = new Command('roost')
    .description('Backups of game servers: plain tar.gz archives, crash-safe restores')
    .version(version())
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void invocation.terminal.result(text),
      writeErr: (text) => invocation.terminal.note(text.trimEnd()),
    })
    .showHelpAfterError('See --help for what there is.');
  const named = COMMANDS.get(argv[0] ?? '');
  for (const load of named === undefined ? COMMANDS.values() : [named]) (await load())(root, invocation);
  return root;
}

async function explain({ terminal, env }: Invocation, argv: readonly string[], error: unknown): Promise<ExitCode> {
  // Commander has printed the reason, or the help that was asked for.
  const usage = error instanceof CommanderError;
  if (usage && error.exitCode === 0) return EXIT.done;
  const failure = usage ? new Failure('invalid_request', error.message) : asFailure(error, 'Cannot go on');
  if (!usage) terminal.note(failureText(failure));
  if (env['ROOST_DEBUG'] === '1') terminal.note(traces(error));
  if (argv.includes('--json') && !terminal.resultBegun)
    await terminal.result(`${JSON.stringify(failureJson(failure))}\n`);
  return usage || failure.code === 'config_invalid' ? EXIT.usage : EXIT.failed;
}

/** The stack of an error and of all that caused it. */
function traces(error: unknown): string {
  const stacks: string[] = [];
  for (let at = error; at instanceof Error && stacks.length < 8; at = at.cause) stacks.push(at.stack ?? at.message);
  return stacks.join('\ncaused by ');
}
