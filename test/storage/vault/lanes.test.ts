/** How much of Node's threads one reader of a vault takes, of which there are four for all calls about files. */
import { randomBytes } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { ByteSource } from '../../../src/base/source.ts';
import { allocateParts } from '../../../src/base/files/file-parts.ts';
import { openVaultSource } from '../../../src/storage/vault/source.ts';

const PACKS = 9;
const LENGTH = 4096;
/** No process has so many files open: nothing of these is in memory. */
const NO_DESCRIPTOR = 1_000_000_000;

test('a reader of nine packs on a slow disk leaves half of the threads to others', async () => {
  const bytes = randomBytes(PACKS * LENGTH);
  const parts = allocateParts(PACKS);
  for (let pack = 0; pack < PACKS; pack++) {
    parts.ends[pack] = (pack + 1) * LENGTH;
    parts.file[pack] = pack;
  }
  let [running, most, reads] = [0, 0, 0];
  const openPack = (pack: string): Promise<ByteSource> => {
    const number = Number(pack);
    const read = async (offset: number, length: number): Promise<Uint8Array> => {
      reads++;
      most = Math.max(most, ++running);
      // Until all have begun that will begin.
      await setImmediate();
      running--;
      return bytes.subarray(number * LENGTH + offset, number * LENGTH + offset + length);
    };
    return Promise.resolve({
      size: LENGTH,
      descriptor: NO_DESCRIPTOR + number,
      read,
      close: () => Promise.resolve(),
    });
  };
  const files = Array.from({ length: PACKS }, (_, pack) => String(pack));
  const source = await openVaultSource({ files, parts }, openPack, 'x', () => undefined);
  expect(Buffer.from(await source.read(0, bytes.length)).equals(bytes)).toBe(true);
  await source.close();
  expect([most, reads]).toEqual([2, PACKS]);
});
