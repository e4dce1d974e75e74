import { readdir, readFile, truncate, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { DOWNLOAD_TOKEN_KEY, openCatalogue } from '../../src/catalogue/catalogue.ts';
import { openOrRenewCatalogue, renewCatalogue } from '../../src/catalogue/salvage.ts';
import { newBackup, newDelivery, newJob, serverId } from '../support/catalogue-rows.ts';
import { thrownBy } from '../support/rejection.ts';
import { scratchDirectory } from '../support/scratch.ts';
import { StillClock } from '../support/still-clock.ts';

const clock = new StillClock();

/** A catalogue with something in each table. */
async function filled(): Promise<{ readonly path: string; readonly key: Uint8Array }> {
  const path = join(await scratchDirectory(), 'catalogue.sqlite');
  const catalogue = openCatalogue(path, clock);
  for (let number = 0; number < 200; number++) catalogue.backups.insert(newBackup(number));
  const job = catalogue.jobs.insert(newJob(1, { kind: 'restore' }));
  catalogue.jobs.insert(newJob(2));
  catalogue.plans.insert(job.id, job.server, { renames: [] });
  catalogue.servers.setSuspended(serverId(1), true);
  catalogue.deliveries.delete(catalogue.deliveries.insert(newDelivery(1)).id);
  catalogue.deliveries.insert(newDelivery(2, { data: { upload: true } }));
  catalogue.keys.setText('store:local', 'the-id-of-the-marker');
  catalogue.keys.setText('adopted:local', 'yes');
  for (const name of ['panel-node-token', 'panel-denials', 'socket-token']) catalogue.keys.setText(name, name);
  catalogue.usedTokens.use('a link that was used', clock.now() + 60_000);
  const key = catalogue.keys.get(DOWNLOAD_TOKEN_KEY) ?? new Uint8Array();
  catalogue.close();
  return { path, key };
}

describe('a catalogue that is made anew', () => {
  test('keeps keys, servers, reports that are owed and the plans of restores; backups are left to their manifests', async () => {
    const { path, key } = await filled();
    const { catalogue, setAside } = renewCatalogue(path, clock);
    expect(catalogue.backups.list()).toEqual([]);
    expect(catalogue.keys.getText('store:local')).toBe('the-id-of-the-marker');
    expect(catalogue.keys.get(DOWNLOAD_TOKEN_KEY)).toEqual(key);
    expect(catalogue.keys.getText('adopted:local')).toBeUndefined();
    // Without these the panel could not reach its node any more, and who was shut out could come back in.
    for (const name of ['panel-node-token', 'panel-denials', 'socket-token']) {
      expect(catalogue.keys.getText(name)).toBe(name);
    }
    // The keys that links are signed with stay, so a link for one use would be good again.
    expect(catalogue.usedTokens.isUsed('a link that was used')).toBe(true);
    expect(catalogue.servers.get(serverId(1)).suspended).toBe(true);
    expect(catalogue.deliveries.list()).toMatchObject([{ ...newDelivery(2), id: 2, data: { upload: true } }]);
    expect(catalogue.plans.list()).toMatchObject([{ state: 'swapping', plan: { renames: [] } }]);
    expect(catalogue.jobs.list().map(({ kind }) => kind)).toEqual(['restore']);
    catalogue.close();
    const old = openCatalogue(setAside ?? '', clock);
    expect(old.backups.list()).toHaveLength(200);
    old.close();
  });

  test('is simply new where there was none', async () => {
    const path = join(await scratchDirectory(), 'catalogue.sqlite');
    const { catalogue, setAside } = renewCatalogue(path, clock);
    expect([setAside, catalogue.backups.list()]).toEqual([undefined, []]);
    catalogue.close();
    expect(await readdir(dirname(path))).toEqual(['catalogue.sqlite']);
  });
});

describe('a damaged catalogue', () => {
  test('is set aside as it is, and what can be read of it is kept', async () => {
    const { path } = await filled();
    // In the pages of the backups: the keys' are among the first and the last.
    const bytes = await readFile(path);
    const damaged = Buffer.from(bytes);
    const at = bytes.indexOf('IN_PROGRESS', 4096 * 30);
    damaged.fill(0xa5, at - (at % 4096), at - (at % 4096) + 4096 * 3);
    await writeFile(path, damaged);
    const { catalogue, damage, setAside = '' } = openOrRenewCatalogue(path, clock);
    expect(damage?.message).toContain('is damaged');
    expect((await readFile(setAside)).equals(damaged)).toBe(true);
    expect(catalogue.keys.getText('store:local')).toBe('the-id-of-the-marker');
    catalogue.close();
    const again = openOrRenewCatalogue(path, clock);
    expect(again.damage).toBeUndefined();
    again.catalogue.close();
  });

  test.each([
    ['no database at all', (path: string) => writeFile(path, 'not a database\n'.repeat(1000))],
    ['cut off', (path: string) => truncate(path, 5000)],
  ])('that is %s gives way to a new one', async (_, harm) => {
    const { path } = await filled();
    await harm(path);
    const { catalogue, damage } = openOrRenewCatalogue(path, clock);
    expect(damage).toBeDefined();
    expect(catalogue.backups.insert(newBackup(1)).status).toBe('IN_PROGRESS');
    catalogue.close();
  });

  test('leaves no log beside the new file that would be played into it', async () => {
    const { path } = await filled();
    const held = openCatalogue(path, clock);
    held.backups.insert(newBackup(900));
    const [wal, main] = [await readFile(`${path}-wal`), await readFile(path)];
    held.close();
    await writeFile(path, Buffer.concat([Buffer.from('harm'), main.subarray(4)]));
    await writeFile(`${path}-wal`, wal);
    const { catalogue } = openOrRenewCatalogue(path, clock);
    expect(catalogue.backups.list()).toEqual([]);
    catalogue.close();
  });
});

test('a catalogue that is not damaged but newer, or cannot be read, is refused and stays where it is', async () => {
  const directory = await scratchDirectory();
  thrownBy(() => openOrRenewCatalogue(directory, clock), 'internal');
  const path = join(directory, 'catalogue.sqlite');
  openCatalogue(path, clock).close();
  const { DatabaseSync } = await import('node:sqlite');
  const database = new DatabaseSync(path);
  database.exec("INSERT INTO migrations VALUES (999, 'from the future', 0)");
  database.close();
  expect(thrownBy(() => openOrRenewCatalogue(path, clock), 'internal').message).toContain('version 999');
  expect(await readdir(directory)).toEqual(['catalogue.sqlite']);
});
