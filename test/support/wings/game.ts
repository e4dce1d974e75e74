/**
 * A game at a Wings, with the rules of its power lock: one action at a time, a start that is lost while a stop still
 * holds the lock unless it was told to wait, a kill that passes the lock.
 *
 * Source: pterodactyl/wings server/power.go.
 */
import type { GameState } from './socket.ts';

/** What runs in the container. */
export interface GameProgram {
  start(): void;
  /** Asked to end: it may save. */
  stop(): void;
  kill(): void;
  /** A line on its console. */
  typed?(line: string): void;
}

const NO_PROGRAM: GameProgram = { start: () => undefined, stop: () => undefined, kill: () => undefined };

export class Game implements GameState {
  state: GameState['state'] = 'offline';
  readonly commands: string[] = [];
  started = false;
  program: GameProgram = NO_PROGRAM;
  /** What is said of each action: done, or lost. */
  readonly history: string[] = [];
  /** What a game that was asked to end waits for. */
  endsAfter: Promise<void> | undefined;
  /** Holds the lock of a stop for so long after the game has ended. */
  stopHolds: Promise<void> | undefined;
  onState: () => void = () => undefined;
  /** Says a line on its console. */
  say: (line: string) => void = () => undefined;
  #held: Promise<void> | undefined;

  /** @param waitSeconds 0 does not wait for the lock. @returns false when another action holds it: this one is lost. */
  async power(action: string, waitSeconds = 0): Promise<boolean> {
    if (action === 'kill') {
      this.#kill();
      return true;
    }
    if (this.#held !== undefined && !(await this.#waited(waitSeconds))) {
      this.history.push(`${action} lost`);
      return false;
    }
    const release = this.#hold();
    try {
      if (action !== 'start') await this.#stop();
      if (action !== 'stop') this.#start();
    } finally {
      release();
    }
    return true;
  }

  /** The terminal of the container shows what is typed. */
  type(line: string): void {
    this.commands.push(line);
    this.say(line);
    this.program.typed?.(line);
  }

  #start(): void {
    if (this.state !== 'offline') return void this.history.push('start refused');
    this.history.push('start');
    this.started = true;
    this.state = 'running';
    this.program.start();
    this.onState();
  }

  async #stop(): Promise<void> {
    if (this.state !== 'offline') {
      this.history.push('stop');
      this.state = 'stopping';
      if (this.endsAfter !== undefined) await this.endsAfter;
      this.program.stop();
      this.state = 'offline';
      this.onState();
    }
    if (this.stopHolds !== undefined) await this.stopHolds;
  }

  #kill(): void {
    if (this.state === 'offline') return;
    this.history.push('kill');
    this.program.kill();
    this.state = 'offline';
    this.onState();
  }

  #hold(): () => void {
    const held = Promise.withResolvers<void>();
    this.#held = held.promise;
    return () => {
      this.#held = undefined;
      held.resolve();
    };
  }

  async #waited(seconds: number): Promise<boolean> {
    if (seconds === 0) return false;
    const late = Promise.withResolvers<void>();
    const timer = setTimeout(late.resolve, seconds * 1000);
    while (this.#held !== undefined) {
      const isLate = await Promise.race([this.#held.then(() => false), late.promise.then(() => true)]);
      if (isLate) return false;
    }
    clearTimeout(timer);
    return true;
  }
}
