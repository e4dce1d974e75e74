/** Which node this is, as far as a directory that several hosts can reach has to know it. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { attempt } from '../../base/failure.ts';

/**
 * 32 hexadecimal digits that identify a node: a hash of the host and of the state directory's path. Its content does not
 * count: a node that lost its state is still the same node, and a second Roost on this host is another. The host's name
 * counts beside its machine id, because container images often give the same machine id to every host.
 */
export function nodeDigits(stateDirectory: string): string {
  const machine = attempt(() => readFileSync('/etc/machine-id', 'utf8').trim()) ?? '';
  return createHash('sha256').update(`${machine}\0${hostname()}\0${stateDirectory}`).digest('hex').slice(0, 32);
}
