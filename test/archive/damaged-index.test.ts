/** The archive is what counts: an index that is damaged, wherever, never stands in the way of one that is whole. */
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { extractArchive, verifyArchive } from '../../src/archive/archive.ts';
import { directoryManifest } from '../support/directory-manifest.ts';
import { scratchDirectory } from '../support/scratch.ts';
import { written, type Written } from '../support/written-archive.ts';

/** A source over bytes in memory, with one bit flipped if asked for. */
function source(bytes: Buffer, flipAt?: number) {
  const held = Buffer.from(bytes);
  if (flipAt !== undefined) held.writeUInt8(held.readUInt8(flipAt) ^ 4, flipAt);
  return {
    size: held.length,
    read: (offset: number, length: number) => Promise.resolve(Buffer.from(held.subarray(offset, offset + length))),
    close: () => Promise.resolve(),
  };
}

describe('a bit that flipped in the index', () => {
  let root: string;
  let archived: Written;
  beforeAll(async () => {
    root = fs.mkdtempSync(join(tmpdir(), 'roost-test-'));
    fs.mkdirSync(join(root, 'world'));
    for (let file = 0; file < 200; file++) fs.writeFileSync(join(root, `world/${file}.dat`), `chunk ${file}`);
    fs.writeFileSync(join(root, 'level.db'), Buffer.alloc(3_000_000, 'row'));
    archived = await written(root);
  });
  afterAll(() => {
    fs.rmSync(root, { recursive: true, force: true });
  });

  test.for([0, 0.02, 0.3, 0.6, 0.9, 1])('%d of the way through leaves the archive intact', async (part) => {
    const { archive, index, result } = archived;
    const at = Math.floor(part * (index.length - 1));
    const { size, sha256 } = result;
    const opened = { archive: source(archive), index: source(index, at) };
    const proof = await verifyArchive({ source: opened, workers: 1, expected: { size, sha256 } });
    expect(proof).toMatchObject({ sha256, files: result.files });
  });

  test('among its entries does not keep them from being unpacked', async () => {
    const { archive, index, result } = archived;
    const into = await scratchDirectory();
    await extractArchive({
      source: { archive: source(archive), index: source(index, 40) },
      expected: { size: result.size, sha256: result.sha256 },
      into,
      owner: 'archive',
      setuid: 'strip',
      limits: { maxBytes: 0, maxEntries: 1000 },
      overwrite: false,
      durable: false,
      workers: 1,
    });
    expect(directoryManifest(into)).toEqual(directoryManifest(root));
  });
});
