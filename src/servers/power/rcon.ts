/**
 * Games that are kept still through RCON, on hosts without Wings. Stopping and starting them is left to programs, as with
 * the driver `command`; RCON can do neither.
 */
import type { Clock } from '../../base/clock.ts';
import { Failure } from '../../base/failure.ts';
import type { RconPowerConfig } from '../../config/types.ts';
import { ANSWER_MS, heardText, type Prepared, settle, STARTED, STOPPED } from '../quiesce/hold.ts';
import { type RconAddress, withRcon } from '../quiesce/rcon.ts';
import type { GameServer } from '../registry.ts';
import { CommandPower } from './command.ts';
import type { PowerPort, PowerState } from './port.ts';

const RESUME_MS = 10_000;

export class RconPower implements PowerPort {
  readonly #settings: RconPowerConfig;
  readonly #programs: CommandPower;
  readonly unmanaged?: boolean;
  readonly assumesState: boolean;

  constructor(settings: RconPowerConfig, clock: Clock) {
    this.#settings = settings;
    this.#programs = new CommandPower({ ...settings, driver: 'command', prepare: null, resume: null }, clock);
    this.assumesState = this.#programs.assumesState;
    if (settings.stop === null) this.unmanaged = true;
  }

  state(server: GameServer, signal?: AbortSignal): Promise<PowerState> {
    return this.#programs.state(server, signal);
  }

  stop(server: GameServer, signal: AbortSignal): Promise<void> {
    return this.unmanaged === true ? Promise.resolve() : this.#programs.stop(server, signal);
  }

  kill(server: GameServer, signal: AbortSignal): Promise<void> {
    return this.unmanaged === true ? Promise.resolve() : this.#programs.kill(server, signal);
  }

  start(server: GameServer): Promise<void> {
    return this.#programs.start(server);
  }

  /** A game answers `save-all flush` when it has written all, so what is heard is the answer to the lines themselves. */
  async prepare(server: GameServer, signal: AbortSignal): Promise<Prepared> {
    const address = this.#addressOf(server);
    if (address === undefined) return undefined;
    if (await this.#isStopped(server, signal)) return 'stopped';
    const { prepare, saved } = this.#settings;
    const answers = await withRcon(address, ANSWER_MS, signal, async (rcon) => {
      const said: string[] = [];
      for (const line of prepare) said.push(await rcon.command(line));
      return said;
    });
    const how = 'rcon';
    if (saved === null) {
      await settle(signal);
      return { how };
    }
    const heard = answers.find((answer) => answer.includes(saved)) ?? answers.at(-1) ?? '';
    const told = { how, heard: heardText(heard.trim()) };
    return heard.includes(saved) ? told : { ...told, doubt: 'it did not say that it has saved' };
  }

  /** Where nothing listens no game runs that was told to keep still. */
  async resume(server: GameServer, prepared?: Prepared): Promise<string | undefined> {
    const address = this.#addressOf(server);
    if (address === undefined) return undefined;
    const runs = await this.#release(address);
    if (prepared === 'stopped') return runs || !(await this.#isStopped(server)) ? STARTED : undefined;
    return prepared === undefined || runs ? undefined : STOPPED;
  }

  /** @returns false where nothing listens. */
  async #release(address: RconAddress): Promise<boolean> {
    try {
      await withRcon(address, RESUME_MS, undefined, async (rcon) => {
        for (const line of this.#settings.resume) await rcon.command(line);
      });
      return true;
    } catch (error) {
      if (!(error instanceof Failure) || error.facts['refused'] !== true) throw error;
      return false;
    }
  }

  /** Only where a program tells: what does not listen may be a game without RCON. */
  async #isStopped(server: GameServer, signal?: AbortSignal): Promise<boolean> {
    return this.#settings.status !== null && (await this.state(server, signal)) === 'stopped';
  }

  #addressOf({ id }: GameServer): RconAddress | undefined {
    const { host, port, password } = this.#settings.servers.find(({ id: each }) => each === id) ?? {};
    return host === undefined || port === undefined || password === undefined
      ? undefined
      : { host, port, password: password.reveal() };
  }
}
