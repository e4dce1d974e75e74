/**
 * Has a game keep its files still, and waits until it says so, for a bounded time: a game that does not answer is read all
 * the same, and the backup has a warning.
 */
import { setTimeout as wait } from 'node:timers/promises';
import { throwIfAborted } from '../../base/failure.ts';
import { printableText } from '../../base/files/paths.ts';
import type { GameServer } from '../registry.ts';
import type { GameConsole, OpenConsole } from './console.ts';
import type { Answer, GameRules, HeldLengths } from './games.ts';

/** What is known of the files of a server while they are read. */
export interface Stillness {
  /** Which rules it was asked by: a game's, or the lines of the config. */
  readonly how: string;
  /** The line that said so, made safe for one line; absent where nothing was listened for. */
  readonly heard?: string;
  readonly held?: HeldLengths;
  /** Why the files may change all the same; a printable sentence. */
  readonly doubt?: string;
  /** Absent where nothing is seen of it. */
  readonly run?: GameRun;
}

/** What was seen of a game that runs before it was asked. */
export interface GameRun {
  /** True where it had said that it runs. */
  readonly hasStarted: boolean;
  /** How long it had run, in milliseconds; absent where that is not known, or not yet. */
  readonly uptime?: number;
  /** When this was seen, on the monotonic clock. */
  readonly at: number;
}

/** What became of a server before its files are read: `stopped` was asked nothing because it does not run. */
export type Prepared = Stillness | 'stopped' | undefined;

/** Why files that were read may be of different moments: the server did not stay as it was prepared. Printable sentences. */
export const STARTED = 'it was started meanwhile';
export const STOPPED = 'it was stopped meanwhile';
export const RESTARTED = 'it was restarted meanwhile';

export interface HoldOptions {
  readonly how: string;
  readonly rules: GameRules;
  readonly signal: AbortSignal;
  /** How long an answer is waited for. */
  readonly answerMs?: number;
}

/** A large world takes long to be written. */
export const ANSWER_MS = 30_000;
/** Games usually finish writing within this time where they cannot be heard. */
const SETTLE_MS = 3000;
/** What was written this shortly before it is read could change once more without its times telling (archive/write). */
const UNSETTLED_MS = 50;
/** How often it is asked whether it is ready. */
const ASK_MS = 1000;
const HEARD_LENGTH = 200;
const DOING = 'Cannot keep the server still';

/** @throws Failure `server_busy` when its console cannot be reached, `cancelled`. */
export async function hold(console: GameConsole, server: GameServer, options: HoldOptions): Promise<Stillness> {
  const { how, rules, signal } = options;
  const open = await console.open(server, signal);
  try {
    await open.type(rules.hold);
    if (open.unheard !== undefined) {
      await settle(signal);
      return { how, doubt: `its console cannot be heard: ${open.unheard.message}` };
    }
    const { line, answer } = await answered(open, options);
    throwIfAborted(signal, DOING);
    if (answer === undefined && open.ended) {
      await settle(signal);
      return { how, doubt: 'its console ended before it said that it has saved' };
    }
    if (answer === undefined) {
      return {
        how,
        doubt: `it did not say within ${(options.answerMs ?? ANSWER_MS) / 1000} seconds that it has saved`,
      };
    }
    await pause(UNSETTLED_MS, signal);
    const heard = heardText(line);
    if (answer.said === 'unusable') return { how, heard, doubt: answer.why };
    return { how, heard, ...(answer.held === undefined ? {} : { held: answer.held }) };
  } finally {
    open.close();
  }
}

/** Waits as long as games usually write. @throws Failure `cancelled`. */
export function settle(signal: AbortSignal): Promise<void> {
  return pause(SETTLE_MS, signal);
}

async function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  await wait(milliseconds, undefined, { signal }).catch(() => undefined);
  throwIfAborted(signal, DOING);
}

/** What a game said, as a backup's facts hold it. */
export function heardText(line: string): string {
  return printableText(line).slice(0, HEARD_LENGTH);
}

interface Heard {
  readonly line: string;
  readonly answer: Answer | undefined;
}

async function answered(open: OpenConsole, { rules, signal, answerMs = ANSWER_MS }: HoldOptions): Promise<Heard> {
  const read = rules.reader();
  const until = performance.now() + answerMs;
  let askAt = 0;
  for (let now = performance.now(); now < until && !signal.aborted; now = performance.now()) {
    if (rules.ask !== undefined && now >= askAt) {
      await open.type([rules.ask]);
      askAt = now + ASK_MS;
    }
    const line = await open.next(Math.min(until, rules.ask === undefined ? until : askAt) - now);
    const answer = line === undefined ? undefined : read(line);
    if (line !== undefined && answer !== undefined) return { line, answer };
    // Asking on would be a loop that lets nothing else run.
    if (line === undefined && open.ended) break;
  }
  return { line: '', answer: undefined };
}
