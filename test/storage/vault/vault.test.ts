/** Archives that share bytes: each reads as it was written, whatever was removed and collected around it. */
import { execFileSync } from 'node:child_process';
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import fs from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { BackupId, ServerId } from '../../../src/base/ids.ts';
import type { ByteSource, SameBytes } from '../../../src/base/source.ts';
import { objectKey, type ObjectKey } from '../../../src/storage/key.ts';
import type { VaultStore } from '../../../src/storage/vault/vault.ts';
import { describeStore, keysOf } from '../../contract/store.ts';
import { getObject } from '../../support/store-objects.ts';
import { needsProgram } from '../../support/programs.ts';
import { failureOf } from '../../support/rejection.ts';
import { scratchStore } from '../../support/scratch-store.ts';
import { scratchVault, type ScratchVault } from '../../support/scratch-vault.ts';

const SERVER = '11111111-1111-4111-8111-111111111111' as ServerId;
const KIBIBYTE = 1024;

describeStore('V21: a vault', async () => (await scratchVault()).vault);
describeStore('a vault that writes plain archives', async () => (await scratchVault({ writes: false })).vault);

/** An archive as its owner knows it. */
interface Kept {
  readonly key: ObjectKey;
  readonly bytes: Buffer;
}

/** A stretch of the base, or new bytes. */
type Part = { readonly from: number; readonly length: number } | Buffer;

function keyOf(id: string = randomUUID()): ObjectKey {
  return objectKey(SERVER, id as BackupId, 'tar.gz');
}

/** Writes an archive made of parts in calls of at most `call` bytes, saying which bytes the base has. */
async function put(
  vault: VaultStore,
  base: Kept | undefined,
  parts: readonly Part[],
  call = 64 * KIBIBYTE,
): Promise<Kept> {
  const key = keyOf();
  const writer = await vault.create(key, { base: base?.key });
  const written: Buffer[] = [];
  for (const part of parts) {
    const bytes = Buffer.isBuffer(part) ? part : base?.bytes.subarray(part.from, part.from + part.length);
    if (bytes === undefined) throw new TypeError('there is no base');
    for (let at = 0; at < bytes.length; at += call) {
      const length = Math.min(call, bytes.length - at);
      const same: SameBytes[] = Buffer.isBuffer(part) ? [] : [{ start: 0, length, base: part.from + at }];
      await writer.write(bytes.subarray(at, at + length), same);
    }
    written.push(bytes);
  }
  await writer.commit();
  return { key, bytes: Buffer.concat(written) };
}

/** Bytes of disk that the packs take. */
function packedBytes({ directory }: ScratchVault): number {
  const server = join(directory, SERVER);
  if (!fs.existsSync(server)) return 0;
  const packs = fs.readdirSync(server).filter((name) => name.endsWith('.pack'));
  return packs.reduce((sum, name) => sum + fs.statSync(join(server, name)).blocks * 512, 0);
}

function packOf({ directory }: ScratchVault): string {
  return fs.readdirSync(join(directory, SERVER)).find((name) => name.endsWith('.pack')) ?? '';
}

async function expectWhole(vault: VaultStore, { key, bytes }: Kept): Promise<void> {
  expect(await vault.stat(key)).toEqual({ size: bytes.length });
  expect(Buffer.from(await getObject(vault, key)).equals(bytes)).toBe(true);
}

