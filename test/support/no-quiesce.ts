import type { WingsQuiesce } from '../../src/servers/power/power.ts';

/** No panel says which game a server runs. */
export const NO_QUIESCE: WingsQuiesce = { games: undefined, origin: undefined, socketToken: () => 'none' };
