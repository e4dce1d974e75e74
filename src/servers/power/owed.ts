/**
 * Starts and restarts after a restore, and console lines after a backup, that Roost owes a server: they are repeated until
 * they have taken effect, across restarts of Roost and while Wings is away. Order of writes: the debt is stored, then
 * requested from Wings, and removed when its effect is seen.
 *
 * | killed after         | the next run                                     |
 * |----------------------|--------------------------------------------------|
 * | it was stored        | requests it                                      |
 * | it was requested     | reads the state, then requests at most once more |
 * | it was removed       | nothing is left to do                            |
 *
 * Letting a server write again is owed from before it is asked to stop writing. It is not asked while what was owed from
 * before is being sent: that would end the stillness of the new reading.
 *
 * Wings answers a start at once, but drops it while a stop still holds its lock. So the state is read until it leaves
 * offline, and the start is sent once more. A stop of the same server cancels the start that is owed to it, and
 * nothing is started while a job has the server.
 */
import { DAY_MS, HOUR_MS, type Clock } from '../../base/clock.ts';
import { attempt, unlessAborted } from '../../base/failure.ts';
import type { Log } from '../../base/log/log.ts';
import type { Timers } from '../../base/timers.ts';
import type { GameServer } from '../registry.ts';
import type { Prepared } from '../quiesce/hold.ts';
import type { PowerPort, PowerState } from './port.ts';

/** How often the state of a started server is looked at, and an absent Wings asked again. */
const LOOK_MS = 2000;
/** A start waits this long for the end of a stop; then it was dropped. */
const DROPPED_MS = 35_000;
const MOST_STARTS = 2;
/** A killed game ends at once, unless it hangs in the kernel. */
const KILL_MS = 60_000;
/** An operator has looked after the server by then; a game that does not save loses all that is played, and shows nothing. */
const OWED_MS = { start: HOUR_MS, restart: HOUR_MS, resume: 30 * DAY_MS };

type Kind = 'start' | 'restart' | 'resume';

interface Debt {
  readonly kind: Kind;
  readonly server: GameServer;
  /** Milliseconds since the epoch. */
  readonly since: number;
  /** How often it was asked for with success, and when last. */
  readonly asked: number;
  readonly askedAt: number;
}

/** Keeps one text over restarts. */
export interface OwedMemory {
  load(): string | undefined;
  save(text: string): void;
}

export interface OwedPowerDeps {
  readonly power: PowerPort;
  readonly memory: OwedMemory;
  /** True where a start takes effect after its answer: its end is looked for. */
  readonly startsLater: boolean;
  /** True while a job has the server. */
  readonly isBusy: (server: GameServer) => boolean;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: Log;
}

export class OwedPower implements PowerPort {
  readonly unmanaged?: boolean;
  readonly cannotQuiesce?: boolean;
  readonly assumesState?: boolean;
  readonly patienceMs?: number;
  readonly #deps: OwedPowerDeps;
  /** The wall clock's time at 0 of the monotonic one, as it was at first. */
  readonly #epoch: number;
  #debts: readonly Debt[];
  #cancel: (() => void) | undefined;
  #tending: Promise<void> = Promise.resolve();
  #closed = false;
  /** Servers that are let write again at this moment. */
  readonly #resuming = new Map<string, Promise<unknown>>();

  constructor(deps: OwedPowerDeps) {
    this.#deps = deps;
    this.#epoch = deps.clock.now() - deps.clock.monotonic();
    const { unmanaged, cannotQuiesce, assumesState, patienceMs } = deps.power;
    if (unmanaged === true) this.unmanaged = true;
    if (cannotQuiesce === true) this.cannotQuiesce = true;
    if (assumesState === true) this.assumesState = true;
    if (patienceMs !== undefined) this.patienceMs = patienceMs;
    this.#debts = debtsIn(deps.memory.load());
    this.#schedule();
  }

  state(server: GameServer, signal?: AbortSignal): Promise<PowerState> {
    return this.#deps.power.state(server, signal);
  }

  async stop(server: GameServer, signal: AbortSignal): Promise<void> {
    this.#settle('start', server);
    await this.#deps.power.stop(server, signal);
  }

  async kill(server: GameServer, signal: AbortSignal): Promise<void> {
    this.#settle('start', server);
    await this.#deps.power.kill(server, signal);
    this.#settle('restart', server);
  }

  restartLater(server: GameServer): void {
    this.#replace('restart', server, this.#newDebt('restart', server));
    this.#schedule();
  }

  async start(server: GameServer): Promise<void> {
    const { power } = this.#deps;
    if (this.unmanaged === true) return power.start(server);
    await this.#pay('start', server, () => power.start(server));
  }

