/**
 * A progress line: percentage, bar, bytes, speed, time left. Drawn only on a terminal, at most ten times a second,
 * within its width: the least useful fields are dropped first.
 */
import type { Clock } from '../../base/clock.ts';
import { filesText, formatBytes } from '../../base/sizes.ts';
import type { Terminal } from './terminal.ts';

const REDRAW_MILLISECONDS = 100;
/** Before, the mean speed is that of a start. */
const GUESS_SECONDS = 1;
const NARROWEST_BAR = 6;
const WIDEST_BAR = 30;

export interface ProgressState {
  /** The current phase, such as `writing`. */
  readonly phase: string;
  readonly bytesDone: number;
  /** 0 while unknown. */
  readonly bytesTotal: number;
  readonly filesDone: number;
  readonly filesTotal: number;
  readonly bytesPerSecond: number;
  /** Seconds left, or null while unknown. */
  readonly etaSeconds: number | null;
}

/** The line of a state, at most `columns` characters. */
export function progressLine(state: ProgressState, columns: number): string {
  // A total that is exceeded says nothing.
  const isKnown = state.bytesTotal > 0 && state.bytesDone <= state.bytesTotal;
  const share = isKnown ? state.bytesDone / state.bytesTotal : 0;
  const percent = isKnown ? `${Math.floor(share * 100)}%`.padStart(4) : '    ';
  // Most useful first; added while they fit.
  const fields = [percent, formatBytes(state.bytesDone)];
  if (isKnown) fields[1] += ` of ${formatBytes(state.bytesTotal)}`;
  if (isKnown && state.etaSeconds !== null) fields.push(`${duration(state.etaSeconds)} left`);
  if (state.bytesPerSecond > 0) fields.push(`${formatBytes(state.bytesPerSecond)}/s`);
  if (state.filesTotal > 0 && state.filesDone <= state.filesTotal) {
    fields.push(`${state.filesDone}/${state.filesTotal} files`);
  } else if (state.filesDone > 0) fields.push(filesText(state.filesDone));
  let line = state.phase;
  for (const field of fields) {
    if (line.length + 2 + field.length > columns - 1) break;
    line += `  ${field}`;
  }
  // Some terminals wrap when the last column is written.
  const room = columns - 1 - line.length - 4;
  if (!isKnown || room < NARROWEST_BAR) return line.slice(0, Math.max(0, columns - 1));
  const width = Math.min(room, WIDEST_BAR);
  const filled = Math.round(share * width);
  return `${state.phase}  [${'#'.repeat(filled)}${'-'.repeat(width - filled)}]${line.slice(state.phase.length)}`;
}

/** Formats seconds: `0:07`, `12:34`, `1:02:03`. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const minutes = Math.floor(whole / 60) % 60;
  const hours = Math.floor(whole / 3600);
  const rest = String(whole % 60).padStart(2, '0');
  return hours > 0 ? `${hours}:${String(minutes).padStart(2, '0')}:${rest}` : `${minutes}:${rest}`;
}

/** Draws states; `end()` removes the line. */
export class ProgressBar {
  readonly #terminal: Terminal;
  readonly #clock: Clock;
  readonly #startedAt: number;
  #drawnAt = Number.NEGATIVE_INFINITY;

  constructor(terminal: Terminal, clock: Clock) {
    this.#terminal = terminal;
    this.#clock = clock;
    this.#startedAt = clock.monotonic();
  }

  /** Shows a state with a speed measured by the daemon. */
  show(state: ProgressState): void {
    const columns = this.#terminal.statusColumns;
    const now = this.#clock.monotonic();
    if (columns === undefined || now - this.#drawnAt < REDRAW_MILLISECONDS) return;
    this.#drawnAt = now;
    this.#terminal.status(progressLine(state, columns));
  }

  /** Shows counts, with the mean speed since the bar began. */
  count(phase: string, counts: Pick<ProgressState, 'bytesDone' | 'bytesTotal' | 'filesDone' | 'filesTotal'>): void {
    const seconds = (this.#clock.monotonic() - this.#startedAt) / 1000;
    const bytesPerSecond = seconds > 0 ? counts.bytesDone / seconds : 0;
    const left = counts.bytesTotal - counts.bytesDone;
    const canGuess = seconds >= GUESS_SECONDS && bytesPerSecond > 0 && counts.bytesTotal > 0 && left >= 0;
    const etaSeconds = canGuess ? left / bytesPerSecond : null;
    this.show({ phase, ...counts, bytesPerSecond, etaSeconds });
  }

  end(): void {
    this.#terminal.clearStatus();
  }
}
