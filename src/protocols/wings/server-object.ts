import type { ServerId } from '../../base/ids.ts';
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

/**
 * What each server uses, by its id.
 *
 * Source: calagopus/panel 76dfc96 api-clients/wings-api/src/lib.rs (`ResourceUsage`).
 */
export function utilizationOf(ids: readonly ServerId[]): Readonly<Record<string, object>> {
  const usage = {
    memory_bytes: 0,
    memory_limit_bytes: 0,
    disk_bytes: 0,
    state: 'offline',
    network: { rx_bytes: 0, rx_packets: 0, tx_bytes: 0, tx_packets: 0 },
    cpu_absolute: 0,
    cpu_limit_absolute: 0,
    uptime: 0,
  };
  return Object.fromEntries(ids.map((id) => [id, usage]));
}
