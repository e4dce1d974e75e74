import fs from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { BackupId, ServerId } from '../../src/base/ids.ts';
import { lendArchive, takeBackArchives } from '../../src/servers/lent-archives.ts';
import { failureOf } from '../support/rejection.ts';
import { scratchDirectory } from '../support/scratch.ts';
import { memorySource } from '../support/scripted-service.ts';

const SERVER = '11111111-1111-4111-8111-111111111111' as ServerId;
const OTHER = '22222222-2222-4222-8222-222222222222' as ServerId;
const BACKUP = 'aaaaaaaa-0000-4000-8000-000000000001' as BackupId;
const ARCHIVE = Buffer.alloc(2_500_000, 'the bytes of an archive ');

async function scene() {
  const root = await scratchDirectory();
  const directory = join(root, 'wings');
  const path = join(root, 'archive.tar.gz');
  await fs.writeFile(path, ARCHIVE);
  const opened: ReturnType<typeof memorySource>[] = [];
  const open = async () => {
    const source = memorySource(ARCHIVE);
    opened.push(source);
    return source;
  };
  const lend = (more: Partial<Parameters<typeof lendArchive>[0]> = {}) =>
    lendArchive({ directory, server: SERVER, backup: BACKUP, path, open, ...more });
  const place = join(directory, SERVER, `${BACKUP}.tar.gz`);
  return { directory, path, opened, open, lend, place };
}

describe('an archive that is lent', () => {
  test('is a link of the file in the store, and taking it back leaves that file', async () => {
    const { directory, path, opened, lend, place } = await scene();
    expect(await lend()).toBe(true);
    expect([(await fs.stat(place)).ino, opened.length]).toEqual([(await fs.stat(path)).ino, 0]);
    expect(await takeBackArchives(directory, {})).toBe(1);
    expect(await fs.readdir(join(directory, SERVER))).toEqual([]);
    expect(await fs.readFile(path)).toEqual(ARCHIVE);
  });

  test.each([
    ['lies elsewhere', undefined],
    ['cannot be linked', '/nowhere/archive.tar.gz'],
  ])('is copied where it %s, every byte', async (_, path) => {
    const { opened, lend, place } = await scene();
    expect(await lend({ path })).toBe(true);
    expect(await fs.readFile(place)).toEqual(ARCHIVE);
    expect(opened.map(({ closes }) => closes)).toEqual([1]);
  });

  test('never replaces, and is never taken for, one of Wings itself', async () => {
    const { directory, lend, place } = await scene();
    await fs.mkdir(join(directory, SERVER), { recursive: true });
    await fs.writeFile(place, 'of Wings');
    expect(await lend()).toBe(false);
    expect(await takeBackArchives(directory, {})).toBe(0);
    expect(await fs.readFile(place, 'utf8')).toBe('of Wings');
  });

  test('stays for a day from when it was lent last; then it goes', async () => {
    const { directory, lend, place } = await scene();
    await lend();
    await fs.utimes(`${place}.lent-by-roost`, 1000, 1000);
    await lend();
    const now = Date.now();
    expect(await takeBackArchives(directory, { before: now - 86_400_000 })).toBe(0);
    expect(await takeBackArchives(directory, { before: now + 60_000 })).toBe(1);
    await expect(fs.stat(place)).rejects.toThrow('ENOENT');
  });

  test('goes with its server alone', async () => {
    const { directory, lend, place } = await scene();
    await lend();
    await lend({ server: OTHER });
    expect(await takeBackArchives(directory, { server: OTHER })).toBe(1);
    expect(await fs.readFile(place)).toEqual(ARCHIVE);
  });
});

test('a read that fails leaves no part of a copy, and what it leaves is taken back', async () => {
  const { directory, open, lend, place } = await scene();
  const broken = async () => Object.assign(await open(), { read: () => Promise.reject(new Error('EIO')) });
  await failureOf(lend({ path: undefined, open: broken }));
  expect(await fs.readdir(join(directory, SERVER))).toEqual([`${BACKUP}.tar.gz.lent-by-roost`]);
  await fs.writeFile(`${place}.partial`, 'of a copy that was killed');
  expect(await takeBackArchives(directory, {})).toBe(1);
  expect(await fs.readdir(join(directory, SERVER))).toEqual([]);
});

test('a directory that is not there holds nothing', async () => {
  expect(await takeBackArchives('/nowhere/at/all', {})).toBe(0);
});
