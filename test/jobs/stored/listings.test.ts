import { createHash } from 'node:crypto';
import fs from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { OpenRequest } from '../../../src/archive/contract.ts';
import { silentLog } from '../../../src/base/log/log.ts';
import { archivePort } from '../../../src/jobs/stored/archive-port.ts';
import { Listings } from '../../../src/jobs/stored/listings.ts';
import { gzipSync } from 'node:zlib';
import { fileSourceOf } from '../../archive/foreign/sources.ts';
import { entry, tar } from '../../hostile/tar-builder.ts';
import { backupId } from '../../support/node.ts';
import { failureOf } from '../../support/rejection.ts';
import { scratchDirectory } from '../../support/scratch.ts';

const ID = backupId(1);
const never = (): AbortSignal => new AbortController().signal;
const ARCHIVE = gzipSync(tar(entry({ name: 'world/level.dat' }, 'level'), entry({ name: 'eula.txt' }, 'eula=true')));
const RECORD = { id: ID, size: ARCHIVE.length, sha256: createHash('sha256').update(ARCHIVE).digest('hex') };

async function scene(bytes: Buffer = ARCHIVE) {
  const directory = join(await scratchDirectory(), 'listings');
  const made: OpenRequest[] = [];
  const archive = {
    listArchive: (request: Parameters<typeof archivePort.listArchive>[0]) => {
      made.push(request.source);
      return archivePort.listArchive(request);
    },
  };
  const open = (): Listings => new Listings({ directory, archive, log: silentLog() });
  const source = await fileSourceOf(bytes);
  const request = { archive: source };
  const opened = () => Promise.resolve({ request, close: () => Promise.resolve() });
  return { directory, made, open, listings: open(), request, opened };
}

test('an archive is read through once, for all who look at once and after a restart', async () => {
  const { listings, made, open, opened } = await scene();
  const found = await Promise.all([1, 2, 3].map(() => listings.openOrMake(RECORD, opened, never())));
  const later = await open().openOrMake(RECORD, opened, never());
  for (const source of [...found, later]) {
    expect(source?.size).toBeGreaterThan(0);
    await source?.close();
  }
  expect(made).toHaveLength(1);
});

test('a listing that was damaged, or is of another archive, is made again', async () => {
  const { directory, listings, made, open, opened } = await scene();
  await (await listings.openOrMake(RECORD, opened, never()))?.close();
  const [name = ''] = fs.readdirSync(directory);
  fs.writeFileSync(join(directory, name), 'torn');
  const source = await open().openOrMake(RECORD, opened, never());
  expect(source?.size).toBeGreaterThan(4);
  await source?.close();
  expect(made).toHaveLength(2);
});

test('an archive that is not the recorded one gets none', async () => {
  const { directory, listings, request, opened } = await scene(gzipSync(tar(entry({ name: 'evil' }, 'evil'))));
  await failureOf(listings.openOrMake({ ...RECORD, size: request.archive.size }, opened, never()), 'archive_damaged');
  expect(fs.existsSync(directory)).toBe(false);
});

test('what a kill left unfinished goes at the next start, and listings of backups that are gone at a sweep', async () => {
  const { directory, listings, open, opened } = await scene();
  await (await listings.openOrMake(RECORD, opened, never()))?.close();
  fs.writeFileSync(join(directory, `${backupId(2)}.unfinished`), 'half');
  const again = open();
  expect(fs.readdirSync(directory)).toEqual([`${ID}.listing`]);
  again.sweep((id) => id === ID);
  expect(fs.readdirSync(directory)).toEqual([`${ID}.listing`]);
  again.sweep(() => false);
  expect(fs.readdirSync(directory)).toEqual([]);
});

test('a caller who is gone ends what was made for it alone', async () => {
  const { listings, opened } = await scene();
  const stop = new AbortController();
  const asked = listings.openOrMake(RECORD, opened, stop.signal);
  stop.abort();
  await failureOf(asked, 'cancelled');
  const source = await listings.openOrMake(RECORD, opened, never());
  expect(source).toBeDefined();
  await source?.close();
});

test('a caller who is gone takes nothing from the others: what is read is not what that caller had opened', async () => {
  const { listings, opened } = await scene();
  const stop = new AbortController();
  const [begun, goOn] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  let closed = 0;
  const slow = async () => {
    begun.resolve();
    await goOn.promise;
    return { ...(await opened()), close: () => Promise.resolve(void closed++) };
  };
  const first = listings.openOrMake(RECORD, slow, stop.signal);
  const second = listings.openOrMake(RECORD, opened, never());
  await begun.promise;
  stop.abort();
  await failureOf(first, 'cancelled');
  expect(closed).toBe(0);
  goOn.resolve();
  const source = await second;
  expect([source === undefined, closed]).toEqual([false, 1]);
  await source?.close();
});
