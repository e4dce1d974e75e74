/**
 * Power through the node API of a Wings daemon on this host: `GET /api/servers/:id` returns the state; `POST …/power`
 * {action, wait_seconds?} and `POST …/commands` {commands} take effect after the answer (202, 204).
 */
import { z } from 'zod';
import type { Clock } from '../../base/clock.ts';
import type { ServerId } from '../../base/ids.ts';
import type { WingsPowerConfig } from '../../config/types.ts';
import { Failure, fetchReason, throwIfAborted } from '../../base/failure.ts';
import type { GameConsole } from '../quiesce/console.ts';
import { type GameRules, linesUntil, RULES } from '../quiesce/games.ts';
import {
  type GameRun,
  hold,
  type Prepared,
  RESTARTED,
  settle,
  STARTED,
  type Stillness,
  STOPPED,
} from '../quiesce/hold.ts';
import type { Recognition } from '../quiesce/recognition.ts';
import { WingsConsole } from '../quiesce/wings-console.ts';
import type { PowerPort, PowerState } from './port.ts';
import { stopAndWait } from './stop.ts';
import type { GameServer } from '../registry.ts';

/** Wings answers at once and acts afterwards. */
const ANSWER_MS = 15_000;
/** Without it, Wings silently drops a start while a stop still holds its lock (server/power.go; 0 to 300). */
const START_WAITS_SECONDS = 30;
/** Wings says "stopping" as soon as it has taken a stop; after this time it is asked again. */
const TAKEN_MS = 10_000;
const ANSWER_LENGTH = 64 * 1024;
/** By how much an uptime may be behind: Docker measures each second, and later where the disk is busy. */
const UPTIME_LAG_MS = 60_000;

/** What keeping a game still needs of the panel. */
export interface WingsQuiesce {
  /** Undefined where no panel says which game a server runs. */
  readonly games: Pick<Recognition, 'game' | 'known'> | undefined;
  /** The panel's origin; undefined where it is not known. */
  readonly origin: string | undefined;
  /** @param key the node's token. */
  readonly socketToken: (server: ServerId, key: string) => string;
}

/** Source: pterodactyl/wings server/server.go (`APIResponse`), environment/stats.go. */
const Answer = z.object({
  state: z.string().min(1),
  utilization: z
    .object({ uptime: z.number().optional().catch(undefined) })
    .optional()
    .catch(undefined),
});

interface Seen {
  /** As Wings names it: offline, starting, running, stopping. */
  readonly state: string;
  /** Milliseconds; undefined where Wings does not say, or has not measured yet. */
  readonly uptime: number | undefined;
}

interface Asked {
  readonly how: string;
  /** Absent where nothing is listened for. */
  readonly rules?: GameRules;
}

export class WingsPower implements PowerPort {
  readonly #settings: WingsPowerConfig;
  readonly #clock: Clock;

  readonly patienceMs: number;
  readonly #quiesce: WingsQuiesce;

  /** @param patienceMs how long a restore waits for a Wings that is away. */
  constructor(settings: WingsPowerConfig, clock: Clock, quiesce: WingsQuiesce, patienceMs = 0) {
    this.#settings = settings;
    this.#quiesce = quiesce;
    this.#clock = clock;
    this.patienceMs = patienceMs;
  }

