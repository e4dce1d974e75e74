/** The way back after an upgrade: the copy of the catalogue from before its migrations. */
import fs from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openCatalogue } from '../../src/catalogue/catalogue.ts';
import { inspectCatalogue } from '../../src/catalogue/inspect.ts';
import { Database } from '../../src/catalogue/sqlite/database.ts';
import { migrate, MIGRATIONS } from '../../src/catalogue/sqlite/migrate.ts';
import { newBackup } from '../support/catalogue-rows.ts';
import { thrownBy } from '../support/rejection.ts';
import { scratchDirectory } from '../support/scratch.ts';
import { StillClock } from '../support/still-clock.ts';

const clock = new StillClock();
const OLDER = MIGRATIONS.slice(0, -2);
const OLDER_NUMBER = OLDER.length;

/** A catalogue that an older program left, with one row. */
async function older() {
  const directory = await scratchDirectory();
  const path = join(directory, 'catalogue.sqlite');
  const database = Database.open(path);
  migrate(database, clock, OLDER);
  database.run("INSERT INTO keys (name, value) VALUES ('of-older', x'01')", {});
  database.close();
  return {
    path,
    copy: join(directory, `catalogue-${OLDER_NUMBER}.sqlite`),
    names: () => fs.readdirSync(directory).sort(),
  };
}

test('a catalogue is copied, privately, before it is changed; a new one and one of this form are not', async () => {
  const { path, copy, names } = await older();
  openCatalogue(path, clock).close();
  expect(names()).toEqual([`catalogue-${OLDER_NUMBER}.sqlite`, 'catalogue.sqlite']);
  expect(fs.statSync(copy).mode & 0o777).toBe(0o600);
  const before = fs.statSync(copy);
  openCatalogue(path, clock).close();
  expect(fs.statSync(copy)).toMatchObject({ ino: before.ino, mtimeMs: before.mtimeMs });

  const fresh = join(await scratchDirectory(), 'state');
  openCatalogue(join(fresh, 'catalogue.sqlite'), clock).close();
  expect(fs.readdirSync(fresh)).toEqual(['catalogue.sqlite']);
});

test('the older program refuses what the newer one changed, names the copy, and goes on from it', async () => {
  const { path, copy } = await older();
  const newer = openCatalogue(path, clock);
  newer.backups.insert(newBackup(1));
  newer.close();
  const database = Database.open(path);
  const refused = thrownBy(() => migrate(database, clock, OLDER), 'internal');
  database.close();
  expect(refused.hint).toContain(copy);

  fs.renameSync(path, `${path}.newer`);
  fs.copyFileSync(copy, path);
  const again = Database.open(path);
  migrate(again, clock, OLDER);
  expect(again.all("SELECT name FROM keys WHERE name = 'of-older'", {})).toHaveLength(1);
  expect(again.all('SELECT id FROM backups', {})).toEqual([]);
  again.close();
});

test('without a copy, the refusal says that the catalogue can be made again', async () => {
  const path = join(await scratchDirectory(), 'catalogue.sqlite');
  openCatalogue(path, clock).close();
  const database = Database.open(path);
  const refused = thrownBy(() => migrate(database, clock, OLDER), 'internal');
  database.close();
  expect(refused.hint).toContain('move catalogue.sqlite away');
});

test('a copy that cannot be made leaves the catalogue as the older program left it', async () => {
  const { path, copy } = await older();
  // A directory in the place of the copy: the rename fails.
  fs.mkdirSync(join(copy, 'taken'), { recursive: true });
  thrownBy(() => openCatalogue(path, clock), 'internal');
  const database = Database.open(path);
  expect(database.one('SELECT max(number) AS number FROM migrations', {})).toEqual({ number: OLDER_NUMBER });
  database.close();
  expect(fs.existsSync(`${copy}.partial`)).toBe(false);
});

test('the rest of a copy that a kill cut off is no hindrance', async () => {
  const { path, copy, names } = await older();
  fs.writeFileSync(`${copy}.partial`, 'half a copy');
  openCatalogue(path, clock).close();
  expect(names()).toEqual([`catalogue-${OLDER_NUMBER}.sqlite`, 'catalogue.sqlite']);
  const database = Database.open(copy);
  expect(database.all("SELECT name FROM keys WHERE name = 'of-older'", {})).toHaveLength(1);
  database.close();
});

test('doctor is told of a catalogue that is newer than the program', async () => {
  const path = join(await scratchDirectory(), 'catalogue.sqlite');
  openCatalogue(path, clock).close();
  const database = Database.open(path);
  database.run("INSERT INTO migrations (number, name, applied_at) VALUES (99, 'later', 0)", {});
  database.close();
  expect(thrownBy(() => inspectCatalogue(path), 'internal').message).toContain('it is of version 99');
});
