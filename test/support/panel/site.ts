/** A panel and a whole daemon that is its node, over real connections. */
import type { Clock } from '../../../src/base/clock.ts';
import { silentLog } from '../../../src/base/log/log.ts';
import type { Daemon } from '../../../src/cli/daemon.ts';
import { composeDaemon } from '../../../src/compose/daemon.ts';
import { parseConfig } from '../../../src/config/config.ts';
import { onTestFinished } from 'vitest';
import { caller, GAME_SERVER, type RunningDaemon, scratchHost } from '../daemon.ts';
import { openPanel, type PanelOptions } from './panel.ts';

export interface SiteOptions extends PanelOptions {
  /** Of the node's config. */
  readonly backupDirectories?: readonly string[];
  /** More YAML at the top level. */
  readonly more?: string;
}

export async function openPanelSite(options: SiteOptions) {
  // Tests say when the panel has committed, unless they are about that.
  const panel = await openPanel({ commitAfter: 0, ...options });
  const server = panel.addServer(GAME_SERVER);
  const { tokenId, token } = panel.node;
  const { backupDirectories = [], more = '' } = options;
  const settings = {
    flavour: panel.flavour,
    url: panel.url,
    token_id: tokenId,
    token,
    restore_host_allowlist: ['127.0.0.1'],
    backup_directories: backupDirectories,
  };
  const host = await scratchHost(`panel: ${JSON.stringify(settings)}\n${more}`);

  /** Starts the daemon, as often as it was stopped. */
  async function start(clock?: Clock): Promise<RunningDaemon> {
    const config = parseConfig('config.yml', host.config, {});
    const daemon: Daemon = await composeDaemon(config, { log: silentLog(), ...(clock === undefined ? {} : { clock }) });
    onTestFinished(() => daemon.stop());
    const { url } = await daemon.start();
    panel.daemon.url = url;
    return { daemon, url, call: caller(url) };
  }

  return { panel, server, host, start, ...(await start(options.clock)) };
}
