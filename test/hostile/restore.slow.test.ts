/** Hostile archives, restored over a server: what is outside of it stays as it is, and each ends as it should. */
import fs from 'node:fs';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { archivePort } from '../../src/jobs/stored/archive-port.ts';
import type { FetchedArchive } from '../../src/jobs/restore/deps.ts';
import { memorySource } from '../support/real-archive.ts';
import { remains, restoreNode, type RestoreNode } from '../support/restore-scene.ts';
import { scratchDirectory } from '../support/scratch.ts';
import { directory, file, manifestOf, treeOf } from '../support/tree.ts';
import { type Arena, makeArena, snapshot, treeOf as contentOf } from './canary.ts';
import { END, header } from './tar-builder.ts';
import { type Attack, KINDS, LINKS, NAMES, STRUCTURE } from './tar-corpus.ts';

const GIB = 1024 ** 3;

const LIVE = treeOf({ world: directory(), 'world/level.dat': file('precious'), ok: file('old') });

/** As an archive comes from somewhere else: nothing is known of it. */
function strange(bytes: Buffer): FetchedArchive {
  const nothing = { rawSize: 0, files: 0, entries: 0, ignore: [] };
  return {
    source: { archive: memorySource(bytes) },
    expected: null,
    ...nothing,
    close: () => Promise.resolve(),
  };
}

/** Before anything is unpacked the archive is read through: one that is cut short is damaged before it is too large. */
function codesOf({ failure }: Attack): readonly (string | undefined)[] {
  return failure === 'too_large' ? ['too_large', 'insufficient_storage', 'archive_damaged'] : [failure];
}

async function survive(attack: Attack, node: RestoreNode, arena: Arena, truncate: boolean): Promise<void> {
  node.setLive(LIVE);
  const bytes = attack.make(arena.outside);
  node.archive = strange(truncate ? bytes : gzipSync(bytes));
  const before = snapshot(arena);
  node.told.length = 0;
  // Forced, since some hold nothing but what is passed over: unforced, a restore that only deletes is refused.
  const outcome = await node.restore({ truncate, force: truncate });
  expect(snapshot(arena), attack.name).toEqual(before);
  expect(remains(node), attack.name).toEqual([]);
  expect(node.catalogue.plans.list(), attack.name).toEqual([]);
  if (outcome !== 'done') {
    expect(codesOf(attack), attack.name).toContain(outcome);
    expect(node.manifest(), attack.name).toEqual(manifestOf(LIVE));
    return;
  }
  expect(attack.failure, `${attack.name} was restored`).toBeUndefined();
  const hostile = attack.passedOver?.filter(([, code]) => code === 'hostile_entry').length;
  if (hostile !== undefined) expect(node.told.at(-1)?.data, attack.name).toMatchObject({ hostile });
  const left = contentOf(node.live);
  if (!truncate) expect(left, attack.name).toMatchObject({ 'world/level.dat': 'precious' });
  else if (attack.tree !== undefined) expect(left, attack.name).toEqual(attack.tree);
}

const ATTACKS = [...NAMES, ...LINKS, ...KINDS, ...STRUCTURE]
  // A restore allows as much as there is room for.
  .filter(({ name }) => !/^more .* than allowed/.test(name));

describe('restoring hostile archives', () => {
  it('touches nothing outside, each ends in its code or names what it passed over', async () => {
    expect(ATTACKS.length).toBeGreaterThanOrEqual(60);
    const arena = await makeArena();
    const node = await restoreNode({ root: arena.target, archive: archivePort });
    let turn = 0;
    for (const attack of ATTACKS) await survive(attack, node, arena, turn++ % 2 === 0);
  });

  it('refuses a small file that inflates to ten gibibytes where there is no room for them', async () => {
    const root = await scratchDirectory();
    const { bavail, bsize } = fs.statfsSync(root);
    const node = await restoreNode({ root, archive: archivePort, reserveFree: Math.max(0, bavail * bsize - 4 * GIB) });
    node.setLive(LIVE);
    const piece = 64 << 20;
    const zeros = gzipSync(Buffer.alloc(piece));
    const pieces = Array.from({ length: 160 }, () => zeros);
    node.archive = strange(
      Buffer.concat([gzipSync(header({ name: 'bomb', size: 160 * piece })), ...pieces, gzipSync(END)]),
    );
    await expect(node.restore({ truncate: true })).resolves.toBe('insufficient_storage');
    expect(node.manifest()).toEqual(manifestOf(LIVE));
    expect(remains(node)).toEqual([]);
  });

  it('refuses more than five million entries', async () => {
    const node = await restoreNode({ archive: archivePort });
    node.setLive(LIVE);
    const names = Array.from({ length: 10_000 }, (_, index) => header({ name: `d/${index}` }));
    const many = gzipSync(Buffer.concat(names));
    node.archive = strange(Buffer.concat([...Array.from({ length: 501 }, () => many), gzipSync(END)]));
    await expect(node.restore({ truncate: true })).resolves.toBe('too_large');
    expect(node.manifest()).toEqual(manifestOf(LIVE));
    expect(remains(node)).toEqual([]);
  });
});
