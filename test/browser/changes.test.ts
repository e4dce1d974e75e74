/** What has changed, and which versions there are of a name: the page against tar, diff and a walk over all archives. */
import { lstatSync, mkdirSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { dice, type Dice, emptyDirectory } from '../support/random-tree.ts';
import { backUp, differences, pathsBelow, unpacked } from './support/archives.ts';
import { go, idle, inChromium, openNode, signedIn, SOON } from './support/visitor.ts';

const SERVER = '#/servers/11111111-1111-4111-8111-111111111111';
/** Random trees that are compared and searched. */
const TREES = 6;

/** Folders within folders, of few names, with contents that come, go and change. */
function fill(server: string, roll: Dice): void {
  for (const folder of ['', 'world/', 'world/region/', 'plugins/', 'plugins/Shop/']) {
    if (folder !== '' && roll(5) === 0) continue;
    mkdirSync(join(server, folder), { recursive: true });
    for (const name of ['latest.log', 'LOGIN.yml', 'a b.dat', '[x]', 'r.0.mca', '\u00fcber']) {
      if (roll(3) === 0) continue;
      const version = roll(3);
      writeFileSync(join(server, folder, name), 'x'.repeat(1 + version));
      utimesSync(join(server, folder, name), 1_700_000_000 + version, 1_700_000_000 + version);
    }
  }
}

inChromium('looking back', () => {
  test('18: changes of two backups, and of one and the server, are those of diff -r; an older version keeps what is ticked', async () => {
    const node = await openNode();
    const at = (seconds: number, path: string): void => utimesSync(join(node.host.server, path), seconds, seconds);
    writeFileSync(join(node.host.server, 'a.yml'), 'one');
    writeFileSync(join(node.host.server, 'gone.txt'), 'leaves');
    at(1_700_000_000, 'a.yml');
    const first = await backUp(node);
    rmSync(join(node.host.server, 'gone.txt'));
    writeFileSync(join(node.host.server, 'a.yml'), 'another');
    writeFileSync(join(node.host.server, 'new.txt'), 'comes');
    const second = await backUp(node);
    rmSync(join(node.host.server, 'world'), { recursive: true });
    const { page } = await signedIn(node, `${SERVER}?backup=${second}`);
    await page.getByRole('tab', { name: 'Changes' }).click();
    const changes = page.getByRole('region', { name: 'Each change' });
    await changes.waitFor();
    const lines = async (): Promise<string[]> =>
      (await changes.locator('.f').allTextContents()).map((line) => line.replace(/\d.*$/, '')).sort();
    const dirs = [first, second].map((id) => unpacked(node, id));
    expect(await lines()).toEqual(differences(dirs[0] ?? '', dirs[1] ?? ''));
    await page.getByRole('button', { name: 'on the server now' }).click();
    await expect.poll(lines, SOON).toEqual(['deletedworld/', 'deletedworld/level.dat']);
    expect(differences(dirs[1] ?? '', node.host.server)).toEqual(['deletedworld/', 'deletedworld/level.dat']);

    await go(page, `${SERVER}/backups/${second}`);
    await page.getByRole('checkbox', { name: 'Select a.yml' }).check();
    await page.getByRole('link', { name: 'Older' }).click();
    await page.getByRole('link', { name: 'Newer' }).waitFor();
    await page.getByText('gone.txt').waitFor();
    expect(await page.getByRole('checkbox', { name: 'Select a.yml' }).isChecked()).toBe(true);
    await page.getByRole('button', { name: 'Restore 1 file', exact: true }).click();
    await page.getByRole('heading', { name: 'Restored' }).waitFor();
    expect(readFileSync(join(node.host.server, 'a.yml'), 'utf8')).toBe('one');
    // The list tells of the server as it is now, and the restore is taken back where it was made.
    const row = page.getByRole('list', { name: 'Files' }).getByRole('listitem').filter({ hasText: 'a.yml' });
    await expect.poll(() => row.textContent(), SOON).toContain('same now');
    await idle(node);
    await page.getByRole('button', { name: 'Undo…' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Undo', exact: true }).click();
    await expect.poll(() => readFileSync(join(node.host.server, 'a.yml'), 'utf8'), SOON).toBe('another');
  });

  test(`18: of ${TREES} random trees what the page says of each two, and of each and the server, is what diff -r says`, async () => {
    const roll = dice(18);
    const node = await openNode();
    const ids: string[] = [];
    for (let round = 0; round < TREES; round++) {
      emptyDirectory(node.host.server);
      fill(node.host.server, roll);
      ids.push(await backUp(node));
    }
    const trees = ids.map((id) => unpacked(node, id));
    const { page } = await signedIn(node, SERVER);
    const changes = page.getByRole('region', { name: 'Each change' });
    const lines = async (): Promise<string[]> => {
      const all = await changes
        .locator('.f')
        .evaluateAll((rows) =>
          rows.map((row) => `${row.querySelector('.hidden')?.textContent}${row.querySelector('bdi')?.textContent}`),
        );
      return all.sort();
    };
    for (let round = 1; round < TREES; round++) {
      await go(page, `${SERVER}?backup=${ids[round]}`);
      await page.getByRole('tab', { name: 'Changes' }).click();
      const between = differences(trees[round - 1] ?? '', trees[round] ?? '');
      expect(between.length).toBeGreaterThan(5);
      await expect.poll(lines, SOON).toEqual(between);
      await page.getByRole('button', { name: 'on the server now' }).click();
      await expect.poll(lines, SOON).toEqual(differences(trees[round] ?? '', node.host.server));
    }
  });

  test('18: the versions that are found of a name are those of a walk over all archives', async () => {
    const roll = dice(81);
    const node = await openNode();
    for (let round = 0; round < TREES; round++) {
      emptyDirectory(node.host.server);
      fill(node.host.server, roll);
      await backUp(node);
    }
    const backups = (await node.call(`/api/servers/${node.server}/backups`)).body as readonly { readonly id: string }[];
    const walked = new Map<string, Map<string, number>>();
    for (const { id } of backups) {
      const tree = unpacked(node, id);
      for (const path of readdirSync(tree).flatMap((name) => pathsBelow(tree, name))) {
        if (
          path.endsWith('/') ||
          !path
            .slice(path.lastIndexOf('/') + 1)
            .toLowerCase()
            .includes('log')
        )
          continue;
        const { size, mtimeMs, mode } = lstatSync(join(tree, path));
        const versions = walked.get(path) ?? new Map<string, number>();
        const version = JSON.stringify([size, Math.floor(mtimeMs / 1000), mode]);
        walked.set(path, versions.set(version, (versions.get(version) ?? 0) + 1));
      }
    }
    expect(walked.size).toBeGreaterThan(2);
    const expected = Array.from(walked, ([path, versions]) => [
      path,
      Array.from(versions, ([version, times]) => [`${JSON.parse(version)[0]} B`, times]),
    ]);
    const { page } = await signedIn(node, `${SERVER}/find?q=LOG`);
    await page.getByText(`in ${TREES} backups of this server`).waitFor();
    const found = async (): Promise<unknown[]> => {
      const rows = page.getByRole('list', { name: 'Found paths' }).locator('.found-path');
      const all = await rows.evaluateAll((elements) =>
        elements.map((row) => [
          row.querySelector('.name')?.textContent,
          [...row.querySelectorAll('.version')].map((line) => [
            line.querySelector('.num')?.textContent,
            1 + Number(/and (\d+) older/.exec(line.textContent ?? '')?.[1] ?? 0),
          ]),
        ]),
      );
      return byPath(all);
    };
    const byPath = (all: readonly unknown[]): unknown[] =>
      [...all].sort((one, other) => (String(one) < String(other) ? -1 : 1));
    await expect.poll(found, SOON).toEqual(byPath(expected));
  });

  test('18: each version of a file is found, and one of them is brought back', async () => {
    const node = await openNode();
    mkdirSync(join(node.host.server, 'plugins'));
    const file = join(node.host.server, 'plugins/Shop.yml');
    for (const [round, text] of ['one', 'three', 'three'].entries()) {
      writeFileSync(file, text);
      utimesSync(file, 1_700_000_000 + text.length, 1_700_000_000 + text.length);
      await backUp(node);
      writeFileSync(join(node.host.server, 'round'), `${round}`);
    }
    rmSync(file);
    await backUp(node);
    const { page } = await signedIn(node, SERVER);
    await page.getByRole('link', { name: 'Find a file' }).click();
    await page.getByRole('searchbox', { name: 'Name of the file' }).fill('shop');
    await page.keyboard.press('Enter');
    await page.getByText('in 4 backups of this server').waitFor();
    const found = page.getByRole('list', { name: 'Found paths' }).getByRole('listitem');
    await expect.poll(() => found.count(), SOON).toBe(1);
    expect(await found.textContent()).toMatch(/plugins\/Shop\.yml2 versions5 B.+and 1 older.+3 B/);
    await found
      .getByRole('link', { name: /^Restore/ })
      .nth(1)
      .click();
    await page.getByRole('button', { name: 'Restore 1 file', exact: true }).click();
    await page.getByRole('heading', { name: 'Restored' }).waitFor();
    expect(readFileSync(file, 'utf8')).toBe('one');
  });
});
