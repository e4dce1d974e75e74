/**
 * What every command shares: where it prints, when it must stop, and how its end becomes words and an exit code.
 * Commands return an `Outcome` or throw a `Failure`; only this file and `program.ts` turn those into output.
 */
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { Clock } from '../base/clock.ts';
import { printableText } from '../base/paths.ts';
import type { ComposeDaemon } from './daemon.ts';
import type { LoadOfflineTools } from './offline.ts';
import type { Terminal } from './terminal/terminal.ts';

/** What scripts rely on. */
export const EXIT = { done: 0, failed: 1, usage: 2, warned: 3 } as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** Far beyond what any disk can feed; a slip of the finger must not start a thousand threads. */
const MOST_WORKERS = 256;

export interface Invocation {
  readonly terminal: Terminal;
  readonly clock: Clock;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Fires on Ctrl-C or SIGTERM, with a `cancelled` Failure as its reason. */
  readonly signal: AbortSignal;
  /** From now on a hangup (SIGHUP) calls back instead of firing the signal. */
  readonly onHangup: (listener: () => void) => void;
  readonly composeDaemon: ComposeDaemon;
  readonly offlineTools: LoadOfflineTools;
  exitCode: ExitCode;
}

export interface JsonOption {
  readonly json?: boolean;
}

export interface Outcome {
  /** Printed with `--json`, as one object. Absent when the command printed its result itself. */
  readonly json?: unknown;
  /** Printed without `--json`; '' for nothing. */
  readonly text?: string;
  /** True when the work was done but something needs a look. */
  readonly warned?: boolean;
}

/** A subcommand with the options that all of them have. */
export function subcommand(parent: Command, name: string, description: string): Command {
  return parent.command(name).description(description).option('--json', 'print one JSON object on stdout');
}

/** Prints what came out and remembers the exit code. */
export async function conclude(invocation: Invocation, options: JsonOption, outcome: Promise<Outcome>): Promise<void> {
  const { json, text = '', warned = false } = await outcome;
  if (options.json === true && json !== undefined) await invocation.terminal.result(`${JSON.stringify(json)}\n`);
  else if (options.json !== true && text !== '') await invocation.terminal.result(`${text}\n`);
  invocation.exitCode = warned ? EXIT.warned : EXIT.done;
}

/** Gathers a repeatable option. */
export function collect(value: string, before: readonly string[]): readonly string[] {
  return [...before, value];
}

/** `--workers N`, as many as there are cores without it. */
export function workersOption(): Option {
  return new Option('--workers <count>', 'threads that work').default('auto').argParser((text) => {
    if (text === 'auto') return text;
    const count = /^\d{1,3}$/.test(text) ? Number(text) : 0;
    if (count < 1 || count > MOST_WORKERS) throw new InvalidArgumentError(`It is 1 to ${MOST_WORKERS}, or "auto".`);
    return count;
  });
}

export interface WireWarning {
  /** As JSON carries paths; '' for no path. */
  readonly path: string;
  readonly code: string;
  readonly message: string;
}

/** Writes warnings to stderr, one line each, and how many more there are. */
export function noteWarnings(terminal: Terminal, warnings: readonly WireWarning[], total = warnings.length): void {
  for (const { path, code, message } of warnings) {
    const about = path === '' ? '' : `${printableText(path)}: `;
    terminal.note(`warning: ${about}${printableText(message)} [${code}]`);
  }
  if (total > warnings.length) terminal.note(`warning: and ${total - warnings.length} more`);
}