describe('a vault', () => {
  test('stores what the base has once, and names it', async () => {
    const scratch = await scratchVault();
    const first = await put(scratch.vault, undefined, [randomBytes(512 * KIBIBYTE)]);
    const before = packedBytes(scratch);
    const changed = randomBytes(4 * KIBIBYTE);
    const second = await put(scratch.vault, first, [
      { from: 0, length: 100_000 },
      changed,
      { from: 104_096, length: 512 * KIBIBYTE - 104_096 },
    ]);
    expect(packedBytes(scratch) - before).toBe(4 * KIBIBYTE);
    await expectWhole(scratch.vault, first);
    await expectWhole(scratch.vault, second);
  });

  test('shows an archive by its usual key, and neither recipes nor packs', async () => {
    const { vault } = await scratchVault();
    const { key } = await put(vault, undefined, [randomBytes(1000)]);
    expect(await keysOf(vault)).toEqual([key]);
    expect(await keysOf(vault, key)).toEqual([key]);
  });

  test('a stretch shorter than the shortest range is stored again', async () => {
    const scratch = await scratchVault({ shortestRange: 4096 });
    const first = await put(scratch.vault, undefined, [randomBytes(64 * KIBIBYTE)]);
    const second = await put(scratch.vault, first, [{ from: 0, length: 4095 }]);
    await scratch.vault.remove(first.key);
    await scratch.vault.collect(SERVER);
    expect(packedBytes(scratch)).toBe(4096);
    await expectWhole(scratch.vault, second);
  });

  test('an archive longer than a pack lies in several', async () => {
    const scratch = await scratchVault({ packLength: 10_000 });
    const kept = await put(scratch.vault, undefined, [randomBytes(35_000)]);
    expect(fs.readdirSync(join(scratch.directory, SERVER)).filter((name) => name.endsWith('.pack'))).toHaveLength(4);
    await expectWhole(scratch.vault, kept);
    const source = await scratch.vault.open(kept.key);
    expect(Buffer.from(await source.read(9_990, 20)).equals(kept.bytes.subarray(9_990, 10_010))).toBe(true);
    await source.close();
  });

  test('an aborted archive leaves nothing', async () => {
    const { vault, directory } = await scratchVault({ packLength: 1000 });
    const writer = await vault.create(keyOf());
    await writer.write(randomBytes(3500));
    await writer.abort();
    expect(fs.existsSync(join(directory, SERVER)) ? fs.readdirSync(join(directory, SERVER)) : []).toEqual([]);
  });

  test('a removed archive gives back what no other needs, in holes of the packs that stay', async () => {
    const scratch = await scratchVault({ mergeAt: 1 });
    const first = await put(scratch.vault, undefined, [randomBytes(1024 * KIBIBYTE)]);
    const second = await put(scratch.vault, first, [{ from: 0, length: 64 * KIBIBYTE }]);
    await scratch.vault.remove(first.key);
    await scratch.vault.collect(SERVER);
    expect(packedBytes(scratch)).toBe(64 * KIBIBYTE);
    await expectWhole(scratch.vault, second);
  });

  test('V18: punches no hole into a file that has another name too', async () => {
    const scratch = await scratchVault({ mergeAt: 1 });
    const first = await put(scratch.vault, undefined, [randomBytes(256 * KIBIBYTE)]);
    const pack = packOf(scratch);
    const other = join(scratch.directory, '..', 'other');
    fs.linkSync(join(scratch.directory, SERVER, pack), other);
    await put(scratch.vault, first, [{ from: 0, length: 4096 }]);
    await scratch.vault.remove(first.key);
    await scratch.vault.collect(SERVER);
    expect(fs.readFileSync(other).equals(first.bytes)).toBe(true);
  });

  test('V19: what a reader opened stays readable to its end when it is removed and collected', async () => {
    const { vault } = await scratchVault();
    const kept = await put(vault, undefined, [randomBytes(300 * KIBIBYTE)]);
    const source = await vault.open(kept.key);
    await vault.remove(kept.key);
    await vault.collect(SERVER);
    expect(Buffer.from(await source.read(0, source.size)).equals(kept.bytes)).toBe(true);
    await source.close();
    expect(await vault.stat(kept.key)).toBeUndefined();
  });

  test('the base of a running backup stays, whatever is removed meanwhile', async () => {
    const { vault } = await scratchVault();
    const base = await put(vault, undefined, [randomBytes(200 * KIBIBYTE)]);
    const key = keyOf();
    const writer = await vault.create(key, { base: base.key });
    await vault.remove(base.key);
    await vault.collect(SERVER);
    await writer.write(base.bytes, [{ start: 0, length: base.bytes.length, base: 0 }]);
    await writer.commit();
    await expectWhole(vault, { key, bytes: base.bytes });
  });

  test('bytes of a base that was removed meanwhile go when the backup has ended, and a backup that leaves none reads no recipe', async () => {
    const { store, directory } = await scratchStore();
    const opened: string[] = [];
    const watched = new Proxy(store, {
      get(target, name) {
        const value: unknown = Reflect.get(target, name, target);
        if (typeof value !== 'function') return value;
        return (...given: readonly unknown[]): unknown => {
          if (name === 'open') opened.push(String(given[0]));
          return Reflect.apply(value, target, given);
        };
      },
    });
    const { vault, faults } = await scratchVault({ store: watched, mergeAt: 1 });
    const base = await put(vault, undefined, [randomBytes(200 * KIBIBYTE)]);
    const key = keyOf();
    const writer = await vault.create(key, { base: base.key });
    await vault.remove(base.key);
    await vault.freeSpace();
    await writer.write(base.bytes.subarray(0, 8192), [{ start: 0, length: 8192, base: 0 }]);
    await writer.commit();
    await vault.freeSpace();
    expect(packedBytes({ directory } as ScratchVault)).toBe(8192);
    await vault.collect(SERVER);
    opened.length = 0;
    await put(vault, undefined, [randomBytes(1000)]);
    await vault.freeSpace();
    expect(opened).toEqual([]);
    expect(faults).toEqual([]);
  });

  test('a backup that completes while a collection looks around keeps its packs', async () => {
    let looked = (): void => undefined;
    const looking = new Promise<void>((resolve) => (looked = resolve));
    let goOn = (): void => undefined;
    const gate = new Promise<void>((resolve) => (goOn = resolve));
    let staged = false;
    const { store, directory } = await scratchStore();
    const slow = new Proxy(store, {
      get(target, name) {
        const value: unknown = Reflect.get(target, name, target);
        if (typeof value !== 'function') return value;
        if (name !== 'list' || !staged) return value.bind(target) as unknown;
        return async function* (prefix: string) {
          yield* target.list(prefix);
          looked();
          await gate;
        };
      },
    });
    const { vault } = await scratchVault({ store: slow });
    const [key, bytes] = [keyOf(), randomBytes(50_000)];
    const writer = await vault.create(key);
    await writer.write(bytes);
    staged = true;
    const collecting = vault.collect(SERVER);
    await looking;
    const committing = writer.commit();
    goOn();
    await Promise.all([collecting, committing]);
    await vault.collect(SERVER);
    await expectWhole(vault, { key, bytes });
    expect(fs.existsSync(directory)).toBe(true);
  });

  test('packs that are mostly dead are merged, and every archive reads as before', async () => {
    const scratch = await scratchVault({ mergeAt: 0.1, packLength: 64 * KIBIBYTE });
    let newest = await put(scratch.vault, undefined, [randomBytes(600 * KIBIBYTE)]);
    const old: Kept[] = [];
    for (let night = 0; night < 12; night++) {
      const at = night * 40 * KIBIBYTE + 100;
      const next = await put(scratch.vault, newest, [
        { from: 0, length: at },
        randomBytes(20 * KIBIBYTE),
        { from: at + 20 * KIBIBYTE, length: newest.bytes.length - at - 20 * KIBIBYTE },
      ]);
      old.push(newest);
      newest = next;
    }
    for (const { key } of old.slice(0, -2)) await scratch.vault.remove(key);
    await scratch.vault.collect(SERVER);
    expect(fs.readdirSync(join(scratch.directory, SERVER)).some((name) => name.endsWith('.map'))).toBe(true);
    await expectWhole(scratch.vault, newest);
    for (const kept of old.slice(-2)) await expectWhole(scratch.vault, kept);
    await scratch.vault.collect(SERVER);
    await expectWhole(scratch.vault, newest);
    expect(packedBytes(scratch)).toBeLessThan(newest.bytes.length * 1.3);
  });

  test('a server whose backups all stay has fewer than sixty packs, and is told to have as many as there are', async () => {
    const { vault, directory } = await scratchVault();
    const packs = (): number => fs.readdirSync(join(directory, SERVER)).filter((name) => name.endsWith('.pack')).length;
    const kept: Kept[] = [];
    const counts: { readonly told: number | undefined; readonly there: number }[] = [];
    for (let night = 1; night <= 105; night++) {
      kept.push(await put(vault, undefined, [randomBytes(5000)]));
      await vault.freeSpace();
      counts.push({ told: vault.usage(SERVER)?.packs, there: packs() });
    }
    expect(Math.max(...counts.map(({ there }) => there))).toBeLessThan(60);
    expect(packs()).toBeGreaterThanOrEqual(40);
    expect(counts.filter(({ told, there }) => told !== there)).toEqual([]);
    for (const each of kept) await expectWhole(vault, each);
  });

  test.each(['unreadable', 'missing', 'of another archive'])(
    'V13: a recipe that is %s: nothing is collected, and it says so',
    async (how) => {
      const scratch = await scratchVault();
      const first = await put(scratch.vault, undefined, [randomBytes(100 * KIBIBYTE)]);
      const second = await put(scratch.vault, undefined, [randomBytes(100 * KIBIBYTE)]);
      const id = first.key.slice(SERVER.length + 1, -'.tar.gz'.length) as BackupId;
      scratch.known.set(SERVER, new Set([id]));
      const recipe = join(scratch.directory, SERVER, `${id}.recipe`);
      if (how === 'missing') fs.rmSync(recipe);
      else {
        const bytes = fs.readFileSync(recipe);
        const at = how === 'unreadable' ? bytes.length - 6 : 20;
        bytes[at] = (bytes[at] ?? 0) ^ 1;
        fs.writeFileSync(recipe, bytes);
      }
      const before = packedBytes(scratch);
      await scratch.vault.remove(second.key);
      expect((await failureOf(scratch.vault.collect(SERVER))).code).toBe('archive_damaged');
      expect(packedBytes(scratch)).toBe(before);
    },
  );

  test('a missing pack: its archives are damaged, others are read, and nothing is collected', async () => {
    const scratch = await scratchVault();
    const first = await put(scratch.vault, undefined, [randomBytes(100 * KIBIBYTE)]);
    const pack = packOf(scratch);
    const other = await put(scratch.vault, undefined, [randomBytes(100 * KIBIBYTE)]);
    fs.rmSync(join(scratch.directory, SERVER, pack));
    expect((await failureOf(scratch.vault.open(first.key))).code).toBe('archive_damaged');
    await expectWhole(scratch.vault, other);
    expect((await failureOf(scratch.vault.collect(SERVER))).code).toBe('archive_damaged');
  });

  test('a dry run says what would be given back and changes nothing', async () => {
    const scratch = await scratchVault();
    const first = await put(scratch.vault, undefined, [randomBytes(100 * KIBIBYTE)]);
    const lone = join(scratch.directory, SERVER, `${randomUUID()}.pack`);
    fs.writeFileSync(lone, randomBytes(8192));
    expect(await scratch.vault.collect(SERVER, true)).toEqual({ packs: 1, freedBytes: 8192, movedBytes: 0 });
    expect(fs.existsSync(lone)).toBe(true);
    expect(await scratch.vault.collect(SERVER)).toEqual({ packs: 1, freedBytes: 8192, movedBytes: 0 });
    expect(fs.existsSync(lone)).toBe(false);
    await expectWhole(scratch.vault, first);
  });

  test('V15: the script of the docs rebuilds any archive, with holes and maps', async (context) => {
    needsProgram(context, 'python3');
    const scratch = await scratchVault({ packLength: 64 * KIBIBYTE });
    const kept = await churn(scratch, 8, 3);
    expect(fs.readdirSync(join(scratch.directory, SERVER)).some((name) => name.endsWith('.map'))).toBe(true);
    for (const { key, bytes } of kept) {
      const recipe = join(scratch.directory, key.replace(/\.tar\.gz$/, '.recipe'));
      const rebuilt = execFileSync('python3', ['docs/vault-rebuild.py', recipe], { maxBuffer: 2 ** 24 });
      expect(createHash('sha256').update(rebuilt).digest('hex')).toBe(createHash('sha256').update(bytes).digest('hex'));
    }
  });
});

