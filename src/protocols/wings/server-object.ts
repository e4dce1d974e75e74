import type { ServerView } from '../../jobs/contract.ts';

/**
 * A server in the form of the panel's own daemon. Panels read `state` and `utilization`; Roost does not run the game,
 * so they are "offline" and zero.
 */
export function serverObject({ id, name, suspended }: ServerView) {
  return {
    state: 'offline',
    is_suspended: suspended,
    utilization: {
      memory_bytes: 0,
      memory_limit_bytes: 0,
      cpu_absolute: 0,
      network: { rx_bytes: 0, tx_bytes: 0 },
      disk_io: { read_bytes: 0, write_bytes: 0 },
      uptime: 0,
      state: 'offline',
      disk_bytes: 0,
    },
    configuration: { uuid: id, meta: { name, description: '' }, suspended },
  };
}
