import { copyFile, readdir, readFile, stat, truncate, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, onTestFinished, test } from 'vitest';
import { Failure } from '../../src/base/failure.ts';
import { DOWNLOAD_TOKEN_KEY, openCatalogue } from '../../src/catalogue/catalogue.ts';
import { Database } from '../../src/catalogue/sqlite/database.ts';
import { migrate, MIGRATIONS } from '../../src/catalogue/sqlite/migrate.ts';
import { thrownBy } from '../support/rejection.ts';
import { backupId, newBackup, newJob, serverId } from '../support/catalogue-rows.ts';
import { scratchCatalogue } from '../support/scratch-catalogue.ts';
import { scratchDirectory } from '../support/scratch.ts';
import { StillClock } from '../support/still-clock.ts';

const clock = new StillClock();

describe('opening', () => {
  test('makes the file and its directory for the owner alone', async () => {
    const path = join(await scratchDirectory(), 'state', 'catalogue.db');
    const catalogue = openCatalogue(path, clock);
    catalogue.backups.insert(newBackup(1));
    for (const name of await readdir(dirname(path))) {
      expect((await stat(join(dirname(path), name))).mode & 0o777, name).toBe(0o600);
    }
    expect((await stat(dirname(path))).mode & 0o777).toBe(0o700);
    catalogue.close();
    expect(await readdir(dirname(path))).toEqual(['catalogue.db']);
  });

  test('again finds everything as it was', async () => {
    const path = join(await scratchDirectory(), 'catalogue.db');
    const first = openCatalogue(path, clock);
    const record = first.backups.insert(newBackup(1));
    first.close();
    const second = openCatalogue(path, clock);
    expect(second.backups.list()).toEqual([record]);
    second.close();
  });

  test('flushes each commit to the disk, in WAL', async () => {
    const { path } = await scratchCatalogue();
    const database = Database.open(path);
    expect(database.one('PRAGMA journal_mode', {})).toEqual({ journal_mode: 'wal' });
    expect(database.one('PRAGMA synchronous', {})).toEqual({ synchronous: 2 });
    expect(database.one('PRAGMA foreign_keys', {})).toEqual({ foreign_keys: 1 });
    database.close();
  });

  test('flushes only what nothing rests on later, and everything again from then on, whatever came of it', async () => {
    const { path } = await scratchCatalogue();
    const database = Database.open(path);
    onTestFinished(() => database.close());
    const synchronous = (): unknown => database.one('PRAGMA synchronous', {})?.['synchronous'];
    expect(database.unflushed(synchronous)).toBe(1);
    expect(synchronous()).toBe(2);
    const failing = (): never => {
      throw new Failure('internal', 'Cannot go on');
    };
    thrownBy(() => database.unflushed(failing), 'internal');
    expect(synchronous()).toBe(2);
    expect(database.transaction(() => database.unflushed(synchronous))).toBe(2);
  });

  test('a file that is no database is refused with the way out', async () => {
    const path = join(await scratchDirectory(), 'catalogue.db');
    await writeFile(path, 'this is not a database, but it is long enough to look like one\n'.repeat(100));
    const failure = thrownBy(() => openCatalogue(path, clock), 'internal');
    expect(failure.message).toMatch(/^Cannot open the catalogue: the file is damaged: .*catalogue\.db/);
    expect(failure.hint).toContain('rebuilds the catalogue');
    expect(await readFile(path, 'utf8')).toContain('this is not a database');
  });

  test('a damaged database is refused, not repaired by guessing', async () => {
    const { catalogue, path } = await scratchCatalogue();
    for (let number = 0; number < 200; number++) catalogue.backups.insert(newBackup(number));
    const copy = `${path}.copy`;
    const source = new DatabaseSync(path);
    source.exec('PRAGMA wal_checkpoint(TRUNCATE)');
    source.close();
    await copyFile(path, copy);
    const bytes = await readFile(copy);
    bytes.fill(0xa5, 4096 * 3, 4096 * 12);
    await writeFile(copy, bytes);
    expect(thrownBy(() => openCatalogue(copy, clock), 'internal').message).toContain('is damaged');
  });

  test('a database that was cut off is refused', async () => {
    const { catalogue, path } = await scratchCatalogue();
    for (let number = 0; number < 200; number++) catalogue.backups.insert(newBackup(number));
    catalogue.transaction(() => undefined);
    const source = new DatabaseSync(path);
    source.exec('PRAGMA wal_checkpoint(TRUNCATE)');
    source.close();
    await copyFile(path, `${path}.copy`);
    await truncate(`${path}.copy`, 4096 * 5);
    expect(thrownBy(() => openCatalogue(`${path}.copy`, clock), 'internal').message).toContain('is damaged');
  });

  test('a path that cannot be is refused', async () => {
    const directory = await scratchDirectory();
    await writeFile(join(directory, 'file'), '');
    thrownBy(() => openCatalogue(join(directory, 'file', 'catalogue.db'), clock), 'internal');
    thrownBy(() => openCatalogue(directory, clock), 'internal');
  });
});

