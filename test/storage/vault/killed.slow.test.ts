/** V7, V17: a vault whose process is killed anywhere in backups, adoptions, removals, collections and merges. `VAULT_KILLS` sets how often. */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import fs from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import type { BackupId } from '../../../src/base/ids.ts';
import { keyParts, objectKey } from '../../../src/storage/key.ts';
import { serverId } from '../../support/catalogue-rows.ts';
import { scratchStore } from '../../support/scratch-store.ts';
import { scratchVault } from '../../support/scratch-vault.ts';
import { getObject } from '../../support/store-objects.ts';

const WRITER = fileURLToPath(new URL('../../support/vault-writer.ts', import.meta.url));
const KILLS = Number(process.env['VAULT_KILLS'] ?? 15);
const SERVER = serverId(1);

/** What the writer said: digests of the archives that are there, and ids whose removal had begun. */
interface Said {
  readonly there: Map<BackupId, string>;
  readonly removing: Set<BackupId>;
  readonly faults: string[];
}

/** Lets a writer say so many lines, kills it a moment later, and notes what it said. */
async function killAfter(words: readonly string[], lines: number, said: Said): Promise<void> {
  const writer = spawn(process.execPath, [WRITER, ...words], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(writer, 'exit');
  let count = 0;
  for await (const line of createInterface({ input: writer.stdout })) {
    const [id, sha256 = ''] = line.slice(1).split(' ') as [BackupId, string?];
    if (line.startsWith('+')) said.there.set(id, sha256);
    else if (line.startsWith('-')) {
      said.there.delete(id);
      said.removing.add(id);
    } else said.faults.push(line);
    count++;
    if (count === lines) writer.kill('SIGKILL');
  }
  const [code] = (await ended) as [number | null];
  if (code !== null) said.faults.push(`the writer ended by itself with ${code}`);
}

test('V7, V17: every archive that was said to be there has its sha256, and after a collection no unnamed byte is left', async () => {
  const { directory, identity } = await scratchStore();
  const said: Said = { there: new Map(), removing: new Set(), faults: [] };
  for (let kill = 0; kill < KILLS; kill++) {
    const first = String(kill * 1000);
    const kept = Array.from(said.there.keys()).join(',');
    await killAfter([directory, identity.load() ?? '', String(kill + 1), first, kept], 1 + (kill % 9), said);
    const { store } = await scratchStore({ directory, identity });
    const { vault, faults } = await scratchVault({ store, packLength: 50_000 });
    for (const [id, sha256] of said.there) {
      const bytes = await getObject(vault, objectKey(SERVER, id, 'tar.gz'));
      expect(createHash('sha256').update(bytes).digest('hex')).toBe(sha256);
    }
    // As recovery does: what was not completed, or whose removal had begun, goes.
    for await (const { key } of vault.list(`${SERVER}/`)) {
      const id = keyParts(key)?.backup;
      if (id !== undefined && !said.there.has(id)) await vault.remove(key);
    }
    await vault.collect(SERVER);
    expect([...faults, ...said.faults]).toEqual([]);
    await vault.close();
  }
  const { store } = await scratchStore({ directory, identity });
  const { vault } = await scratchVault({ store });
  for (const id of said.there.keys()) await vault.remove(objectKey(SERVER, id, 'tar.gz'));
  await vault.collect(SERVER);
  await vault.close();
  const left = fs.existsSync(join(directory, SERVER)) ? fs.readdirSync(join(directory, SERVER)) : [];
  expect(left).toEqual([]);
});
