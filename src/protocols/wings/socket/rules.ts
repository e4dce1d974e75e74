/** Who may open sockets, for each panel: the rules of its own daemon. */
import type { WingsFlavour } from '../flavour.ts';

export interface SocketRules {
  /** Whether pages of other origins than the panel's are refused. */
  readonly checksOrigin: boolean;
  /** Whether the sockets of a suspended server are closed. */
  readonly closesSuspended: boolean;
  /** Of one server. Only one of the daemons has a bound; ours for the others is more than their pages need. */
  readonly most: number;
}

export const SOCKET_RULES: Readonly<Record<WingsFlavour, SocketRules>> = {
  pterodactyl: { checksOrigin: true, closesSuspended: false, most: 100 },
  pelican: { checksOrigin: true, closesSuspended: true, most: 30 },
  calagopus: { checksOrigin: false, closesSuspended: false, most: 100 },
};