/** Nights of small changes, of which the last `keep` stay; collected after each removal. */
async function churn(scratch: ScratchVault, nights: number, keep: number): Promise<Kept[]> {
  const kept = [await put(scratch.vault, undefined, [randomBytes(300 * KIBIBYTE)])];
  for (let night = 0; night < nights; night++) {
    const base = kept.at(-1);
    if (base === undefined) throw new TypeError('there is always a newest');
    const at = (night * 37_003) % 200_000;
    const parts = [
      { from: 0, length: at },
      randomBytes(30_000),
      { from: at + 30_000, length: base.bytes.length - at - 30_000 },
    ];
    kept.push(await put(scratch.vault, base, parts));
    while (kept.length > keep) {
      const oldest = kept.shift();
      if (oldest !== undefined) await scratch.vault.remove(oldest.key);
    }
    await scratch.vault.collect(SERVER);
  }
  return kept;
}

type Step =
  | {
      readonly do: 'back up';
      readonly edits: readonly { readonly at: number; readonly cut: number; readonly add: number }[];
    }
  | { readonly do: 'remove'; readonly which: number }
  | { readonly do: 'open'; readonly which: number }
  | { readonly do: 'collect' }
  | { readonly do: 'read' };

const edit = fc.record({
  at: fc.integer({ min: 0, max: 60_000 }),
  cut: fc.integer({ min: 0, max: 20_000 }),
  add: fc.integer({ min: 0, max: 20_000 }),
});
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('back up' as const), edits: fc.array(edit, { maxLength: 3 }) }) },
  {
    weight: 3,
    arbitrary: fc.oneof(
      fc.record({ do: fc.constant('remove' as const), which: fc.nat(20) }),
      fc.record({ do: fc.constant('open' as const), which: fc.nat(20) }),
    ),
  },
  { weight: 2, arbitrary: fc.constantFrom<Step>({ do: 'collect' }, { do: 'read' }) },
);

