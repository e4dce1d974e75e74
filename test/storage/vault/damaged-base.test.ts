/** A backup beside a base whose bytes are damaged. */
import { createHash, randomBytes } from 'node:crypto';
import fs from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { writeArchive } from '../../../src/archive/archive.ts';
import { objectKey } from '../../../src/storage/key.ts';
import type { ArchiveRanges } from '../../../src/storage/vault-port.ts';
import { backupId, serverId } from '../../support/catalogue-rows.ts';
import { scratchDirectory } from '../../support/scratch.ts';
import { scratchVault } from '../../support/scratch-vault.ts';
import { getObject } from '../../support/store-objects.ts';
import { requestFor } from '../../support/written-archive.ts';

const SERVER = serverId(1);
const LENGTH = 800_000;
/** Where the file is zeros in the second backup; the disk loses these bytes of the first, and some around them. */
const [ZERO_FROM, ZERO_TO] = [300_000, 400_000];
const AROUND = 20_000;

test('zeros where damaged bytes are zeros too are its own: they stay when the damage is healed', async () => {
  const scratch = await scratchVault();
  const { vault, directory } = scratch;
  const root = join(await scratchDirectory(), 'server');
  fs.mkdirSync(root);
  const file = join(root, 'players.db');
  const backUp = async (number: number) => {
    const [key, older] = [number, number - 1].map((id) => objectKey(SERVER, backupId(id), 'tar.gz'));
    if (key === undefined || older === undefined) throw new TypeError();
    const parts = await vault.partsOf(older);
    const indexOf = (id: number) => objectKey(SERVER, backupId(id), 'index');
    const base = parts && { archive: parts, index: vault.localPath?.(indexOf(number - 1)) ?? '' };
    const archive = await vault.create(key, { base: parts && older });
    const index = await vault.create(indexOf(number));
    const { sha256 } = await writeArchive(requestFor(root, { archive, index, base, shares: true, level: 'none' }));
    await archive.commit();
    await index.commit();
    return { sha256, read: async () => Buffer.from(await getObject(vault, key)) };
  };
  const content = randomBytes(LENGTH);
  fs.writeFileSync(file, content);
  const first = await backUp(1);
  const archived = await first.read();
  // Bytes that are not compressed lie in an archive as they are, but for a few between.
  const from = archived.indexOf(content.subarray(ZERO_FROM, ZERO_FROM + 64)) - AROUND;
  const length = ZERO_TO - ZERO_FROM + 2 * AROUND;
  const pack = fs.readdirSync(join(directory, SERVER)).find((name) => name.endsWith('.pack')) ?? '';
  const damaged = fs.openSync(join(directory, SERVER, pack), 'r+');
  fs.writeSync(damaged, Buffer.alloc(length), 0, length, from);
  fs.closeSync(damaged);

  fs.writeFileSync(file, Buffer.concat([content]).fill(0, ZERO_FROM, ZERO_TO));
  const second = await backUp(2);
  const sha256 = async ({ read }: typeof second) =>
    createHash('sha256')
      .update(await read())
      .digest('hex');
  expect(await sha256(second)).toBe(second.sha256);

  const view = await vault.view(SERVER);
  let at = from;
  const pieces = Array.from((view.archives.get(backupId(1)) as ArchiveRanges).find(from, length), (range) => {
    const bytes = archived.subarray(at, (at += range.length));
    return { range, bytes };
  });
  await view.close();
  await vault.heal(SERVER, pieces);
  expect(await sha256(first)).toBe(first.sha256);
  expect(await sha256(second)).toBe(second.sha256);
  await vault.freeSpace();
  expect(scratch.faults).toEqual([]);
});
