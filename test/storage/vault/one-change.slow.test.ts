/** V4: what one change to a whole tree adds to a vault: its packs, in per cent of the archive. */
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { World } from '../../../bench/world.ts';
import { writeArchive } from '../../../src/archive/archive.ts';
import type { WriteRequest } from '../../../src/archive/contract.ts';
import { selectedEngine } from '../../../src/archive/gzip/engine.ts';
import type { VaultStore } from '../../../src/storage/vault/vault.ts';
import { MEBIBYTE } from '../../../src/base/sizes.ts';
import { objectKey } from '../../../src/storage/key.ts';
import { backupId, serverId } from '../../support/catalogue-rows.ts';
import { scratchDirectory } from '../../support/scratch.ts';
import { scratchVault } from '../../support/scratch-vault.ts';
import { requestFor } from '../../support/written-archive.ts';

const SIZE = 96 * MEBIBYTE;
const SERVER = serverId(1);
/** Percentage points that a tree of another mix may take more. */
const MORE = 0.5;

/** Backs up a tree. @returns bytes of its packs, and of the archive. */
async function backUp(vault: VaultStore, number: number, root: string, more: Partial<WriteRequest> = {}) {
  const key = objectKey(SERVER, backupId(number), 'tar.gz');
  const older = objectKey(SERVER, backupId(number - 1), 'tar.gz');
  const parts = await vault.partsOf(older);
  const base = parts && {
    archive: parts,
    index: vault.localPath?.(objectKey(SERVER, backupId(number - 1), 'index')) ?? '',
  };
  const archive = await vault.create(key, { base: parts && older });
  const index = await vault.create(objectKey(SERVER, backupId(number), 'index'));
  const { size } = await writeArchive(requestFor(root, { archive, index, base, shares: true, ...more }));
  await archive.commit();
  await index.commit();
  return { added: archive.storedBytes ?? size, size };
}

function filesOf(root: string, ending = ''): string[] {
  const found = fs.readdirSync(root, { recursive: true, withFileTypes: true });
  return found
    .filter((entry) => entry.isFile() && entry.name.endsWith(ending))
    .map(({ parentPath, name }) => join(parentPath, name));
}

function touchAll(root: string): void {
  const time = new Date('2030-01-01T00:00:00Z');
  for (const path of filesOf(root)) fs.utimesSync(path, time, time);
}

interface Change {
  readonly what: string;
  /** As it was measured on the prototype. */
  readonly percent: number;
  readonly change?: (root: string) => void;
  readonly more?: Partial<WriteRequest>;
}

const CHANGES: readonly Change[] = [
  { what: 'nothing, and each part is made anew,', percent: 0 },
  {
    what: 'each file restored, and so another inode,',
    percent: 0.02,
    change: (root) => {
      execFileSync('cp', ['-a', root, `${root}.restored`]);
      fs.rmSync(root, { recursive: true });
      fs.renameSync(`${root}.restored`, root);
    },
  },
  { what: 'each file touched', percent: 1.02, change: touchAll },
  {
    what: 'each file touched, and the world renamed,',
    percent: 1.05,
    change: (root) => {
      touchAll(root);
      fs.renameSync(join(root, 'world'), join(root, 'earth'));
    },
  },
  {
    what: 'a second copy of the world',
    percent: 1.05,
    change: (root) => void execFileSync('cp', ['-a', join(root, 'world'), join(root, 'world-copy')]),
  },
  {
    what: 'bytes inserted at the start of each database',
    percent: 3.1,
    change: (root) => {
      for (const path of filesOf(root, '.db')) {
        fs.writeFileSync(path, Buffer.concat([Buffer.from('a few'), fs.readFileSync(path)]));
      }
    },
  },
  { what: 'another level', percent: 88, more: { level: 'best' } },
  { what: 'the other engine', percent: 6.4, more: { engine: 'zlib' } },
];

test.for(CHANGES)('V4: $what adds $percent % of the archive, and at most half a point more', async (each, context) => {
  const { percent, change, more } = each;
  if (more?.engine !== undefined && selectedEngine('auto') === more.engine)
    context.skip('skipped: ISA-L is not installed');
  const root = join(await scratchDirectory(), 'server');
  const { directory } = new World(root, SIZE, 77);
  const { vault } = await scratchVault();
  // Just made: no file is at rest yet, so each is read again and its stored bytes are compared.
  const first = await backUp(vault, 1, directory);
  expect(first.added).toBe(first.size);
  change?.(root);
  const next = await backUp(vault, 2, root, more);
  const added = (100 * next.added) / next.size;
  expect(added).toBeLessThanOrEqual(percent + MORE);
});