describe('migrations', () => {
  test('are numbered without gaps', () => {
    expect(MIGRATIONS.map(({ number }) => number)).toEqual(MIGRATIONS.map((_, index) => index + 1));
  });

  test('run once, each written down', async () => {
    const database = Database.open(join(await scratchDirectory(), 'c.db'));
    const steps = [
      { number: 1, name: 'one', sql: 'CREATE TABLE one (a)' },
      { number: 2, name: 'two', sql: 'CREATE TABLE two (a)' },
    ];
    migrate(database, clock, steps.slice(0, 1));
    migrate(database, clock, steps);
    migrate(database, clock, steps);
    expect(database.all('SELECT number, name, applied_at FROM migrations ORDER BY number', {})).toEqual([
      { number: 1, name: 'one', applied_at: clock.now() },
      { number: 2, name: 'two', applied_at: clock.now() },
    ]);
    database.close();
  });

  test('one that fails changes nothing, and those before it stay', async () => {
    const database = Database.open(join(await scratchDirectory(), 'c.db'));
    const steps = [
      { number: 1, name: 'one', sql: 'CREATE TABLE one (a)' },
      { number: 2, name: 'two', sql: 'CREATE TABLE two (a); CREATE TABLE one (a)' },
    ];
    thrownBy(() => migrate(database, clock, steps), 'internal');
    const tables = database.all(`SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name`, {});
    expect(tables.map(({ name }) => name)).toEqual(['migrations', 'one']);
    database.close();
  });

  test('long texts of older rows move beside them, and come back as they were', async () => {
    const path = join(await scratchDirectory(), 'c.db');
    const old = Database.open(path);
    migrate(old, clock, MIGRATIONS.slice(0, 4));
    const warnings = Array.from({ length: 250 }, (_, at) => ({
      path: `w/${at}`,
      code: 'file_grew',
      message: 'it grew',
    }));
    const ignore = Array.from({ length: 300 }, (_, at) => (at === 7 ? 'caf\udce9/' : `cache-${at}/`));
    const short = { ignore: ['*.log'], warnings: warnings.slice(0, 1) };
    for (const [number, texts] of [{ ignore, warnings }, short].entries()) {
      const { id, server, name, store, key } = newBackup(number + 1);
      const sql = `INSERT INTO backups (id, server, name, status, locked, ignore, store, key, sha256, warnings,
        warning_count, created_at, updated_at, completed_at)
        VALUES (:id, :server, :name, 'COMPLETED', 0, :ignore, :store, :key, :sha256, :warnings, :count, :at, 1, 1)`;
      const lists = { ignore: JSON.stringify(texts.ignore), warnings: JSON.stringify(texts.warnings) };
      const count = texts.warnings.length;
      old.run(sql, { id, server, name, store, key, sha256: 'ab'.repeat(32), count, at: number, ...lists });
    }
    old.close();
    const catalogue = openCatalogue(path, clock);
    onTestFinished(() => catalogue.close());
    expect(catalogue.backups.get(backupId(1))).toMatchObject({ ignore, warnings, warningCount: 250 });
    expect(catalogue.backups.get(backupId(2))).toMatchObject(short);
    const [second, first] = catalogue.backups.page(serverId(1), 10).backups;
    expect([first?.warnings, first?.ignore.length, first?.ignoreCount]).toEqual([undefined, 5, 300]);
    expect(second).toMatchObject(short);
    expect(catalogue.backups.warningPage(backupId(1), 2)).toEqual({ warnings: warnings.slice(200) });
  });

  test('a database of a newer program is refused, and not touched', async () => {
    const { catalogue, path } = await scratchCatalogue();
    const other = Database.open(path);
    other.run('INSERT INTO migrations (number, name, applied_at) VALUES (99, :name, 0)', { name: 'of tomorrow' });
    other.close();
    const failure = thrownBy(() => openCatalogue(path, clock), 'internal');
    expect(failure.message).toBe('Cannot use the catalogue: it is of version 99, this program knows 14');
    expect(failure.hint).toContain('newer Roost');
    expect(catalogue.backups.list()).toEqual([]);
  });
});

