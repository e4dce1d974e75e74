/**
 * Two requests to the panel after a start: one for its servers' settings and, with `panel.owns_reset`, one that resets work
 * which the panel still believes to be running.
 *
 * Promises: the start does not wait for them; both are retried until they succeed. The reset comes only after the reports
 * of the last run's restores, so that a running restore is not taken for a stuck one.
 */
import { backOff } from '../../../base/retry.ts';
import { asFailure } from '../../../base/failure.ts';
import type { Log } from '../../../base/log/log.ts';
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
   * True while work of the panel is queued or running, or the report of a restore is not delivered. Calagopus ends
   * unfinished backups with a reset, all three end restores.
   */
  readonly busy: () => boolean;
  /** The panel has reset its servers, or answered that it does not. */
  readonly onReset?: () => void;
  readonly timers: Timers;
  /** From 0 to below 1. */
  readonly random: () => number;
  readonly log: Log;
}

const LOOK_MS = 5000;

export class PanelStartup {
  readonly #deps: PanelStartupDeps;
  readonly #stop = new AbortController();
  #working: Promise<void> = Promise.resolve();

  constructor(deps: PanelStartupDeps) {
    this.#deps = deps;
  }

  start(): void {
    this.#working = this.#run();
  }

  /** Resolves when all is done, or after `close`. */
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
    await this.#untilDone('Cannot have the panel reset its servers', () => this.#reset());
  }

  async #reset(): Promise<void> {
    const { panel, onReset } = this.#deps;
    try {
      await panel.resetServers(this.#stop.signal);
    } catch (error) {
      // A panel that refuses is there: what it is owed must not wait for a reset that never comes.
      if ((asFailure(error, '').detail.httpStatus ?? 500) < 500) onReset?.();
      throw error;
    }
    onReset?.();
  }

  /** Servers without a directory here are skipped. */
  async #readSettings(): Promise<void> {
    const { panel, service } = this.#deps;
    const here = new Map((await service.servers()).filter(({ directory }) => directory).map((view) => [view.id, view]));
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
