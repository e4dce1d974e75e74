import type { Clock } from '../../base/clock.ts';
import type { CommandPowerConfig } from '../../config/types.ts';
import { Failure } from '../../base/failure.ts';
import type { Stillness } from '../quiesce/hold.ts';
import { runProgram } from './program.ts';
import type { PowerPort, PowerState } from './port.ts';
import { stopAndWait } from './stop.ts';
import type { GameServer } from '../registry.ts';

/** 1 means "not running", as does 3 with `systemctl is-active` and LSB init scripts. */
const STOPPED = new Set([1, 3]);

/** Power by the operator's own programs: systemctl, docker, screen, a script. */
export class CommandPower implements PowerPort {
  readonly #settings: CommandPowerConfig;
  readonly #clock: Clock;
  readonly assumesState: boolean;

  constructor(settings: CommandPowerConfig, clock: Clock) {
    this.assumesState = settings.status === null && settings.stop !== null;
    this.#settings = settings;
    this.#clock = clock;
  }

  async state(server: GameServer, signal?: AbortSignal): Promise<PowerState> {
    const { status, stop } = this.#settings;
    // Without a stop program the server is managed elsewhere. With one, but no status program, assume it runs.
    if (status === null) return stop === null ? 'stopped' : 'running';
    const { code, output } = await this.#run(status, server, signal);
    if (code === 0) return 'running';
    if (code !== null && STOPPED.has(code)) return 'stopped';
    throw unclear(status, code, output);
  }

  async stop(server: GameServer, signal: AbortSignal): Promise<void> {
    const { status, stop, kill, timeoutSeconds } = this.#settings;
    if (stop === null && (await this.state(server, signal)) === 'stopped') return;
    if (stop === null) throw cannotStop();
    const act = async (argv: readonly string[]): Promise<void> => this.#obey(argv, server, signal);
    if (status === null) return act(stop);
    const stoppable = {
      state: () => this.state(server, signal),
      stop: () => act(stop),
      kill: kill === null ? undefined : () => act(kill),
    };
    await stopAndWait(stoppable, { clock: this.#clock, graceMs: timeoutSeconds * 1000 }, signal);
  }

  async kill(server: GameServer, signal: AbortSignal): Promise<void> {
    const { kill, status } = this.#settings;
    if (kill === null || status === null) return this.stop(server, signal);
    const act = (): Promise<void> => this.#obey(kill, server, signal);
    const killable = { state: () => this.state(server, signal), stop: act, kill: undefined };
    await stopAndWait(killable, { clock: this.#clock, graceMs: this.#settings.timeoutSeconds * 1000 }, signal);
  }

  async start(server: GameServer): Promise<void> {
    if (this.#settings.start !== null) await this.#obey(this.#settings.start, server);
  }

  async prepare(server: GameServer, signal: AbortSignal): Promise<Stillness | undefined> {
    if (this.#settings.prepare === null) return undefined;
    await this.#obey(this.#settings.prepare, server, signal);
    return { how: 'program' };
  }

  async resume(server: GameServer): Promise<undefined> {
    if (this.#settings.resume !== null) await this.#obey(this.#settings.resume, server);
  }

  /** @throws Failure `server_busy` unless the program exits with 0. */
  async #obey(argv: readonly string[], server: GameServer, signal?: AbortSignal): Promise<void> {
    const { code, output } = await this.#run(argv, server, signal);
    if (code !== 0) throw unclear(argv, code, output);
  }

  #run(argv: readonly string[], server: GameServer, signal?: AbortSignal) {
    const filled = argv.map((word) => word.replaceAll('{server}', server.id).replaceAll('{path}', server.path));
    const timeoutMs = this.#settings.timeoutSeconds * 1000;
    return runProgram({ argv: filled, timeoutMs, signal });
  }
}

function unclear(argv: readonly string[], code: number | null, output: string): Failure {
  const ended = code === null ? 'was killed' : `ended with code ${code}`;
  const said = output === '' ? '' : `, saying: ${output}`;
  return new Failure('server_busy', `Cannot manage the server: ${argv[0] ?? ''} ${ended}${said}`, {
    facts: { program: argv[0], code },
    hint: 'Run it by hand as the user of Roost; see power in the config for what each exit code means.',
    retry: true,
  });
}

function cannotStop(): Failure {
  return new Failure('server_busy', 'Cannot stop the server: it runs, and the config names no program that stops it', {
    hint: 'Set power.stop, or stop the server first.',
  });
}
