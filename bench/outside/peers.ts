/** The programs beside which Roost is measured on trees that it did not make. */
import { spawnSync } from 'node:child_process';
import { findPeers, type Peers } from '../peers.ts';

export interface OutsidePeers extends Peers {
  /** Called with a directory and a file: the archive writer of Wings. */
  readonly wings: string | undefined;
  /** Called as `game DIR MIB` or `small DIR COUNT`: makes a tree. */
  readonly trees: string | undefined;
}

export function findOutsidePeers(): OutsidePeers {
  const peers = findPeers();
  const wings = named('BENCH_WINGS', 'wings-pipeline');
  const trees = named('BENCH_TREES', 'tree.py');
  const missing = [
    ...peers.missing,
    ...(wings === undefined ? ['the archive writer of Wings: BENCH_WINGS names no program'] : []),
    ...(trees === undefined ? ['trees of others: BENCH_TREES names no program'] : []),
  ];
  return { ...peers, missing, wings, trees };
}

/** A program by an environment variable, or by its name on the PATH. */
function named(variable: string, name: string): string | undefined {
  const given = process.env[variable];
  if (given !== undefined && given !== '') return given;
  const { status, stdout } = spawnSync('sh', ['-c', `command -v ${name}`], { encoding: 'utf8' });
  return status === 0 ? stdout.trim() : undefined;
}
