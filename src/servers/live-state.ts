/**
 * Whether servers run, as Wings says.
 *
 * For: what shows servers. Promises: Wings is asked on demand, at most every two seconds, and once for
 * all; an answer of more than half a minute ago is not shown. Never: holds a connection open for it.
 */
import type { Clock } from '../base/clock.ts';
import type { ServerId } from '../base/ids.ts';

export const GAME_STATES = ['offline', 'starting', 'running', 'stopping'] as const;

/** `unknown`: Wings does not answer, or does not know the server. */
export type GameState = (typeof GAME_STATES)[number] | 'unknown';

export interface LiveStateDeps {
  readonly clock: Clock;
  /** Rejects when Wings does not answer. */
  readonly read: () => Promise<ReadonlyMap<ServerId, string>>;
  /** A state is another than it was when it was last read. */
  readonly onChange: (server: ServerId, state: GameState) => void;
}

const FRESH_MS = 2_000;
const KEPT_MS = 30_000;

export class LiveState {
  readonly #deps: LiveStateDeps;
  #states: ReadonlyMap<ServerId, GameState> | undefined;
  #readAt = Number.NEGATIVE_INFINITY;
  #triedAt = Number.NEGATIVE_INFINITY;
  #reading: Promise<void> | undefined;

  constructor(deps: LiveStateDeps) {
    this.#deps = deps;
  }

  /** The states that are known; of a server that is not in it, nothing is. Never rejects. */
  async states(): Promise<ReadonlyMap<ServerId, GameState>> {
    if (this.#now() - this.#triedAt >= FRESH_MS) this.#reading ??= this.#read();
    await this.#reading;
    return this.#now() - this.#readAt <= KEPT_MS ? (this.#states ?? new Map()) : new Map();
  }

  async #read(): Promise<void> {
    this.#triedAt = this.#now();
    try {
      const answer = await this.#deps.read();
      const states = new Map([...answer].map(([server, state]) => [server, stateOf(state)] as const));
      const before = this.#states;
      this.#states = states;
      this.#readAt = this.#now();
      for (const [server, state] of states) {
        if (before !== undefined && before.get(server) !== state) this.#deps.onChange(server, state);
      }
    } catch {
      // The last answer is shown until it expires; after that the states are unknown.
    } finally {
      this.#reading = undefined;
    }
  }

  #now(): number {
    return this.#deps.clock.monotonic();
  }
}

function stateOf(text: string): GameState {
  return GAME_STATES.find((known) => known === text) ?? 'unknown';
}