  async prepare(server: GameServer, signal: AbortSignal): Promise<Prepared> {
    const { power } = this.#deps;
    if (this.cannotQuiesce === true) return power.prepare(server, signal);
    // Owed before anything is typed; what was owed from before is now owed by this reading.
    this.#replace('resume', server, this.#newDebt('resume', server));
    try {
      await unlessAborted(this.#resuming.get(server.id) ?? Promise.resolve(), signal, 'Cannot keep the server still');
      const prepared = await power.prepare(server, signal);
      if (prepared === undefined || prepared === 'stopped') this.#settle('resume', server);
      return prepared;
    } finally {
      this.#schedule();
    }
  }

  async resume(server: GameServer, prepared?: Prepared): Promise<string | undefined> {
    const { power } = this.#deps;
    if (this.cannotQuiesce === true) return power.resume(server, prepared);
    return this.#pay('resume', server, () => power.resume(server, prepared));
  }

  /** Stops looking; what is owed is gone on with by the next run. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#cancel?.();
    await this.#tending;
  }

  async #pay<Answer>(kind: Kind, server: GameServer, ask: () => Promise<Answer>): Promise<Answer> {
    const debt = this.#newDebt(kind, server);
    this.#replace(kind, server, debt);
    try {
      const answer = await ask();
      this.#asked(debt);
      return answer;
    } finally {
      this.#schedule();
    }
  }

  /** A clock that is set while a server waits must neither give it up nor hold it up. */
  #now(): number {
    return this.#epoch + this.#deps.clock.monotonic();
  }

  #newDebt(kind: Kind, server: GameServer): Debt {
    return { kind, server, since: this.#now(), asked: 0, askedAt: 0 };
  }

  #asked(debt: Debt): void {
    if (!this.#debts.includes(debt)) return;
    const { kind, server } = debt;
    const isOver = kind === 'resume' || !this.#deps.startsLater;
    this.#replace(kind, server, isOver ? undefined : { ...debt, asked: debt.asked + 1, askedAt: this.#now() });
  }

  #settle(kind: Kind, server: GameServer): void {
    if (this.#debts.some((debt) => debt.kind === kind && debt.server.id === server.id)) {
      this.#replace(kind, server, undefined);
    }
  }

  #replace(kind: Kind, server: GameServer, debt: Debt | undefined): void {
    const others = this.#debts.filter((each) => each.kind !== kind || each.server.id !== server.id);
    this.#debts = debt === undefined ? others : [...others, debt];
    try {
      this.#deps.memory.save(JSON.stringify(this.#debts));
    } catch (error) {
      this.#deps.log.warn('Cannot store what a server is owed', { server: server.id, kind, error });
    }
  }

  #schedule(): void {
    if (this.#closed || this.#cancel !== undefined || this.#debts.length === 0) return;
    this.#cancel = this.#deps.timers.after(LOOK_MS, () => {
      this.#cancel = undefined;
      this.#tending = this.#tend().finally(() => this.#schedule());
    });
  }

  async #tend(): Promise<void> {
    for (const debt of this.#debts) {
      if (this.#closed) return;
      try {
        await this.#look(debt);
      } catch (error) {
        this.#deps.log.debug('A server is still owed', { server: debt.server.id, kind: debt.kind, error });
      }
    }
  }

  async #look(debt: Debt): Promise<void> {
    const { kind, server, since, asked, askedAt } = debt;
    const { power, log } = this.#deps;
    // A reading that takes longer is owed its end all the same.
    if (this.#deps.isBusy(server)) return;
    if (this.#now() - since > OWED_MS[kind]) {
      log.error('A server was not started or resumed in time: it is given up', { server: server.id, kind });
      return this.#settle(kind, server);
    }
    if (kind === 'restart') return this.#restart(debt);
    if (kind === 'start') {
      if ((await power.state(server)) === 'running') return this.#settle(kind, server);
      if (asked > 0 && this.#now() - askedAt < DROPPED_MS) return;
      if (asked >= MOST_STARTS) {
        log.error('A server stays offline although it was started twice after a restore', { server: server.id });
        return this.#settle(kind, server);
      }
    }
    // A job may have taken the server while its state was asked for.
    if (this.#deps.isBusy(server) || !this.#debts.includes(debt)) return;
    await (kind === 'start' ? power.start(server) : this.#resumeLate(server));
    this.#asked(debt);
  }

  async #resumeLate(server: GameServer): Promise<void> {
    const resuming = this.#deps.power.resume(server);
    this.#resuming.set(
      server.id,
      resuming.catch(() => undefined),
    );
    try {
      await resuming;
    } finally {
      this.#resuming.delete(server.id);
    }
  }

  /** Kills and starts the server. Once seen offline, nothing of the old run is left, so the restart is settled. */
  async #restart(debt: Debt): Promise<void> {
    const { server } = debt;
    const { power, log, isBusy } = this.#deps;
    if ((await power.state(server)) === 'stopped') return this.#settle('restart', server);
    if (isBusy(server) || !this.#debts.includes(debt)) return;
    log.warn('A server ran on while its files were restored: it is ended and started', { server: server.id });
    if (!this.#debts.some(({ kind, server: { id } }) => kind === 'start' && id === server.id)) {
      this.#replace('start', server, this.#newDebt('start', server));
    }
    await power.kill(server, AbortSignal.timeout(KILL_MS));
    this.#settle('restart', server);
  }
}

/** Entries that this version does not know are left out. */
function debtsIn(text: string | undefined): readonly Debt[] {
  const list: unknown = text === undefined ? [] : attempt(() => JSON.parse(text) as unknown);
  return Array.isArray(list) ? list.filter(isDebt) : [];
}

function isDebt(value: unknown): value is Debt {
  if (typeof value !== 'object' || value === null) return false;
  const { kind, server, since, asked, askedAt } = value as Partial<Debt>;
  const numbers = [since, asked, askedAt].every((number) => typeof number === 'number');
  return (kind === 'start' || kind === 'restart' || kind === 'resume') && numbers && typeof server?.id === 'string';
}
