/**
 * Runs in a process of its own: takes the plain archives of a server into its vault, one after the other, with collections in
 * between, and kills itself with SIGKILL before the given call that makes a name appear, disappear or durable.
 */
import fs from 'node:fs';
import { systemClock } from '../../src/base/clock.ts';
import type { BackupId } from '../../src/base/ids.ts';
import { objectKey } from '../../src/storage/key.ts';
import { type StoreFiles, systemFiles } from '../../src/storage/local/files.ts';
import { openLocalStore } from '../../src/storage/local/local.ts';
import { VaultStore } from '../../src/storage/vault/vault.ts';
import { serverId } from './catalogue-rows.ts';

export interface Adoption {
  readonly directory: string;
  readonly identity: string;
  /** Digests of all archives that are to be there, by id. */
  readonly archives: Readonly<Record<string, string>>;
  /** Counted from 0, from the first archive on. */
  readonly dieAt: number;
}

const SERVER = serverId(1);
/** So many archives are taken in until the next collection. */
const COLLECTED_EACH = 4;
const { directory, identity, archives, dieAt } = JSON.parse(process.argv[2] ?? '') as Adoption;

let calls = Number.NEGATIVE_INFINITY;
function step(): void {
  if (calls++ === dieAt) process.kill(process.pid, 'SIGKILL');
}
/** The same call, with a step before it. */
function stepping<Given extends unknown[], Result>(call: (...given: Given) => Result): (...given: Given) => Result {
  return (...given) => {
    step();
    return call(...given);
  };
}
const files: StoreFiles = {
  open: stepping((...given: Parameters<StoreFiles['open']>) => systemFiles.open(...given)),
  rename: stepping((...given: Parameters<StoreFiles['rename']>) => systemFiles.rename(...given)),
  unlink: stepping((...given: Parameters<StoreFiles['unlink']>) => systemFiles.unlink(...given)),
  syncDirectory: stepping((...given: Parameters<StoreFiles['syncDirectory']>) => systemFiles.syncDirectory(...given)),
};

const { store } = await openLocalStore({
  name: 'local',
  directory,
  identity: { load: () => identity, save: () => undefined },
  files,
});
const ids = Object.keys(archives) as BackupId[];
const vault = new VaultStore({
  store,
  writes: true,
  shortestRange: 256,
  mergeAt: 0.1,
  mergesHoles: true,
  known: () => ids,
  clock: systemClock,
});
vault.listen({ onCollected: () => undefined, onFault: (_, fault) => fs.writeSync(1, `!${fault.message}\n`) });
calls = 0;
let taken = 0;
for (const id of ids) {
  if ((await store.stat(objectKey(SERVER, id, 'tar.gz'))) === undefined) continue;
  const taking = vault.takeIn(SERVER, id, archives[id] ?? '');
  const collecting = taken++ % COLLECTED_EACH === 0 ? vault.collect(SERVER) : undefined;
  if (!(await taking)) fs.writeSync(1, `!${id} was not taken in\n`);
  await collecting;
}
await vault.close();
