/**
 * Runs in a process of its own until it is killed: backs up, adopts, removes and collects in a vault, in an order that its
 * seed chooses. It says what will survive, a line each: `+ID SHA256` after a commit, `-ID` before a removal.
 */
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import { systemClock } from '../../src/base/clock.ts';
import type { BackupId } from '../../src/base/ids.ts';
import { objectKey } from '../../src/storage/key.ts';
import { openLocalStore } from '../../src/storage/local/local.ts';
import { VaultStore } from '../../src/storage/vault/vault.ts';
import { backupId, serverId } from './catalogue-rows.ts';
import { getObject } from './store-objects.ts';

const [, , directory = '', identity = '', seed = '1', first = '0', kept = ''] = process.argv;
const SERVER = serverId(1);
const { store } = await openLocalStore({
  name: 'local',
  directory,
  identity: { load: () => identity, save: () => undefined },
});
const there: BackupId[] = kept === '' ? [] : (kept.split(',') as BackupId[]);
const vault = new VaultStore({
  store,
  writes: true,
  shortestRange: 256,
  mergeAt: 0.05,
  mergesHoles: true,
  packLength: 50_000,
  known: () => there,
  clock: systemClock,
});
vault.listen({ onCollected: () => undefined, onFault: (_, fault) => fs.writeSync(1, `!${fault.message}\n`) });

/** A generator of numbers that is the same for the same seed (mulberry32). */
let state = Number(seed);
function random(below: number): number {
  state = (state + 0x6d2b79f5) | 0;
  let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
  mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
  return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
}

function noise(length: number): Buffer {
  return Buffer.from(Uint32Array.from({ length: Math.ceil(length / 4) }, () => random(2 ** 32)).buffer, 0, length);
}

async function backUp(id: BackupId): Promise<void> {
  const base = there.at(-1);
  const older =
    base === undefined ? noise(150_000) : Buffer.from(await getObject(vault, objectKey(SERVER, base, 'tar.gz')));
  const at = Math.min(random(120_000), older.length);
  const added = noise(random(25_000) + 1);
  const rest = older.subarray(at + random(20_000));
  if (random(4) === 0) {
    await adopt(id, Buffer.concat([added, rest]));
    return;
  }
  const writer = await vault.create(objectKey(SERVER, id, 'tar.gz'), {
    base: base === undefined ? undefined : objectKey(SERVER, base, 'tar.gz'),
  });
  await writer.write(older.subarray(0, at), [{ start: 0, length: at, base: 0 }]);
  await writer.write(added);
  await writer.write(rest, [{ start: 0, length: rest.length, base: older.length - rest.length }]);
  await writer.commit();
  there.push(id);
  const sha256 = createHash('sha256').update(older.subarray(0, at)).update(added).update(rest).digest('hex');
  fs.writeSync(1, `+${id} ${sha256}\n`);
}

/** A plain archive that is there before the vault takes it in. */
async function adopt(id: BackupId, bytes: Buffer): Promise<void> {
  const writer = await store.create(objectKey(SERVER, id, 'tar.gz'));
  await writer.write(bytes);
  await writer.commit();
  there.push(id);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  fs.writeSync(1, `+${id} ${sha256}\n`);
  await vault.takeIn(SERVER, id, sha256);
}

for (let number = Number(first); ; number++) {
  await backUp(backupId(number));
  while (there.length > 2 + random(4)) {
    const [gone] = there.splice(random(there.length - 1), 1);
    if (gone === undefined) break;
    fs.writeSync(1, `-${gone}\n`);
    await vault.remove(objectKey(SERVER, gone, 'tar.gz'));
  }
  if (random(3) === 0) await vault.collect(SERVER);
}
