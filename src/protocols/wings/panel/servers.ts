/** The panel's settings of servers, and what Roost takes from them: name and suspension. */
import type { ServerId } from '../../../base/ids.ts';
import type { BackupService, ServerView } from '../../../jobs/contract.ts';

/** The settings of one server as sent; each field is checked where it is read. */
export type PanelSettings = Readonly<Record<string, unknown>>;

export interface PanelServers {
  /**
   * `GET /api/remote/servers/:s`: its `settings`.
   *
   * @throws Failure `server_not_found` when the panel has no such server; `store_unreachable` when it does not answer.
   */
  settings(server: ServerId, signal: AbortSignal): Promise<PanelSettings>;
  /** `POST /api/remote/servers/:s/install`: reports the server as installed. @throws Failure `store_unreachable`. */
  reportInstalled(server: ServerId, signal: AbortSignal): Promise<void>;
}

const LONGEST_NAME = 255;

/** Writes only what differs: each change is published to all listeners. */
export async function applySettings(
  { id, name: shown, suspended: before }: Pick<ServerView, 'id' | 'name' | 'suspended'>,
  settings: PanelSettings,
  service: Pick<BackupService, 'setServer'>,
): Promise<void> {
  const { suspended } = settings;
  const name = nameIn(settings);
  const change = {
    ...(typeof suspended === 'boolean' && suspended !== before ? { suspended } : {}),
    ...(name !== undefined && name !== shown ? { name } : {}),
  };
  if (Object.keys(change).length > 0) await service.setServer(id, change);
}

function nameIn({ meta }: PanelSettings): string | undefined {
  const name = typeof meta === 'object' && meta !== null && 'name' in meta ? meta.name : undefined;
  return typeof name === 'string' && name !== '' ? name.slice(0, LONGEST_NAME) : undefined;
}
