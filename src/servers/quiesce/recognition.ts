/**
 * Which game a server runs, as its egg at the panel says. What was learned is kept over restarts: a panel that is away must
 * not make backups of running games worse, and a game that was told to keep still must be told to go on.
 */
import { type Clock, MINUTE_MS } from '../../base/clock.ts';
import { attempt } from '../../base/failure.ts';
import type { ServerId } from '../../base/ids.ts';
import { type Game, GAMES, type GameStartup, recognised } from './games.ts';

export interface RecognitionDeps {
  /** @throws Failure when the panel does not say. */
  readonly startup: (server: ServerId, signal: AbortSignal) => Promise<GameStartup>;
  readonly memory: { load(): string | undefined; save(text: string): void };
  readonly clock: Clock;
}

/**
 * An egg is changed seldom, and the panel need not be asked for each of many backups. What is not typed at is asked about
 * each time: it may be a game by now, which would be read while it writes, without a word.
 */
const FRESH_MS = 10 * MINUTE_MS;

export class Recognition {
  readonly #deps: RecognitionDeps;
  readonly #games: Map<string, Game | 'other'>;
  readonly #askedAt = new Map<ServerId, number>();

  constructor(deps: RecognitionDeps) {
    this.#deps = deps;
    this.#games = gamesIn(deps.memory.load());
  }

  /**
   * @returns undefined for a server that is not typed at.
   * @throws Failure of `startup` when nothing is known of the server.
   */
  async game(server: ServerId, signal: AbortSignal): Promise<Game | undefined> {
    const now = this.#deps.clock.monotonic();
    const known = this.known(server);
    if (known !== undefined && now - (this.#askedAt.get(server) ?? Number.NEGATIVE_INFINITY) < FRESH_MS) return known;
    try {
      const game = recognised(await this.#deps.startup(server, signal)) ?? 'other';
      this.#askedAt.set(server, now);
      if (this.#games.get(server) !== game) this.#keep(server, game);
    } catch (error) {
      if (!this.#games.has(server)) throw error;
    }
    return this.known(server);
  }

  /** As it was learned last. */
  known(server: ServerId): Game | undefined {
    const game = this.#games.get(server);
    return game === 'other' ? undefined : game;
  }

  #keep(server: ServerId, game: Game | 'other'): void {
    this.#games.set(server, game);
    this.#deps.memory.save(JSON.stringify(Object.fromEntries(this.#games)));
  }
}

/** Nothing for what another version stored. */
function gamesIn(text: string | undefined): Map<string, Game | 'other'> {
  const kept: unknown = text === undefined ? {} : attempt(() => JSON.parse(text) as unknown);
  const entries = typeof kept === 'object' && kept !== null ? Object.entries(kept as Record<string, unknown>) : [];
  const known = [...GAMES, 'other'] as const;
  return new Map(
    entries.flatMap(([server, game]) => known.filter((each) => each === game).map((each) => [server, each] as const)),
  );
}