describe('a transaction', () => {
  test('keeps all of its changes or none', async () => {
    const { catalogue } = await scratchCatalogue();
    expect(() =>
      catalogue.transaction(() => {
        catalogue.backups.insert(newBackup(1));
        catalogue.jobs.insert(newJob(1));
        throw new Error('no');
      }),
    ).toThrow('no');
    expect([catalogue.backups.list(), catalogue.jobs.list()]).toEqual([[], []]);
    const result = catalogue.transaction(() => {
      catalogue.backups.insert(newBackup(1));
      return catalogue.jobs.insert(newJob(1)).id;
    });
    expect(catalogue.jobs.get(result).id).toBe(result);
  });

  test('within another can fail alone', async () => {
    const { catalogue } = await scratchCatalogue();
    catalogue.transaction(() => {
      catalogue.backups.insert(newBackup(1));
      thrownBy(() =>
        catalogue.transaction(() => {
          catalogue.backups.insert(newBackup(2));
          catalogue.backups.insert(newBackup(1));
        }),
      );
      catalogue.backups.insert(newBackup(3));
    });
    expect(catalogue.backups.list().map(({ id }) => id)).toEqual([3, 1].map(backupId));
  });

  test('may not be asynchronous: it would end before its work', async () => {
    const { catalogue } = await scratchCatalogue();
    const asynchronous = (): Promise<void> => {
      catalogue.backups.insert(newBackup(1));
      return Promise.resolve();
    };
    thrownBy(() => catalogue.transaction(asynchronous), 'internal');
    expect(catalogue.backups.list()).toEqual([]);
  });

  test('another process that holds the database is waited for, then named', async () => {
    const { catalogue, path } = await scratchCatalogue();
    const other = new DatabaseSync(path, { timeout: 0 });
    catalogue.transaction(() => {
      catalogue.backups.insert(newBackup(1));
      expect(other.prepare('SELECT count(*) AS n FROM backups').get()).toEqual({ n: 0 });
      expect(() => other.exec('BEGIN IMMEDIATE')).toThrow('locked');
    });
    expect(other.prepare('SELECT count(*) AS n FROM backups').get()).toEqual({ n: 1 });
    other.close();
  });
});

describe('servers', () => {
  test('have defaults until something is written', async () => {
    const { catalogue, clock } = await scratchCatalogue();
    expect(catalogue.servers.get(serverId(1))).toEqual({
      id: serverId(1),
      suspended: false,
      settings: {},
      updatedAt: null,
    });
    catalogue.servers.setSuspended(serverId(2), true);
    catalogue.servers.setSettings(serverId(2), { panelName: 'Lobby' });
    catalogue.servers.setSettings(serverId(1), {});
    expect(catalogue.servers.get(serverId(2))).toEqual({
      id: serverId(2),
      suspended: true,
      settings: { panelName: 'Lobby' },
      updatedAt: clock.now(),
    });
    expect(catalogue.servers.list().map(({ id }) => id)).toEqual([1, 2].map(serverId));
    catalogue.servers.delete(serverId(2));
    expect(catalogue.servers.get(serverId(2)).suspended).toBe(false);
  });
});

describe('used tokens', () => {
  test('count once, until they have expired and were swept', async () => {
    const { catalogue, clock, path } = await scratchCatalogue();
    const expiresAt = clock.now() + 1000;
    expect(catalogue.usedTokens.isUsed('the-token')).toBe(false);
    expect(catalogue.usedTokens.use('the-token', expiresAt)).toBe(true);
    expect(catalogue.usedTokens.use('the-token', expiresAt)).toBe(false);
    expect(catalogue.usedTokens.isUsed('the-token')).toBe(true);
    expect(catalogue.usedTokens.use('another', expiresAt)).toBe(true);
    clock.advance(1000);
    expect(catalogue.usedTokens.sweep()).toBe(0);
    clock.advance(1);
    expect(catalogue.usedTokens.sweep()).toBe(2);
    expect((await readFile(`${path}-wal`)).includes('the-token')).toBe(false);
  });
});

describe('keys', () => {
  test('the key for download tokens is made once, from the given randomness', async () => {
    const path = join(await scratchDirectory(), 'catalogue.db');
    const first = openCatalogue(path, clock, (length) => new Uint8Array(length).fill(7));
    expect(first.keys.get(DOWNLOAD_TOKEN_KEY)).toEqual(new Uint8Array(32).fill(7));
    first.close();
    const second = openCatalogue(path, clock, () => new Uint8Array(32).fill(9));
    expect(second.keys.get(DOWNLOAD_TOKEN_KEY)).toEqual(new Uint8Array(32).fill(7));
    second.close();
  });

  test('hold bytes and text', async () => {
    const { catalogue } = await scratchCatalogue();
    expect(catalogue.keys.get('store:local')).toBeUndefined();
    expect(catalogue.keys.getText('store:local')).toBeUndefined();
    catalogue.keys.setText('store:local', 'ü');
    catalogue.keys.setText('store:local', 'ä');
    expect(catalogue.keys.getText('store:local')).toBe('ä');
    expect(catalogue.keys.ensure('store:local', () => new Uint8Array())).toEqual(new Uint8Array(Buffer.from('ä')));
  });
});