  async state(server: GameServer, signal?: AbortSignal): Promise<PowerState> {
    return (await this.#look(server, signal)).state === 'offline' ? 'stopped' : 'running';
  }

  async #look(server: GameServer, signal?: AbortSignal): Promise<Seen> {
    const { success, data } = Answer.safeParse(await this.#call(server, '', undefined, signal));
    if (!success) throw unusable('its answer names no state of the server');
    const { uptime = 0 } = data.utilization ?? {};
    return { state: data.state, uptime: uptime > 0 ? uptime : undefined };
  }

  async stop(server: GameServer, signal: AbortSignal): Promise<void> {
    await this.#end(server, 'stop', signal);
  }

  async kill(server: GameServer, signal: AbortSignal): Promise<void> {
    await this.#end(server, 'kill', signal);
  }

  async #end(server: GameServer, first: 'stop' | 'kill', signal: AbortSignal): Promise<void> {
    const act = async (action: string): Promise<void> => {
      await this.#call(server, '/power', { action }, signal);
    };
    let [isStopping, askedAt] = [false, Number.POSITIVE_INFINITY];
    const ask = async (): Promise<void> => {
      await act(first);
      [isStopping, askedAt] = [false, this.#clock.monotonic()];
    };
    // A start queued behind the stop may run as soon as the game has ended, before it is seen offline: then stop again.
    const state = async (): Promise<PowerState> => {
      const { state: now } = await this.#look(server, signal);
      if (now === 'offline') return 'stopped';
      if (now !== 'stopping' && (isStopping || this.#clock.monotonic() - askedAt > TAKEN_MS)) await ask();
      isStopping = now === 'stopping';
      return 'running';
    };
    const stoppable = {
      state,
      stop: ask,
      kill: () => act('kill'),
    };
    const graceMs = this.#settings.timeoutSeconds * 1000;
    await stopAndWait(stoppable, { clock: this.#clock, graceMs }, signal);
  }

  async start(server: GameServer): Promise<void> {
    await this.#call(server, '/power', { action: 'start', wait_seconds: START_WAITS_SECONDS });
  }

  async prepare(server: GameServer, signal: AbortSignal): Promise<Prepared> {
    let asked: Asked | undefined;
    try {
      asked = await this.#rules(server, signal);
    } catch (error) {
      // Whichever game it is, it does not write.
      if ((await this.state(server, signal).catch(() => undefined)) === 'stopped') return 'stopped';
      throw error;
    }
    if (asked === undefined) return undefined;
    const { state, uptime } = await this.#look(server, signal);
    if (state === 'offline') return 'stopped';
    const run = { hasStarted: state === 'running', uptime, at: this.#clock.monotonic() };
    return { ...(await this.#hold(server, asked, signal)), run };
  }

  async #hold(server: GameServer, { how, rules }: Asked, signal: AbortSignal): Promise<Stillness> {
    if (rules !== undefined) return hold(this.console, server, { how, rules, signal });
    await this.#type(server, this.#settings.prepare, signal);
    await settle(signal);
    return { how };
  }

  async resume(server: GameServer, prepared?: Prepared): Promise<string | undefined> {
    const { prepare, resume } = this.#settings;
    const game = prepare.length > 0 ? undefined : this.#quiesce.games?.known(server.id);
    const lines = game === undefined ? resume : RULES[game].release;
    if (lines.length === 0 && prepared === undefined) return undefined;
    const seen = await this.#look(server);
    const doubt = doubtOf(prepared, seen, this.#clock.monotonic());
    try {
      if (lines.length > 0 && seen.state !== 'offline') await this.#type(server, lines);
    } catch (error) {
      // The run that was told to keep still is over, or ends.
      if (doubt === undefined) throw error;
    }
    return doubt;
  }

  /** By the lines of the config, else by what the game is known to understand; undefined: it is not typed at. */
  async #rules(server: GameServer, signal: AbortSignal): Promise<Asked | undefined> {
    const { prepare, resume, saved, quiesce } = this.#settings;
    const how = 'config';
    if (prepare.length > 0) return saved === null ? { how } : { how, rules: linesUntil(prepare, resume, saved) };
    const { games } = this.#quiesce;
    const game = quiesce === 'auto' ? await games?.game(server.id, signal) : undefined;
    return game === undefined ? undefined : { how: game, rules: RULES[game] };
  }

  get console(): GameConsole {
    const { url, token } = this.#settings;
    const { origin, socketToken } = this.#quiesce;
    const type = this.#type.bind(this);
    return new WingsConsole({ url, origin, token: (server) => socketToken(server, token.reveal()), type });
  }

  async #type(server: GameServer, commands: readonly string[], signal?: AbortSignal): Promise<void> {
    await this.#call(server, '/commands', { commands }, signal);
  }

  async #call(server: GameServer, path: string, body?: unknown, signal?: AbortSignal): Promise<unknown> {
    const limit = AbortSignal.timeout(ANSWER_MS);
    const stop = signal === undefined ? limit : AbortSignal.any([limit, signal]);
    try {
      return await this.#request(`${this.#settings.url}/api/servers/${server.id}${path}`, body, stop);
    } catch (error) {
      throwIfAborted(signal, 'Cannot ask Wings');
      if (error instanceof Failure) throw error;
      throw unusable(
        limit.aborted ? `it did not answer within ${ANSWER_MS / 1000} seconds` : fetchReason(error),
        error,
      );
    }
  }

  async #request(url: string, body: unknown, signal: AbortSignal): Promise<unknown> {
    const response = await fetch(url, {
      method: body === undefined ? 'GET' : 'POST',
      headers: {
        Authorization: `Bearer ${this.#settings.token.reveal()}`,
        Accept: 'application/json',
        ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
      },
      // A redirect would send the token to another host.
      redirect: 'error',
      signal,
      body: JSON.stringify(body),
    });
    const text = (await response.text()).slice(0, ANSWER_LENGTH);
    if (!response.ok) throw refused(response.status);
    return text === '' ? undefined : JSON.parse(text);
  }
}

/** @param seen at the end of the reading, at `now`. */
function doubtOf(prepared: Prepared, seen: Seen, now: number): string | undefined {
  if (prepared === undefined) return undefined;
  const { state } = seen;
  if (prepared === 'stopped') return state === 'offline' ? undefined : STARTED;
  if (state === 'offline' || state === 'stopping') return STOPPED;
  return prepared.run !== undefined && isAnother(prepared.run, seen, now) ? RESTARTED : undefined;
}

/** True when the game that is seen now is another run than before. */
function isAnother({ hasStarted, uptime: before, at }: GameRun, { state, uptime }: Seen, now: number): boolean {
  // An uptime comes only with its container, for which an image may have to be fetched.
  if (state === 'starting' && hasStarted) return true;
  // The very same one is not measured any more.
  if (before === undefined || uptime === undefined || uptime === before) return false;
  return uptime < before || uptime + UPTIME_LAG_MS < before + now - at;
}

function refused(status: number): Failure {
  const known: Readonly<Record<number, string>> = {
    401: 'it refuses the token (401)',
    403: 'it refuses the token (403)',
    404: 'it does not know the server (404)',
  };
  return unusable(known[status] ?? `it answered with status ${status}`);
}

function unusable(state: string, cause?: unknown): Failure {
  return new Failure('server_busy', `Cannot manage the server through Wings: ${state}`, {
    cause,
    hint: 'Check power.url and power.token in the config, and that Wings runs.',
    retry: true,
  });
}
