/** Two archives in a vault that share bytes, of which one is damaged and has a copy: what takes bytes from copies works on. */
import { createHash, randomBytes } from 'node:crypto';
import fs from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import type { StoredSegment } from '../../src/archive/archive.ts';
import type { BackupId } from '../../src/base/ids.ts';
import { silentLog } from '../../src/base/log/log.ts';
import type { ByteSource } from '../../src/base/source.ts';
import { Vaults } from '../../src/jobs/vault/vaults.ts';
import { StoreSet } from '../../src/jobs/stored/stores.ts';
import type { HealDeps } from '../../src/jobs/vault/heal.ts';
import { objectKey, type ObjectKey } from '../../src/storage/key.ts';
import { putObject } from '../contract/store.ts';
import { MemoryStore } from './memory-store.ts';
import { backUp, backupId, SERVER, testNode } from './node.ts';
import { realArchive } from './real-archive.ts';
import { scratchVault } from './scratch-vault.ts';
import { getObject } from './store-objects.ts';
import { file, treeOf } from './tree.ts';

export const SEGMENT = 65_536;

/** A store whose sources are those that a test makes of the true ones. */
export class BentStore extends MemoryStore {
  bend: (source: ByteSource) => ByteSource = (source) => source;

  override async open(key: ObjectKey): Promise<ByteSource> {
    return this.bend(await super.open(key));
  }
}

export async function vaultWithCopy() {
  const { vault, directory, known } = await scratchVault();
  const [damaged, other] = [backupId(1), backupId(2)];
  known.set(SERVER, new Set([damaged, other]));
  const keyOf = (id: BackupId): ObjectKey => objectKey(SERVER, id, 'tar.gz');
  const bytes = randomBytes(3 * SEGMENT);
  await putObject(vault, keyOf(damaged), bytes);
  await vault.freeSpace();
  const pack = packIn(join(directory, SERVER));
  // The other archive has the first half of the second segment, which stays good.
  const shared = bytes.subarray(SEGMENT, 1.5 * SEGMENT);
  const writer = await vault.create(keyOf(other), { base: keyOf(damaged) });
  await writer.write(shared, [{ start: 0, length: shared.length, base: SEGMENT }]);
  await writer.commit();
  damage(join(directory, SERVER, pack), 1.75 * SEGMENT);
  const copy = new BentStore('offsite');
  await putObject(copy, keyOf(damaged), bytes);
  const record = {
    id: damaged,
    server: SERVER,
    status: 'COMPLETED',
    size: bytes.length,
    sha256: createHash('sha256').update(bytes).digest('hex'),
  };
  const catalogue = {
    backups: { find: (id: BackupId) => (id === damaged ? record : undefined) },
    copies: { list: () => [{ store: copy.name, state: 'completed' }] },
  };
  const segment: StoredSegment = {
    offset: SEGMENT,
    length: SEGMENT,
    crc: crc32(bytes.subarray(SEGMENT, 2 * SEGMENT)),
  };
  return {
    vault,
    copy,
    bytes,
    shared,
    damaged,
    found: new Map([[damaged, [segment]]]),
    healing: {
      // Of the catalogue, nothing more is asked.
      catalogue: catalogue as unknown as HealDeps['catalogue'],
      stores: new StoreSet([vault, copy], vault.name),
      log: silentLog(),
      vault,
      server: SERVER,
      signal: undefined,
    },
    files: (): string[] => fs.readdirSync(join(directory, SERVER)).sort(),
    read: async (id: BackupId): Promise<Buffer> => Buffer.from(await getObject(vault, keyOf(id))),
    other,
  };
}

/** Bytes over these have the same CRC-32 as before: they are its polynomial. */
export const SAME_CRC: readonly number[] = [0x41, 0x06, 0x71, 0xdb, 0x01];

/**
 * A node whose only backup is an archive of Roost's in a vault, damaged there, with a whole copy.
 *
 * @param onDamaged after a verification marked a backup.
 */
export async function nodeWithCopy(onDamaged: () => void = () => undefined) {
  const { vault, directory } = await scratchVault({ known: () => known });
  const copy = new BentStore('offsite');
  const node = await testNode({ stores: [vault, copy], onDamaged });
  const made = await realArchive(treeOf({ 'region.mca': file(randomBytes(100_000).toString('hex')) }));
  node.archive.writeArchive = async ({ archive, index }) => {
    await archive.write(made.archive);
    await index.write(made.index);
    return made.facts;
  };
  const id = backupId(1);
  const known = [id];
  await backUp(node, SERVER, id);
  await putObject(copy, objectKey(SERVER, id, 'tar.gz'), made.archive);
  node.catalogue.copies.plan(id, copy.name);
  node.catalogue.copies.complete(id, copy.name, 'written');
  await vault.freeSpace();
  const pack = join(directory, SERVER, packIn(join(directory, SERVER)));
  const middle = made.archive.length >> 1;
  damage(pack, middle);
  const again: BackupId[] = [];
  const verifyAgain = (_: unknown, backup: BackupId): Promise<void> => Promise.resolve(void again.push(backup));
  /** Puts other bytes in place of the right ones, whose checksums are those of the right ones. */
  const forge = (): void => {
    const forged = Buffer.from(made.archive);
    for (const [at, mask] of SAME_CRC.entries()) forged[middle + at] = (forged[middle + at] ?? 0) ^ mask;
    fs.writeFileSync(pack, forged);
  };
  return { ...node, vault, copy, id, again, forge, vaults: new Vaults({ ...node, verifyAgain }) };
}

function packIn(directory: string): string {
  return fs.readdirSync(directory).find((name) => name.endsWith('.pack')) ?? '';
}

function damage(path: string, at: number): void {
  const pack = fs.openSync(path, 'r+');
  fs.writeSync(pack, Buffer.alloc(700), 0, 700, at);
  fs.closeSync(pack);
}
