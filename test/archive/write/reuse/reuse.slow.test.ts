import fs from 'node:fs';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { selectedEngine } from '../../../../src/archive/gzip/engine.ts';
import { directoryManifest, pathIn } from '../../../support/directory-manifest.ts';
import { needsProgram, output } from '../../../support/programs.ts';
import { randomBytes } from '../../../support/random-bytes.ts';
import { scratchDirectory } from '../../../support/scratch.ts';
import { checkedEntries, madeLater, saved, written, type Written } from '../../../support/written-archive.ts';

/** Others cannot look into a directory that its mode closes, not even to compare. */
const IS_ROOT = process.geteuid?.() === 0;
const NAMES = ['a', 'a-', 'b', 'b.log', 'large', 'caf\xc3\xa9', '\xff', 'x'.repeat(200), 'line\nfeed'];
const names = fc.constantFrom(...NAMES);
const paths = fc.array(names, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('/'));
const sizes = fc.oneof(
  fc.nat(3000),
  fc.integer({ min: 500_000, max: 550_000 }),
  fc.integer({ min: 900_000, max: 3_500_000 }),
);

/** What an owner does between two backups. What cannot be done as things are is not done. */
const changes = fc.oneof(
  fc.record({ what: fc.constant('write' as const), path: paths, size: sizes, seed: fc.nat(9) }),
  fc.record({ what: fc.constant('write' as const), path: paths, size: sizes, seed: fc.nat(9) }),
  fc.record({ what: fc.constant('forge' as const), path: paths, seed: fc.nat(9) }),
  fc.record({ what: fc.constant('patch' as const), path: paths, at: fc.nat(3_000_000) }),
  fc.record({ what: fc.constant('rename' as const), path: paths, to: paths }),
  fc.record({ what: fc.constant('link' as const), path: paths, to: paths }),
  fc.record({ what: fc.constant('symlink' as const), path: paths, to: paths }),
  fc.record({ what: fc.constant('remove' as const), path: paths }),
  fc.record({ what: fc.constant('mode' as const), path: paths, mode: fc.constantFrom(0o600, 0o644, 0o755, 0o4755) }),
);
type Change = typeof changes extends fc.Arbitrary<infer T> ? T : never;

function apply(root: string, change: Change): void {
  try {
    perform(pathIn(root, change.path), root, change);
  } catch {
    // A directory in the way, or nothing there: the owner tried, and it did not work.
  }
}

function perform(path: Buffer, root: string, change: Change): void {
  if (change.what === 'write') {
    fs.mkdirSync(pathIn(root, change.path.slice(0, change.path.lastIndexOf('/') + 1)), { recursive: true });
    fs.writeFileSync(path, randomBytes(change.size, change.seed));
    // Whole seconds, which a forger can put back exactly.
    fs.utimesSync(path, 1_600_000_000 + change.seed, 1_600_000_000 + change.seed);
  } else if (change.what === 'forge') forge(path, change.seed);
  else if (change.what === 'patch') {
    const descriptor = fs.openSync(path, 'r+');
    fs.writeSync(descriptor, 'patched', Math.min(change.at, fs.fstatSync(descriptor).size));
    fs.closeSync(descriptor);
  } else if (change.what === 'rename') fs.renameSync(path, pathIn(root, change.to));
  else if (change.what === 'link') fs.linkSync(path, pathIn(root, change.to));
  else if (change.what === 'symlink') fs.symlinkSync(Buffer.from(change.to, 'latin1'), path);
  else if (change.what === 'remove') fs.rmSync(path, { recursive: true });
  else fs.chmodSync(path, !IS_ROOT && fs.statSync(path).isDirectory() ? change.mode | 0o700 : change.mode);
}

/** Other content of the same size, with the old times put back. */
function forge(path: Buffer, seed: number): void {
  const { mtimeMs, size } = fs.statSync(path);
  fs.writeFileSync(path, randomBytes(size, seed + 100));
  fs.utimesSync(path, mtimeMs / 1000, mtimeMs / 1000);
}

test('whatever an owner does between backups, each unpacks to what was there, however much of it was copied', async (context) => {
  needsProgram(context, 'tar');
  const engines = selectedEngine('auto') === 'isal' ? (['isal', 'zlib'] as const) : (['zlib'] as const);
  let [copied, all] = [0, 0];
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(changes, { minLength: 1, maxLength: 15 }), { minLength: 2, maxLength: 5 }),
      async (days) => {
        const home = await scratchDirectory();
        const root = join(home, 'server');
        fs.mkdirSync(root);
        let before: Written | undefined;
        for (const [day, list] of days.entries()) {
          for (const change of list) apply(root, change);
          const base = before === undefined ? {} : { base: saved(before, join(home, 'base.tar.gz')) };
          const archived = await written(root, { ...base, engine: engines[day % engines.length] ?? 'zlib' });
          await checkedEntries(archived);
          copied += archived.result.reusedBytes;
          all += archived.result.size;
          const into = join(home, `day ${day}`);
          fs.mkdirSync(into);
          await output('tar', ['-xpzf', saved(archived, join(home, 'a.tar.gz')).archive, '-C', into]);
          expect(directoryManifest(into)).toEqual(directoryManifest(root));
          before = await madeLater(archived);
        }
        fs.rmSync(home, { recursive: true });
      },
    ),
    { numRuns: 20 },
  );
  // Else the test would show nothing.
  expect(copied).toBeGreaterThan(0.2 * all);
});
