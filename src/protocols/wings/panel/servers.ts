/** What the routes of servers ask of the panel. Both reject with a Failure when the panel does not answer. */
import type { ServerId } from '../../../base/ids.ts';

/** The panel's settings of one server, as it sends them: what of it Roost reads is checked where it is read. */
export type PanelSettings = Readonly<Record<string, unknown>>;

export interface PanelServers {
  /**
   * `GET /api/remote/servers/:s`: the `settings` in it.
   *
   * @throws Failure `server_not_found` when the panel has no such server; `store_unreachable` when it does not answer.
   */
  settings(server: ServerId, signal: AbortSignal): Promise<PanelSettings>;
  /** `POST /api/remote/servers/:s/install`: the server is installed, as far as this node is concerned. */
  reportInstalled(server: ServerId, signal: AbortSignal): Promise<void>;
}
