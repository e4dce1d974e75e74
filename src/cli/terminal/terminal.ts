/**
 * Where a command's words go: results to stdout, everything else (progress, warnings, failures) to stderr, so that a
 * pipe carries results only. A reader that leaves early (`| head`) is no error: later writes are dropped, and commands
 * that only print look at `outputClosed` and stop.
 */
import type { Writable } from 'node:stream';

type OutputStream = Writable & { readonly isTTY?: boolean; readonly columns?: number };

const CLEAR_LINE = '\r\u001b[K';
const FALLBACK_COLUMNS = 80;

export class Terminal {
  readonly #stdout: OutputStream;
  readonly #stderr: OutputStream;
  readonly #dumb: boolean;
  #outputClosed = false;
  #resultBegun = false;
  #statusShown = false;

  /** @param dumb true for a terminal without cursor movement (`TERM=dumb`): it gets no progress bars. */
  constructor(stdout: OutputStream, stderr: OutputStream, dumb: boolean) {
    this.#stdout = stdout;
    this.#stderr = stderr;
    this.#dumb = dumb;
    // Without a listener a closed pipe (EPIPE) would end the process with a stack trace, in the middle of its work.
    stdout.on('error', () => (this.#outputClosed = true));
    stderr.on('error', () => undefined);
  }

  /** True once nobody reads stdout any more. */
  get outputClosed(): boolean {
    return this.#outputClosed;
  }

  /** True once something was written to stdout: a second JSON object must not follow then. */
  get resultBegun(): boolean {
    return this.#resultBegun;
  }

  /** Columns of a progress line, or undefined where none may be drawn (stderr is no terminal). */
  get statusColumns(): number | undefined {
    if (this.#stderr.isTTY !== true || this.#dumb) return undefined;
    const columns = this.#stderr.columns ?? FALLBACK_COLUMNS;
    return columns > 0 ? columns : FALLBACK_COLUMNS;
  }

  /** Columns of stdout where it is a terminal, else undefined: a pipe is not wrapped or cut. */
  get outputColumns(): number | undefined {
    return this.#stdout.isTTY === true ? (this.#stdout.columns ?? FALLBACK_COLUMNS) : undefined;
  }

  /** Writes to stdout; resolves when more may be written, at once when nobody reads. */
  async result(text: string): Promise<void> {
    if (this.#outputClosed || text === '') return;
    this.#resultBegun = true;
    this.clearStatus();
    if (this.#stdout.write(text)) return;
    await new Promise<void>((resolve) => {
      const done = () => {
        for (const event of ['drain', 'error', 'close']) this.#stdout.off(event, done);
        resolve();
      };
      for (const event of ['drain', 'error', 'close']) this.#stdout.on(event, done);
    });
  }

  /** Writes one line to stderr. */
  note(line: string): void {
    this.clearStatus();
    this.#stderr.write(`${line}\n`);
  }

  /** Replaces the progress line; does nothing where there is no terminal. The caller keeps it within the columns. */
  status(line: string): void {
    if (this.statusColumns === undefined) return;
    this.#stderr.write(CLEAR_LINE + line);
    this.#statusShown = true;
  }

  /** Takes the progress line away, so that the next words start on a clean line. */
  clearStatus(): void {
    if (!this.#statusShown) return;
    this.#stderr.write(CLEAR_LINE);
    this.#statusShown = false;
  }
}
