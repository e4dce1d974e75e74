/** Copies in stores that answer as they like: a vault takes nothing from them that was not proven. */
import { crc32 } from 'node:zlib';
import { expect, test } from 'vitest';
import type { ByteSource } from '../../../src/base/source.ts';
import { healFromCopies } from '../../../src/jobs/vault/heal.ts';
import { outcome, SERVER } from '../../support/node.ts';
import { nodeWithCopy, SAME_CRC, SEGMENT, vaultWithCopy } from '../../support/vault-copies.ts';

function forged(bytes: Uint8Array): Buffer {
  const other = Buffer.from(bytes);
  for (const [at, mask] of SAME_CRC.entries()) other[1000 + at] = (other[1000 + at] ?? 0) ^ mask;
  return other;
}

/** A source that gives other bytes when it is asked for the second segment once all was read. */
function changingAfterwards(source: ByteSource): ByteSource {
  let wasRead = 0;
  return {
    ...source,
    read: async (offset, length, signal) => {
      const bytes = await source.read(offset, length, signal);
      wasRead += length;
      return wasRead > source.size && offset === SEGMENT ? forged(bytes) : bytes;
    },
  };
}

test('a copy that gives other bytes of the same checksum, once it was read through, changes nothing', async () => {
  const { copy, bytes, shared, damaged, other, found, healing, files, read } = await vaultWithCopy();
  const right = bytes.subarray(SEGMENT, 2 * SEGMENT);
  expect(crc32(forged(right))).toBe(crc32(right));
  copy.bend = changingAfterwards;
  const before = files();
  const { left } = await healFromCopies(found, healing);
  expect(Array.from(left.keys())).toEqual([damaged]);
  expect(files()).toEqual(before);
  expect((await read(other)).equals(shared)).toBe(true);
  // The same bytes, from a store that is honest, do heal.
  copy.bend = (source) => source;
  expect((await healFromCopies(found, healing)).left.size).toBe(0);
  expect((await read(damaged)).equals(bytes)).toBe(true);
  expect((await read(other)).equals(shared)).toBe(true);
});

test('bytes whose checksums are right and whose sha256 is not are looked at once, not without end', async () => {
  let looks = 0;
  const { vaults, service, id, again, forge } = await nodeWithCopy(() => looks++);
  forge();
  const verify = async (): Promise<string> => outcome(await service.verify(SERVER, id));
  expect(await verify()).toBe('archive_damaged');
  expect(looks).toBe(1);
  // The look finds every checksum right, and asks for another verification.
  expect((await vaults.verify({})).done).toMatchObject([{ whole: 1, damaged: [], healed: [] }]);
  expect(again).toEqual([id]);
  expect(await verify()).toBe('archive_damaged');
  expect(looks).toBe(1);
});
