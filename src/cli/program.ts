/**
 * For: the command line. Parses arguments, runs one command and returns its exit code.
 * Promises: results go to stdout, everything else to stderr.
 * Never: shows a stack trace, except with `ROOST_DEBUG=1`.
 */
import { Command, CommanderError } from 'commander';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { systemClock } from '../base/clock.ts';
import { asFailure, Failure } from '../base/failure.ts';
import { printableText } from '../base/files/paths.ts';
import { exactArguments } from './exact-arguments.ts';
import { EXIT, type ExitCode, type Invocation } from './command.ts';
import type { ComposeDaemon } from './daemon.ts';
import { wantsColour } from './terminal/colour.ts';
import { failureJson, failureText } from './terminal/failure-text.ts';
import type { LoadOfflineTools } from './offline.ts';
import { jsonText } from './terminal/json-text.ts';
import { addExamples, setHelp } from './manual/help.ts';
import { listenForStop } from './stop-signal.ts';
import { Terminal } from './terminal/terminal.ts';
import { version } from './version.ts';

type AddCommand = (program: Command, invocation: Invocation) => void;

const loadManual = async (): Promise<AddCommand> => (await import('./manual/commands.ts')).addManualCommands;
const loadStatus = async (): Promise<AddCommand> => (await import('./node/status.ts')).addStatus;

/** Loaded on demand: all commands take ten times as long to load as one. */
const COMMANDS: ReadonlyMap<string, () => Promise<AddCommand>> = new Map([
  ['start', async () => (await import('./serve/start.ts')).addStart],
  ['serve', async () => (await import('./serve/serve.ts')).addServe],
  ['configure', async () => (await import('./configure/configure.ts')).addConfigure],
  ['setup', async () => (await import('./setup/setup.ts')).addSetup],
  ['front', async () => (await import('./front/front.ts')).addFront],
  ['config', async () => (await import('./configure/config-check.ts')).addConfigCommands],
  ['archive', async () => (await import('./archive/archive.ts')).addArchiveCommands],
  ['backup', async () => (await import('./backup/backup.ts')).addBackupCommands],
  ['retention', async () => (await import('./backup/retention.ts')).addRetentionCommands],
  ['web', async () => (await import('./web.ts')).addWeb],
  ['panel', async () => (await import('./panel.ts')).addPanelCommands],
  ['status', loadStatus],
  ['servers', loadStatus],
  ['report', async () => (await import('./node/report.ts')).addReport],
  ['schedule', async () => (await import('./node/schedule.ts')).addScheduleCommands],
  ['jobs', async () => (await import('./node/jobs.ts')).addJobs],
  ['vault', async () => (await import('./node/vault.ts')).addVaultCommands],
  ['notify', async () => (await import('./notify.ts')).addNotifyCommands],
  ['doctor', async () => (await import('./doctor/doctor.ts')).addDoctor],
  ['catalogue', async () => (await import('./catalogue.ts')).addCatalogueCommands],
  ['adopt', async () => (await import('./adopt.ts')).addAdopt],
  ['completion', loadManual],
  ['manual', loadManual],
]);

/** They tell of all commands. */
const NEED_ALL: ReadonlySet<string> = new Set(['completion', 'manual']);
/** Ways to ask for the version; commander knows the first two. */
const VERSION_WORDS: ReadonlySet<string> = new Set(['--version', '-v', '-V', 'version']);

/**
 * Runs the command in `argv`, which excludes the program's name.
 *
 * @returns 0 done, 1 failed, 2 usage or config, 3 done with warnings. Never rejects.
 */
