/** The part of Roost's unit that follows from its place before Wings. */
import { quotedPath } from '../setup/drop-in.ts';
import type { Takeover } from './look.ts';

const PRIVILEGED_PORTS = 1024;

export function frontDropIn({ data, backupDirectory, listen }: Takeover): string {
  const paths = [data, ...(backupDirectory === null ? [] : [backupDirectory])];
  return [
    '# Made by "roost front"; "roost front --undo" takes it away. Other settings: systemctl edit roost.',
    '[Unit]',
    '# What a power failure has cut is ended before games start.',
    'Before=wings.service',
    '[Service]',
    ...paths.map((path) => `ReadWritePaths=${quotedPath(path)}`),
    '# What players and panels wait for passes through it.',
    'Nice=0',
    'CPUWeight=100',
    ...(listen.port < PRIVILEGED_PORTS
      ? ['AmbientCapabilities=CAP_NET_BIND_SERVICE', 'CapabilityBoundingSet=CAP_NET_BIND_SERVICE']
      : []),
    '',
  ].join('\n');
}
