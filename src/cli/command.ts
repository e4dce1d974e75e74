/**
 * For: the parts that all commands share (terminal, stop signal, outcome, exit code).
 * Promises: a command returns an `Outcome` or throws a `Failure`.
 * Never: lets another file than this and `program.ts` turn either into output.
 */
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { Clock } from '../base/clock.ts';
import { printableText } from '../base/files/paths.ts';
import type { ComposeDaemon } from './daemon.ts';
import type { LoadOfflineTools } from './offline.ts';
import { jsonText } from './terminal/json-text.ts';
import type { Terminal } from './terminal/terminal.ts';

/** Scripts rely on these. */
export const EXIT = { done: 0, failed: 1, usage: 2, warned: 3 } as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** More threads than any disk can feed; bounds a mistyped number. */
const MOST_WORKERS = 256;

export interface Invocation {
  readonly terminal: Terminal;
  readonly clock: Clock;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Fires on Ctrl-C or SIGTERM, with a `cancelled` Failure as its reason. */
  readonly signal: AbortSignal;
  /** From now on SIGHUP calls the listener instead of firing the signal. */
  readonly onHangup: (listener: () => void) => void;
  readonly composeDaemon: ComposeDaemon;
  readonly offlineTools: LoadOfflineTools;
  exitCode: ExitCode;
}

export interface JsonOption {
  readonly json?: boolean;
}

export interface Outcome {
  /** The object for `--json`; absent when the command printed its own result. */
  readonly json?: unknown;
  /** The text without `--json`; '' for none. */
  readonly text?: string;
  /** True when the work succeeded with warnings. */
  readonly warned?: boolean;
  /** True when there is an answer, and it says that something failed. */
  readonly failed?: boolean;
}

/** A subcommand with the common options. */
export function subcommand(parent: Command, name: string, description: string): Command {
  return parent.command(name).description(description).option('--json', 'print one JSON object on stdout');
}

/** Prints the outcome and sets the exit code. */
export async function conclude(invocation: Invocation, options: JsonOption, outcome: Promise<Outcome>): Promise<void> {
  const { json, text = '', warned = false, failed = false } = await outcome;
  if (options.json === true && json !== undefined) await invocation.terminal.result(`${jsonText(json)}\n`);
  else if (options.json !== true && text !== '') await invocation.terminal.result(`${text}\n`);
  invocation.exitCode = failed ? EXIT.failed : warned ? EXIT.warned : EXIT.done;
}

/** Collects a repeatable option. */
export function collect(value: string, before: readonly string[]): readonly string[] {
  return [...before, value];
}

/** `--workers N`; default: one per core. */
export function workersOption(): Option {
  return new Option('--workers <count>', 'threads that work').default('auto').argParser((text) => {
    if (text === 'auto') return text;
    const count = /^\d{1,3}$/.test(text) ? Number(text) : 0;
    if (count < 1 || count > MOST_WORKERS) throw new InvalidArgumentError(`It is 1 to ${MOST_WORKERS}, or "auto".`);
    return count;
  });
}

export interface WireWarning {
  /** Path in JSON form; '' for none. */
  readonly path: string;
  readonly code: string;
  readonly message: string;
}

/** Writes warnings to stderr, one per line, and the count of the rest. */
export function noteWarnings(terminal: Terminal, warnings: readonly WireWarning[], total = warnings.length): void {
  for (const { path, code, message } of warnings) {
    const about = path === '' ? '' : `${printableText(path)}: `;
    terminal.note(`warning: ${about}${printableText(message)} [${code}]`);
  }
  if (total > warnings.length) terminal.note(`warning: and ${total - warnings.length} more`);
}
