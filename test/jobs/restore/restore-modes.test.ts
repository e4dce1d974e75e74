import fs from 'node:fs';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileGlobs } from '../../../src/jobs/restore/select/globs.ts';
import { remains, restoreNode, type RestoreNode } from '../../support/restore-scene.ts';
import { keeping, overlaid, partly } from '../../support/restore-oracle.ts';
import { manifestOf, type Tree, type TreeNode, trees } from '../../support/tree.ts';
import { archiveOf } from '../../support/tree-archive.ts';

/** More in the slow tests, and on demand: `RESTORE_RUNS=2000`. */
const RUNS = Number(process.env['RESTORE_RUNS'] ?? 20);

const globs = fc.constantFrom(
  ['a'],
  ['a/**'],
  ['*.log'],
  ['**/*.log'],
  ['a/*/b', 'logs'],
  ['**', '!logs'],
  ['a/**', '!a/b'],
  ['{a,b}/caf*'],
  ['café', '?'],
);

const ignoreLists = fc.constantFrom(
  ['logs'],
  ['logs/'],
  ['*.log'],
  ['/a/*'],
  ['b', '!b/a'],
  ['a', '!n.log'],
  ['/a/b', 'x*'],
);

// Forced: of two random trees one may be without files, and a restore that would only delete is refused otherwise.
const requests = fc.oneof(
  fc.record({ truncate: fc.boolean() }),
  fc.record({ truncate: fc.boolean(), globs }),
  fc.constant({ truncate: true, keepIgnored: true }),
);

/** Holds a restore against an oracle that knows nothing of stages. */
async function check(node: RestoreNode, request: object, expected: Tree): Promise<void> {
  expect(await node.restore({ ...request })).toBe('done');
  expect(node.manifest()).toEqual(manifestOf(expected));
  expect(remains(node)).toEqual([]);
}

function holds(tree: Tree, isMeant: (node: TreeNode) => boolean): boolean {
  return [...tree.values()].some(isMeant);
}

function isBare(tree: Tree): boolean {
  return !holds(tree, ({ kind }) => kind === 'file');
}

async function scene() {
  const node = await restoreNode();
  const set = (live: Tree, archive: Tree, ignore: readonly string[] = []): void => {
    node.setLive(live);
    node.archive = archiveOf(archive, { ignore });
  };
  return { node, set };
}

describe('over random pairs of trees, a restore', () => {
  it('with truncate leaves exactly the archive', async () => {
    const { node, set } = await scene();
    const property = fc.asyncProperty(trees, trees, async (live, archive) => {
      set(live, archive);
      const gone =
        archive.size === 0 ? live.size > 0 : isBare(archive) && holds(live, ({ kind }) => kind !== 'directory');
      if (gone) {
        expect(await node.restore({ truncate: true })).toBe('invalid_request');
        expect(node.manifest()).toEqual(manifestOf(live));
      }
      await check(node, { truncate: true, force: gone }, archive);
    });
    await fc.assert(property, { numRuns: RUNS });
  });

  it('without truncate lays the archive over what is there', async () => {
    const { node, set } = await scene();
    const property = fc.asyncProperty(trees, trees, async (live, archive) => {
      set(live, archive);
      await check(node, {}, overlaid(live, archive));
    });
    await fc.assert(property, { numRuns: RUNS });
  });

  it('of chosen paths changes nothing else', async () => {
    const { node, set } = await scene();
    const property = fc.asyncProperty(trees, trees, globs, fc.boolean(), async (live, archive, paths, truncate) => {
      set(live, archive);
      if (matches(archive, paths))
        await check(node, { globs: paths, truncate, force: true }, partly(live, archive, paths, truncate));
      else {
        expect(await node.restore({ globs: paths, truncate })).toBe('path_not_found');
        expect(node.manifest()).toEqual(manifestOf(live));
      }
    });
    await fc.assert(property, { numRuns: RUNS });
  });

  it('that keeps ignored paths leaves them as they were, and all else as archived', async () => {
    const { node, set } = await scene();
    const property = fc.asyncProperty(trees, trees, ignoreLists, async (live, archive, ignore) => {
      set(live, archive, ignore);
      await check(node, { truncate: true, keepIgnored: true, force: true }, keeping(live, archive, ignore));
    });
    await fc.assert(property, { numRuns: RUNS });
  });

  it('can be undone to the first manifest, in every mode', async () => {
    const { node, set } = await scene();
    const property = fc.asyncProperty(trees, trees, requests, async (live, archive, request) => {
      fc.pre(!('globs' in request) || matches(archive, request.globs));
      set(live, archive, ['logs', '*.log']);
      expect(await node.restore({ ...request, force: true, keepPreviousHours: 1 })).toBe('done');
      await check(node, { undo: true }, live);
      expect(fs.readdirSync(join(node.stateDirectory, 'previous'))).toEqual([]);
    });
    await fc.assert(property, { numRuns: RUNS });
  });

  it('is told beforehand by a dry run, which changes nothing', async () => {
    const { node, set } = await scene();
    const property = fc.asyncProperty(trees, trees, requests, async (live, archive, request) => {
      fc.pre(!('globs' in request) || matches(archive, request.globs));
      set(live, archive, ['logs', '*.log']);
      const { dryRun: preview } = await node.submit({ ...request, dryRun: true }).ended;
      expect(node.manifest()).toEqual(manifestOf(live));
      expect(remains(node)).toEqual([]);
      const before = identities(node.live);
      expect(await node.restore({ ...request, force: true })).toBe('done');
      expect(preview).toMatchObject(differences(before, identities(node.live)));
    });
    await fc.assert(property, { numRuns: RUNS });
  });
});

function matches(archive: Tree, globs: readonly string[]): boolean {
  const selection = compileGlobs(globs);
  return [...archive].some(([path, { kind }]) => selection.selects(path, kind));
}

interface Identity {
  readonly inode: bigint;
  readonly directory: boolean;
}

/** The paths of a tree, as JSON carries them, with what tells one thing from another that took its place. */
function identities(root: string): Map<string, Identity> {
  const found = new Map<string, Identity>();
  const read = (path: Buffer, shown: string): void => {
    for (const name of fs.readdirSync(path, { encoding: 'buffer' })) {
      const child = Buffer.concat([path, Buffer.from('/'), name]);
      const at = shown === '' ? name.toString('latin1') : `${shown}/${name.toString('latin1')}`;
      const stat = fs.lstatSync(child, { bigint: true });
      found.set(at, { inode: stat.ino, directory: stat.isDirectory() });
      if (stat.isDirectory()) read(child, at);
    }
  };
  read(Buffer.from(root), '');
  return found;
}

function differences(before: ReadonlyMap<string, Identity>, after: ReadonlyMap<string, Identity>) {
  const added = [...after.keys()].filter((path) => !before.has(path));
  const deleted = [...before.keys()].filter((path) => !after.has(path));
  const replaced = [...after.keys()].filter((path) => {
    const [old, now] = [before.get(path), after.get(path)];
    return old !== undefined && now !== undefined && !(old.directory && now.directory) && old.inode !== now.inode;
  });
  return { counts: { added: added.length, replaced: replaced.length, deleted: deleted.length } };
}
