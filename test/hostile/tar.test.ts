import fs from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import type { ExtractResult, StreamedArchive } from '../../src/archive/contract.ts';
import { openStreamedArchive } from '../../src/archive/foreign/open-streamed.ts';
import { unpackStreamed } from '../../src/archive/unpack/streamed.ts';
import { Failure } from '../../src/base/failure.ts';
import type { ByteSource } from '../../src/base/source.ts';
import { memorySource } from '../archive/foreign/sources.ts';
import { OWNER, makeArena, snapshot, treeOf } from './canary.ts';
import { type Attack, KINDS, LINKS, NAMES, STRUCTURE } from './tar-corpus.ts';
import { entry, header, tar } from './tar-builder.ts';

const LIMITS = { maxBytes: 1_000_000, maxEntries: 100 };

function unpack(archive: StreamedArchive, source: ByteSource, into: string, overwrite = false): Promise<ExtractResult> {
  return unpackStreamed(archive, {
    source: { archive: source },
    into,
    owner: OWNER,
    setuid: 'strip',
    limits: LIMITS,
    overwrite,
    durable: false,
    workers: 1,
  });
}

async function attempt(bytes: Buffer, into: string, overwrite = false): Promise<ExtractResult | Failure> {
  const source = memorySource(bytes);
  try {
    return await unpack(await openStreamedArchive(source), source, into, overwrite);
  } catch (error) {
    expect(error).toBeInstanceOf(Failure);
    return error as Failure;
  }
}

async function survive(attack: Attack, wrap: (tar: Buffer) => Buffer, overwrite: boolean): Promise<void> {
  const arena = await makeArena();
  const before = snapshot(arena);
  const outcome = await attempt(wrap(attack.make(arena.outside)), arena.target, overwrite);
  expect(snapshot(arena)).toEqual(before);

  if (attack.failure !== undefined) {
    expect(outcome).toBeInstanceOf(Failure);
    expect(outcome).toMatchObject({ code: attack.failure });
    return;
  }
  if (outcome instanceof Failure) throw outcome;
  const told = outcome.warnings.map(({ path, code }) => `${code} ${path}`);
  const expected = attack.passedOver?.map(([path, code]) => `${code} ${path}`);
  if (expected !== undefined) expect(told.sort()).toEqual(expected.sort());
  expect(outcome.hostile).toBe(told.filter((line) => line.startsWith('hostile_entry ')).length);
  for (const { message } of outcome.warnings) expect(message).toMatch(/^[\x20-\x7e\u00a0-\uffff]+$/);
  if (attack.tree !== undefined) expect(treeOf(arena.target)).toEqual(attack.tree);
  for (const path of Object.keys(treeOf(arena.target))) {
    const made = fs.lstatSync(Buffer.from(`${arena.target}/${path}`, 'latin1'));
    // A directory's setgid gives its group to what is made in it, and rights to no one.
    expect(made.mode & (made.isDirectory() ? 0o4000 : 0o6000), path).toBe(0);
  }
}

const groups = { names: NAMES, links: LINKS, kinds: KINDS, structure: STRUCTURE };

describe.each(Object.entries(groups))('hostile %s', (_, attacks) => {
  it.each(attacks.map((attack) => [attack.name, attack] as const))('touch nothing outside: %s', async (_, attack) => {
    await survive(attack, (bytes) => bytes, false);
  });

  it.each(attacks.map((attack) => [attack.name, attack] as const))(
    'touch nothing outside when gzipped, and where things may be replaced: %s',
    async (_, attack) => {
      await survive(attack, (bytes) => gzipSync(bytes), true);
    },
  );
});

it('has at least sixty attacks', () => {
  expect(Object.values(groups).flat().length).toBeGreaterThanOrEqual(60);
});

describe('what lay in the directory before', () => {
  it('is never followed: a symlink becomes a directory, and what it led to stays', async () => {
    const arena = await makeArena();
    fs.symlinkSync(arena.outside, join(arena.target, 'd'));
    fs.symlinkSync(join(arena.outside, 'canary'), join(arena.target, 'f'));
    const before = snapshot(arena);
    const outcome = await attempt(
      tar(entry({ name: 'd/canary' }, 'new'), entry({ name: 'f' }, 'new')),
      arena.target,
      true,
    );
    expect(outcome).toMatchObject({ hostile: 0 });
    expect(snapshot(arena)).toEqual(before);
    expect(treeOf(arena.target)).toEqual({ d: 'directory', 'd/canary': 'new', f: 'new' });
  });

  it('cannot be linked to by the archive, nor written through a link to outside', async () => {
    const arena = await makeArena();
    fs.linkSync(join(arena.outside, 'canary'), join(arena.target, 'linked'));
    fs.writeFileSync(join(arena.target, 'old'), 'old');
    const bytes = tar(header({ name: 'h', type: '1', link: 'old' }), entry({ name: 'linked' }, 'new'));
    const outcome = await attempt(bytes, arena.target, true);
    expect(outcome).toMatchObject({ hostile: 1, warnings: [{ path: 'h', code: 'hostile_entry' }] });
    expect(fs.readFileSync(join(arena.outside, 'canary'), 'utf8')).toBe('alive');
    expect(treeOf(arena.target)).toEqual({ linked: 'new', old: 'old' });
  });

  it('is safe without leave to overwrite: the directory must be empty', async () => {
    const arena = await makeArena();
    fs.writeFileSync(join(arena.target, 'old'), 'old');
    expect(await attempt(tar(entry({ name: 'old' }, 'new')), arena.target)).toMatchObject({ code: 'invalid_request' });
    expect(treeOf(arena.target)).toEqual({ old: 'old' });
  });
});

describe('a bomb', () => {
  it('of gzip (CVE-2026-59873) is stopped at the limit, long before it has inflated', async () => {
    const arena = await makeArena();
    const bytes = gzipSync(tar(entry({ name: 'bomb' }, Buffer.alloc(64 * 1024 * 1024))));
    expect(bytes.length).toBeLessThan(100_000);
    expect(await attempt(bytes, arena.target)).toMatchObject({ code: 'too_large' });
    expect(treeOf(arena.target)).toEqual({});
  });

  it('of many files is stopped at the first that goes beyond, and what is half written is gone', async () => {
    const arena = await makeArena();
    const files = Array.from({ length: 4 }, (_, index) => entry({ name: `f${index}` }, Buffer.alloc(400_000, 'x')));
    expect(await attempt(gzipSync(tar(...files)), arena.target)).toMatchObject({ code: 'too_large' });
    expect(Object.keys(treeOf(arena.target)).sort()).toEqual(['f0', 'f1']);
  });
});