/** The base with its edits, as parts. */
function edited(base: Buffer, edits: Extract<Step, { do: 'back up' }>['edits']): Part[] {
  const parts: Part[] = [];
  let at = 0;
  for (const { at: from, cut, add } of [...edits].sort((one, other) => one.at - other.at)) {
    const start = Math.min(base.length, Math.max(at, from));
    if (start > at) parts.push({ from: at, length: start - at });
    if (add > 0) parts.push(randomBytes(add));
    at = Math.min(base.length, start + cut);
  }
  if (at < base.length) parts.push({ from: at, length: base.length - at });
  return parts;
}

test('any order of backups, removals, readers and collections: each archive reads as written, and all space comes back', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
      const scratch = await scratchVault({ packLength: 30_000, mergeAt: 0.05, shortestRange: 1000 });
      const { vault } = scratch;
      let kept: Kept[] = [];
      const readers: { readonly source: ByteSource; readonly bytes: Buffer }[] = [];
      const read = async () => {
        for (const { source, bytes } of readers.splice(0)) {
          expect(Buffer.from(await source.read(0, source.size)).equals(bytes)).toBe(true);
          await source.close();
        }
      };
      for (const each of steps) {
        if (each.do === 'back up') {
          const base = kept.at(-1);
          kept.push(
            await put(vault, base, base === undefined ? [randomBytes(60_000)] : edited(base.bytes, each.edits), 7000),
          );
        } else if (each.do === 'collect') await vault.collect(SERVER);
        else if (each.do === 'read') await read();
        else {
          const chosen = kept[each.which % Math.max(1, kept.length)];
          if (chosen === undefined) continue;
          if (each.do === 'open') readers.push({ source: await vault.open(chosen.key), bytes: chosen.bytes });
          else {
            await vault.remove(chosen.key);
            kept = kept.filter((other) => other !== chosen);
          }
        }
      }
      await read();
      for (const each of kept) await expectWhole(vault, each);
      for (const { key } of kept) await vault.remove(key);
      await vault.collect(SERVER);
      expect(packedBytes(scratch)).toBe(0);
      expect(scratch.faults).toEqual([]);
      await vault.close();
    }),
    { numRuns: 25 },
  );
});
