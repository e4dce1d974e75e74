/** A game that goes on writing its world every few milliseconds, and answers what is typed at it. */
import { createHash, randomBytes } from 'node:crypto';
import type { Game, GameProgram } from '../wings/game.ts';

export abstract class TickingGame implements GameProgram {
  protected readonly directory: string;
  protected readonly game: Game;
  /** Called with each line that is typed, before the game hears it. */
  onTyped: (line: string) => void = () => undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(directory: string, game: Game) {
    this.directory = directory;
    this.game = game;
  }

  start(): void {
    const next = (): void => {
      this.#timer = setTimeout(() => {
        this.tick();
        next();
      }, 4);
    };
    next();
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  kill(): void {
    this.stop();
  }

  typed(line: string): void {
    this.onTyped(line);
    this.hear(line);
  }

  protected abstract tick(): void;
  protected abstract hear(line: string): void;
}

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

export function noise(length: number): Buffer {
  return randomBytes(length);
}