export async function runProgram(
  argv: readonly string[],
  parts: { readonly composeDaemon: ComposeDaemon; readonly offlineTools: LoadOfflineTools },
): Promise<ExitCode> {
  const { env, stdout, stderr } = process;
  const terminal = new Terminal(stdout, stderr, env['TERM'] === 'dumb', wantsColour(env));
  const stop = listenForStop();
  try {
    return await runCommand(exactArguments(argv), {
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

/** As `runProgram`, with all of the process injected. */
export async function runCommand(argv: readonly string[], invocation: Invocation): Promise<ExitCode> {
  try {
    // Alone it shows how things are, where a daemon can be found.
    const words = await wordsOf(argv, invocation.env);
    await parse(await program(words, invocation), words);
    const { outputError } = invocation.terminal;
    if (outputError !== undefined) throw asFailure(outputError, 'Cannot write the result');
    return invocation.exitCode;
  } catch (error) {
    return await explain(invocation, argv, error);
  }
}

/** Runs the command. Help and the version are results of it, too, although commander throws for them. */
async function parse(root: Command, words: readonly string[]): Promise<void> {
  try {
    await root.parseAsync(words, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError) || error.exitCode !== 0) throw error;
    // The stream tells on its next turn that it did not take the text.
    await nextTurn();
  }
}

/** Loads the named command, none for the version, or all commands for anything else, such as `--help`. */
async function program(argv: readonly string[], invocation: Invocation): Promise<Command> {
  const root = new Command('roost')
    .description('Backups of game servers: plain tar.gz archives, crash-safe restores')
    .version(version(), '-v, --version')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void invocation.terminal.result(text),
      // It echoes unknown commands and options.
      writeErr: (text) => invocation.terminal.note(text.trimEnd().split('\n').map(printableText).join('\n')),
    })
    .showHelpAfterError('See --help for what there is.');
  setHelp(root);
  const word = argv[0] ?? '';
  if (word === '--version') return root;
  const named = NEED_ALL.has(word) ? undefined : COMMANDS.get(word);
  for (const load of named === undefined ? new Set(COMMANDS.values()) : [named]) (await load())(root, invocation);
  addExamples(root);
  return root;
}

async function wordsOf(argv: readonly string[], env: Invocation['env']): Promise<readonly string[]> {
  // Loaded on demand: it brings the config and its schemas, which take three times as long as a bare Node.
  if (argv.length === 0 && (await import('./client/connection.ts')).hasConnection(env)) return ['status'];
  return VERSION_WORDS.has(argv[0] ?? '') ? ['--version'] : argv;
}

async function explain({ terminal, env }: Invocation, argv: readonly string[], error: unknown): Promise<ExitCode> {
  // Commander has already printed the reason.
  const usage = error instanceof CommanderError;
  const hint = usage ? hintFor(error, argv) : undefined;
  const failure = usage ? new Failure('invalid_request', error.message, { hint }) : asFailure(error, 'Cannot go on');
  if (!usage) terminal.note(failureText(failure));
  else if (hint !== undefined) terminal.note(`hint: ${hint}`);
  if (env['ROOST_DEBUG'] === '1') terminal.note(traces(error));
  if (argv.includes('--json') && !terminal.resultBegun) await terminal.result(`${jsonText(failureJson(failure))}\n`);
  return usage || failure.code === 'config_invalid' ? EXIT.usage : EXIT.failed;
}

/** tar and borg take paths of an archive as further arguments. */
const PATHS_BY_OPTION: ReadonlySet<string> = new Set([
  'archive list',
  'archive extract',
  'backup files',
  'backup restore',
]);

function hintFor(error: CommanderError, argv: readonly string[]): string | undefined {
  const isOneTooMany = error.code === 'commander.excessArguments' && PATHS_BY_OPTION.has(argv.slice(0, 2).join(' '));
  return isOneTooMany ? 'A path in the archive or backup is named with --path.' : undefined;
}

/** The stacks of an error and its causes. */
function traces(error: unknown): string {
  const stacks: string[] = [];
  for (let at = error; at instanceof Error && stacks.length < 8; at = at.cause) stacks.push(at.stack ?? at.message);
  return stacks.join('\ncaused by ');
}
