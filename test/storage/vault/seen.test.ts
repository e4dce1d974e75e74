import { expect, test } from 'vitest';
import type { BackupId } from '../../../src/base/ids.ts';
import { SeenServers } from '../../../src/storage/vault/seen.ts';
import { ServerPacks } from '../../../src/storage/vault/server-packs.ts';
import { serverId } from '../../support/node.ts';
import { scratchDirectory } from '../../support/scratch.ts';

/** As many servers as are remembered. */
const MOST = 64;

async function sights() {
  const directory = await scratchDirectory();
  const seen = new SeenServers({ now: () => Date.now() + 3_600_000 });
  const loaded: number[] = [];
  const look = (number: number): Promise<ServerPacks> =>
    seen.packs(serverId(number), directory, () => {
      loaded.push(number);
      return Promise.resolve(new ServerPacks(new Map(), new Set(), new Map()));
    });
  return { seen, look, loaded };
}

test('of too many servers, the one goes that was used least recently, not the one that was seen first', async () => {
  const { look, loaded } = await sights();
  for (let number = 1; number <= MOST; number++) await look(number);
  await look(1);
  expect(loaded).toHaveLength(MOST);
  await look(MOST + 1);
  loaded.length = 0;
  for (const number of [1, 3, MOST, MOST + 1]) await look(number);
  expect(loaded).toEqual([]);
  await look(2);
  expect(loaded).toEqual([2]);
});

test('what was remembered of a server’s archives is still there after it was used again', async () => {
  const { seen, look } = await sights();
  const packs = await look(1);
  const parts = { ends: new Float64Array(1), file: new Uint32Array(1), start: new Float64Array(1) };
  const backup = 'b' as BackupId;
  seen.keep(serverId(1), packs, backup, { size: 1, sha256: '', layout: { files: [], parts }, change: 'x' });
  expect(await look(1)).toBe(packs);
  expect(seen.find(serverId(1), packs, backup, 'x')).toMatchObject({ size: 1 });
});
