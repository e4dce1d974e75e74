/**
 * What a node asks of its panel once after its start: its servers' settings, and (where the config gives that to
 * Roost) that the panel ends what it believes its servers to be in the middle of.
 *
 * It promises that a start waits for neither, that both are tried until they succeed, and that the panel is told how
 * the restores of the last run ended before it resets: a restore that is under way must not be taken for a stuck one.
 */
import { backOff } from '../../../base/back-off.ts';
import { asFailure } from '../../../base/failure.ts';
import type { Log } from '../../../base/log.ts';
import { pause, type Timers } from '../../../base/timers.ts';
import type { BackupService } from '../../../jobs/contract.ts';
import type { PanelClient } from './client.ts';
import { applySettings } from './servers.ts';

export interface PanelStartupDeps {
  readonly panel: Pick<PanelClient, 'servers' | 'resetServers'>;
  readonly service: Pick<BackupService, 'servers' | 'setServer'>;
  /** `panel.owns_reset`. */
  readonly ownsReset: boolean;
  /**
   * True while anything is queued or runs that the panel asked for, or the panel is still owed the report of a restore.
   * Calagopus ends unfinished backups with a reset, all three end restores.
   */
  readonly busy: () => boolean;
  readonly timers: Timers;
  /** From 0 to below 1. */
  readonly random: () => number;
  readonly log: Log;
}

/** How often it looks whether that has ended which a reset would disturb. */
const LOOK_MS = 5000;

export class PanelStartup {
  readonly #deps: PanelStartupDeps;
  readonly #stop = new AbortController();
  #working: Promise<void> = Promise.resolve();

  constructor(deps: PanelStartupDeps) {
    this.#deps = deps;
  }

  /** Begins, and returns at once. */
  start(): void {
    this.#working = this.#run();
  }

  /** Resolves when all is done, or it was closed. */
  async settled(): Promise<void> {
    await this.#working;
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#working;
  }

  /** Never rejects. */
  async #run(): Promise<void> {
    await this.#untilDone('Cannot read the servers’ settings from the panel', () => this.#readSettings());
    if (!this.#deps.ownsReset) return;
    while (this.#deps.busy() && !this.#stop.signal.aborted) await this.#pause(LOOK_MS);
    await this.#untilDone('Cannot have the panel reset its servers', () =>
      this.#deps.panel.resetServers(this.#stop.signal),
    );
  }

  /** Servers that the panel names and this host lacks are passed over: they come when their directory does. */
  async #readSettings(): Promise<void> {
    const { panel, service } = this.#deps;
    const here = new Map((await service.servers()).map((view) => [view.id, view]));
    for await (const { id, settings } of panel.servers(this.#stop.signal)) {
      const view = here.get(id);
      if (view !== undefined) await applySettings(view, settings, service);
    }
  }

  async #untilDone(doing: string, act: () => Promise<void>): Promise<void> {
    const { log, random } = this.#deps;
    for (let tries = 0; !this.#stop.signal.aborted; tries++) {
      try {
        await act();
        if (tries > 0) log.info('The panel answers again', { tries });
        return;
      } catch (error) {
        if (this.#stop.signal.aborted) return;
        log[tries === 0 ? 'warn' : 'debug'](`${doing}; it is tried again`, { error: asFailure(error, doing) });
      }
      await this.#pause(backOff(tries, random()));
    }
  }

  #pause(milliseconds: number): Promise<void> {
    return pause(this.#deps.timers, milliseconds, this.#stop.signal);
  }
}
