/** Recipes and maps that are well formed and lie: what they ask for must have an end. */
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import fs from 'node:fs';
import { join } from 'node:path';
import { expect, test, type TestContext } from 'vitest';
import { Failure } from '../../../src/base/failure.ts';
import { LiveBlocks } from '../../../src/storage/vault/collection/live-blocks.ts';
import { encodeMap } from '../../../src/storage/vault/format/map.ts';
import { type RangeList, RangeListBuilder } from '../../../src/storage/vault/ranges.ts';
import { encodeRecipe, withChecksum } from '../../../src/storage/vault/format/recipe.ts';
import { ServerPacks } from '../../../src/storage/vault/server-packs.ts';
import { needsProgram } from '../../support/programs.ts';
import { scratchDirectory } from '../../support/scratch.ts';

const BORN = '11111111-1111-4111-8111-111111111111';
const LATER = '22222222-2222-4222-8222-222222222222';

function listOf(...rows: readonly (readonly [string, number, number])[]): RangeList {
  const ranges = new RangeListBuilder();
  for (const row of rows) ranges.add(...row);
  return ranges.finish();
}

function codeOf(work: () => unknown): string {
  try {
    work();
    return 'nothing was thrown';
  } catch (error) {
    if (error instanceof Failure) return error.code;
    throw error;
  }
}

test('a map that tells of more bytes than its pack has is damage, before any of them is marked', () => {
  const moved = listOf([BORN, 0, 2 ** 50]);
  const packs = new ServerPacks(new Map([[LATER, 4096]]), new Set(), new Map([[LATER, moved]]));
  expect(codeOf(() => Array.from(packs.placesOf(BORN, 0, 2 ** 50)))).toBe('archive_damaged');
  expect(codeOf(() => new LiveBlocks(packs).mark(moved))).toBe('archive_damaged');
  expect(Array.from(packs.placesOf(BORN, 96, 4000))).toEqual([{ pack: LATER, offset: 96, length: 4000 }]);
});

test('a recipe that names a stretch of many pieces again and again is damage, not a table without end', () => {
  const pieces = 4096;
  const map = new RangeListBuilder();
  for (let piece = 0; piece < pieces; piece++) map.add(BORN, 2 * piece, 1);
  const recipe = new RangeListBuilder();
  for (let times = 0; times < 1200; times++) recipe.add(BORN, 0, 2 * pieces - 1);
  const sizes = new Map([BORN, LATER].map((pack) => [pack, 2 * pieces]));
  const packs = new ServerPacks(sizes, new Set(), new Map([[LATER, map.finish()]]));
  expect(
    codeOf(() => {
      for (const _ of packs.placesOfAll(recipe.finish()));
    }),
  ).toBe('archive_damaged');
});

/** The script of the docs, in a directory with a pack of 100 bytes. */
async function scripted(context: TestContext) {
  needsProgram(context, 'python3');
  const directory = await scratchDirectory();
  const bytes = randomBytes(100);
  fs.writeFileSync(join(directory, `${BORN}.pack`), bytes);
  const recipe = join(directory, `${randomUUID()}.recipe`);
  const write = (name: string, content: Buffer): void => fs.writeFileSync(join(directory, name), content);
  const sha256 = (content: Buffer): string => createHash('sha256').update(content).digest('hex');
  const run = () => spawnSync('python3', ['-O', 'docs/vault-rebuild.py', recipe], { timeout: 60_000 });
  return { directory, bytes, recipe, write, sha256, run };
}

test('the script of the docs refuses what does not have its sha256, whatever python is told', async (context) => {
  const { bytes, recipe, sha256, run } = await scripted(context);
  const list = listOf([BORN, 0, 100]);
  fs.writeFileSync(recipe, encodeRecipe(100, sha256(randomBytes(100)), list));
  expect(run()).toMatchObject({ status: 1, stderr: expect.any(Buffer) as unknown });
  fs.writeFileSync(recipe, encodeRecipe(100, sha256(bytes), list));
  expect(run()).toMatchObject({ status: 0, stdout: bytes });
});

test('the script reads of two maps the one with the lower id, also in the middle of a range of the other', async (context) => {
  const { bytes, recipe, write, sha256, run } = await scripted(context);
  const healed = randomBytes(10);
  write(`${LATER}.pack`, Buffer.alloc(100, 'x'));
  write(`${LATER}.map`, encodeMap(listOf([BORN, 0, 100])));
  write(`${BORN}.map`, encodeMap(listOf([BORN, 40, 10])));
  write(`${BORN}.pack`, healed);
  const whole = Buffer.concat([Buffer.alloc(40, 'x'), healed, Buffer.alloc(50, 'x')]);
  fs.writeFileSync(recipe, encodeRecipe(100, sha256(whole), listOf([BORN, 0, 100])));
  expect(run()).toMatchObject({ status: 0, stdout: whole });
  expect(bytes.length).toBe(100);
});

test('the script goes on without a map that it cannot read, and says so', async (context) => {
  const { bytes, recipe, write, sha256, run } = await scripted(context);
  write(`${LATER}.pack`, bytes);
  write(`${LATER}.map`, Buffer.from('no map'));
  fs.writeFileSync(recipe, encodeRecipe(100, sha256(bytes), listOf([BORN, 0, 100])));
  const { status, stdout, stderr } = run();
  expect([status, stdout.equals(bytes)]).toEqual([0, true]);
  expect(stderr.toString()).toMatch(/\.map is none of a vault; going on without it/);
});

test('the script ends soon for numbers without end, and follows no link', async (context) => {
  const { directory, bytes, recipe, sha256, run } = await scripted(context);
  const head = encodeRecipe(100, sha256(bytes), listOf([BORN, 0, 100])).subarray(0, 64 + 16);
  fs.writeFileSync(recipe, withChecksum(head, Buffer.alloc(2 * 1024 * 1024, 0xff)));
  expect(run()).toMatchObject({ status: 1, signal: null });
  const secret = join(directory, 'secret');
  fs.writeFileSync(secret, bytes);
  fs.rmSync(join(directory, `${BORN}.pack`));
  fs.symlinkSync(secret, join(directory, `${BORN}.pack`));
  fs.writeFileSync(recipe, encodeRecipe(100, sha256(bytes), listOf([BORN, 0, 100])));
  expect(run()).toMatchObject({ status: 1, stdout: Buffer.alloc(0) });
  fs.rmSync(join(directory, `${BORN}.pack`));
  execFileSync('mkfifo', [join(directory, `${BORN}.pack`)]);
  expect(run()).toMatchObject({ status: 1, signal: null });
});
