/**
 * Output of a command: results to stdout, all else (progress, warnings, failures) to stderr, so a pipe carries results
 * only. When the reader leaves early (`| head`), later writes are dropped, and printing commands stop at
 * `outputClosed`.
 */
import type { Writable } from 'node:stream';
import { painted } from './colour.ts';
import type { TableStyle } from './table.ts';

type OutputStream = Writable & { readonly isTTY?: boolean; readonly columns?: number };

const CLEAR_LINE = '\r\u001b[K';
const FALLBACK_COLUMNS = 80;

export class Terminal {
  readonly #stdout: OutputStream;
  readonly #stderr: OutputStream;
  readonly #dumb: boolean;
  readonly #colour: boolean;
  #outputClosed = false;
  #outputError: Error | undefined;
  #resultBegun = false;
  #statusShown = false;

  /**
   * @param dumb true for a terminal without cursor movement (`TERM=dumb`), which gets no progress bars.
   * @param colour whether colours are wanted where a stream is a terminal.
   */
  constructor(stdout: OutputStream, stderr: OutputStream, dumb: boolean, colour = false) {
    this.#stdout = stdout;
    this.#stderr = stderr;
    this.#dumb = dumb;
    this.#colour = colour;
    // Without a listener, EPIPE would end the process with a stack trace.
    stdout.on('error', (error: NodeJS.ErrnoException) => {
      this.#outputClosed = true;
      // A reader that has gone away is no failure of the command; any other error, such as a full disk, is.
      if (error.code !== 'EPIPE') this.#outputError = error;
    });
    stderr.on('error', () => undefined);
  }

  /** True once the reader of stdout has left. */
  get outputClosed(): boolean {
    return this.#outputClosed;
  }

  /** Why stdout took no more, other than that its reader has left. */
  get outputError(): Error | undefined {
    return this.#outputError;
  }

  /** True once stdout has output: a second JSON object must not follow. */
  get resultBegun(): boolean {
    return this.#resultBegun;
  }

  /** Columns of a progress line, or undefined where none may be drawn. */
  get statusColumns(): number | undefined {
    if (this.#stderr.isTTY !== true || this.#dumb) return undefined;
    const columns = this.#stderr.columns ?? FALLBACK_COLUMNS;
    return columns > 0 ? columns : FALLBACK_COLUMNS;
  }

  /** Columns of stdout if it is a terminal; a pipe is not wrapped. */
  get outputColumns(): number | undefined {
    return this.#stdout.isTTY === true ? (this.#stdout.columns ?? FALLBACK_COLUMNS) : undefined;
  }

  /** How a table is laid out on stdout. */
  get style(): TableStyle {
    return { columns: this.outputColumns, colour: this.#colour && this.#stdout.isTTY === true };
  }

  /** Writes to stdout; resolves when more may be written, at once when it is closed. */
  async result(text: string | Uint8Array): Promise<void> {
    if (this.#outputClosed || text.length === 0) return;
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

  /** Writes one line to stderr; what stands before its first colon may have a colour. */
  note(line: string): void {
    this.clearStatus();
    const word = this.#colour && this.#stderr.isTTY === true ? /^[a-z]+(?=:)/.exec(line)?.[0] : undefined;
    this.#stderr.write(`${word === undefined ? line : painted(word) + line.slice(word.length)}\n`);
  }

  /** Replaces the progress line on a terminal. The caller keeps it within the columns. */
  status(line: string): void {
    if (this.statusColumns === undefined) return;
    this.#stderr.write(CLEAR_LINE + line);
    this.#statusShown = true;
  }

  /** Removes the progress line before other output. */
  clearStatus(): void {
    if (!this.#statusShown) return;
    this.#stderr.write(CLEAR_LINE);
    this.#statusShown = false;
  }
}
