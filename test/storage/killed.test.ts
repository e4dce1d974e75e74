import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { objectKey } from '../../src/storage/key.ts';
import { keysOf } from '../contract/store.ts';
import { getObject } from '../support/store-objects.ts';
import { backupId, serverId } from '../support/catalogue-rows.ts';
import { scratchStore } from '../support/scratch-store.ts';

const WRITER = fileURLToPath(new URL('../support/store-writer.ts', import.meta.url));

/** Lets a writer commit so many objects, kills it in the middle of the next, and returns what it said was committed. */
async function killAfter(directory: string, identity: string, first: number, commits: number): Promise<number[]> {
  const words = [WRITER, directory, identity, String(first)];
  const writer = spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'inherit'] });
  const said: number[] = [];
  for await (const line of createInterface({ input: writer.stdout })) {
    said.push(Number(line));
    if (said.length === commits) writer.kill('SIGKILL');
  }
  // Its output ends before its other descriptors are closed, of which one holds the lock of the store.
  if (writer.exitCode === null && writer.signalCode === null) await once(writer, 'exit');
  return said;
}

test('killed while it writes, a store holds whole objects only, and sweeps the rest', async () => {
  const { directory, identity } = await scratchStore();
  let next = 0;
  for (const commits of [1, 4, 12]) {
    const said = await killAfter(directory, identity.load() ?? '', next, commits);
    expect(said.length).toBeGreaterThanOrEqual(commits);
    const { store, swept } = await scratchStore({ directory, identity });
    expect(swept.length).toBeLessThanOrEqual(1);
    const keys = await keysOf(store);
    for (const number of said) expect(keys).toContain(objectKey(serverId(1), backupId(number), 'tar.gz'));
    for (const [number] of keys.entries()) {
      const bytes = await getObject(store, objectKey(serverId(1), backupId(number), 'tar.gz'));
      expect(Buffer.from(bytes).equals(Buffer.alloc(100_000 * (1 + (number % 5)), number))).toBe(true);
    }
    const names = (await readdir(join(directory, serverId(1)))).sort();
    expect(names.map((name) => `${serverId(1)}/${name}`)).toEqual(keys);
    next = keys.length;
  }
});
