/** V7, V17: a vault whose process is killed anywhere in backups, adoptions, removals, collections and merges. `VAULT_KILLS` sets how often, `VAULT_KILL_SEED` the dice. */
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
import { freesHoles } from '../../../src/storage/vault/collection/punch.ts';
import { serverId } from '../../support/catalogue-rows.ts';
import { scratchStore } from '../../support/scratch-store.ts';
import { scratchVault } from '../../support/scratch-vault.ts';
import { getObject } from '../../support/store-objects.ts';
import { packsIn } from '../../support/stored-archive.ts';

const WRITER = fileURLToPath(new URL('../../support/vault-writer.ts', import.meta.url));
const KILLS = Number(process.env['VAULT_KILLS'] ?? 15);
const SEED = Number(process.env['VAULT_KILL_SEED'] ?? 1);
const SERVER = serverId(1);
const KILL_MS = 10_000;

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

/** It goes with its last file. */
function namesIn(directory: string): readonly string[] {
  return fs.existsSync(directory) ? fs.readdirSync(directory).sort() : [];
}

test(
  'V7, V17: every archive that was said to be there has its sha256, and after a collection no unnamed byte is left',
  { timeout: 60_000 + KILLS * KILL_MS },
  async () => {
    const { directory, identity } = await scratchStore();
    const said: Said = { there: new Map(), removing: new Set(), faults: [] };
    for (let kill = 0; kill < KILLS; kill++) {
      const first = String(kill * 1000);
      const kept = Array.from(said.there.keys()).join(',');
      await killAfter([directory, identity.load() ?? '', String(SEED + kill), first, kept], 1 + (kill % 9), said);
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
      const packs = namesIn(join(directory, SERVER)).filter((name) => name.endsWith('.pack'));
      const named = packsIn(join(directory, SERVER), Array.from(said.there.keys()));
      expect(packs).toEqual(Array.from(named, (id) => `${id}.pack`).sort());
      const { storedBytes = 0, liveBytes = 0 } = vault.usage(SERVER) ?? {};
      // A file's last block is on the disk as a whole.
      if (await freesHoles(directory)) expect(storedBytes - liveBytes).toBeLessThan(4096 * (1 + packs.length));
      expect([...faults, ...said.faults]).toEqual([]);
      await vault.close();
    }
    const { store } = await scratchStore({ directory, identity });
    const { vault } = await scratchVault({ store });
    for (const id of said.there.keys()) await vault.remove(objectKey(SERVER, id, 'tar.gz'));
    await vault.collect(SERVER);
    await vault.close();
    expect(namesIn(join(directory, SERVER))).toEqual([]);
  },
);
