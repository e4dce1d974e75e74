/** A way to a game's console: typing, and hearing what it says. */
import type { Failure } from '../../base/failure.ts';
import type { GameServer } from '../registry.ts';

export interface GameConsole {
  /**
   * Begins to listen. A console that can be typed at and not heard opens all the same.
   *
   * @throws Failure `server_busy` when the game cannot be reached at all, `cancelled`.
   */
  open(server: GameServer, signal: AbortSignal): Promise<OpenConsole>;
}

export interface OpenConsole {
  /** Why what it says cannot be received. */
  readonly unheard?: Failure;
  /** True when nothing more is heard: `next` has no line any more, and returns at once. */
  readonly ended: boolean;
  /** @throws Failure `server_busy`, `cancelled`. */
  type(lines: readonly string[]): Promise<void>;
  /** The next line that was said since it was opened; undefined when none came in time, after an abort, or at its end. */
  next(timeoutMs: number): Promise<string | undefined>;
  close(): void;
}

/** Lines that wait to be read, within bounds: a game may say more than anyone reads. */
export class LineQueue {
  readonly #lines: string[] = [];
  #ended = false;
  #wake: () => void = () => undefined;

  add(lines: readonly string[]): void {
    for (const line of lines) if (this.#lines.length < MOST_LINES) this.#lines.push(line);
    this.#wake();
  }

  /** True when no further line comes, and all were taken. */
  get ended(): boolean {
    return this.#ended && this.#lines.length === 0;
  }

  /** No further line comes. */
  end(): void {
    this.#ended = true;
    this.#wake();
  }

  async next(timeoutMs: number, signal: AbortSignal): Promise<string | undefined> {
    if (this.#lines.length === 0 && !this.#ended && !signal.aborted) {
      await new Promise<void>((resolve) => {
        const over = (): void => {
          clearTimeout(timer);
          signal.removeEventListener('abort', over);
          resolve();
        };
        const timer = setTimeout(over, timeoutMs);
        signal.addEventListener('abort', over);
        this.#wake = over;
      });
      this.#wake = () => undefined;
    }
    return this.#lines.shift();
  }
}

const MOST_LINES = 10_000;
