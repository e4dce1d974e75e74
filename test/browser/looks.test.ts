import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { inflateCatalogue } from '../support/inflated-catalogue.ts';
import { runDaemonOn, scratchHost } from '../support/daemon.ts';
import { tarEntries } from '../support/tar-entries.ts';
import { inChromium, type Node, nodeOn, openNode, signedIn, SOON } from './support/visitor.ts';

const SERVER = '#/servers/11111111-1111-4111-8111-111111111111';

async function backUp(node: Node): Promise<string> {
  const { body } = await node.call(`/api/servers/${node.server}/backups`, { body: {} });
  return (body as { id: string }).id;
}

async function saved(
  page: Page,
  press: () => Promise<void>,
): Promise<{ readonly name: string; readonly bytes: Buffer }> {
  const [download] = await Promise.all([page.waitForEvent('download'), press()]);
  return { name: download.suggestedFilename(), bytes: readFileSync(await download.path()) };
}

inChromium('looking into backups', () => {
  test('10: 2,000 backups are listed to the last, and one that was removed stays in the chart', async () => {
    const host = await scratchHost();
    const first = await runDaemonOn(host);
    const path = `/api/servers/${nodeOn(host, first).server}/backups`;
    const made = await first.call(path, { body: {} });
    await first.call(path, { body: {} });
    await first.call(`${path}/delete?id=${(made.body as { id: string }).id}`, { method: 'DELETE' });
    await first.daemon.stop();
    inflateCatalogue(host.directory, 1999);
    const node = nodeOn(host, await runDaemonOn(host));
    const { page } = await signedIn(node, SERVER);
    const list = page.getByRole('list', { name: 'Backups' });
    const rows = list.getByRole('listitem');
    await rows.first().waitFor();
    const last = async () => {
      await page.evaluate(() => scrollTo(0, document.body.scrollHeight));
      return rows.last().getAttribute('aria-posinset');
    };
    await expect.poll(last, { timeout: 60_000, interval: 50 }).toBe('2000');
    expect(await rows.first().getAttribute('aria-setsize')).toBe('2000');
    expect(await rows.count()).toBeLessThanOrEqual(60);
    await page.evaluate(() => scrollTo(0, 0));
    await page.getByText('As a table').click();
    const table = page.getByRole('region', { name: 'Growth as a table' });
    expect(await table.getByText('removed since').count()).toBe(1);
    expect(await table.getByText('kept', { exact: true }).count()).toBe(1);
  });

  test('12: the cursor of a long folder is followed to its end, with few rows drawn', async () => {
    const node = await openNode();
    mkdirSync(join(node.host.server, 'region'));
    for (let at = 0; at < 3500; at++) writeFileSync(join(node.host.server, 'region', `r.${at}.mca`), '');
    const { page } = await signedIn(node, `${SERVER}/backups/${await backUp(node)}?path=region`);
    const rows = page.getByRole('list', { name: 'Files' }).getByRole('listitem');
    await rows.first().waitFor();
    const known = async (): Promise<number> => {
      await page.evaluate(() => scrollTo(0, document.body.scrollHeight));
      return Number(await rows.first().getAttribute('aria-setsize'));
    };
    await expect.poll(known, { timeout: 30_000, interval: 50 }).toBe(3500);
    expect(await rows.count()).toBeLessThanOrEqual(60);
  });

  test('13: a folder, and what is ticked, are saved as tar.gz with the live bytes', async () => {
    const node = await openNode();
    mkdirSync(join(node.host.server, 'region'));
    for (let at = 0; at < 150; at++) writeFileSync(join(node.host.server, 'region', `${at}`), `content ${at}`);
    const { page } = await signedIn(node, `${SERVER}/backups/${await backUp(node)}`);
    const folder = await saved(page, () => page.getByRole('button', { name: 'Download region' }).click());
    expect(folder.name).toBe('region.tar.gz');
    const digests = (bytes: Buffer) =>
      tarEntries(gunzipSync(bytes))
        .filter(({ type }) => type === 'file')
        .map(({ path, content }) => [path, createHash('sha256').update(content).digest('hex')]);
    for (const [path = '', digest] of digests(folder.bytes)) {
      expect(
        createHash('sha256')
          .update(readFileSync(join(node.host.server, path)))
          .digest('hex'),
      ).toBe(digest);
    }
    expect(digests(folder.bytes)).toHaveLength(150);
    await page.getByRole('link', { name: 'region' }).click();
    await page.getByRole('checkbox', { name: 'All that is listed' }).check();
    const ticked = await saved(page, () => page.getByRole('button', { name: 'Download them' }).click());
    expect(digests(ticked.bytes)).toEqual(digests(folder.bytes));
  });

  test('17: most of a server goes only by its name; a backup before that fails stops the restore', async () => {
    const node = await openNode('backups: { compression: none }');
    const id = await backUp(node);
    const config = node.host.config.replace('max_size: 0', 'max_size: 1MiB');
    node.daemon.reload((await import('../../src/config/config.ts')).parseConfig('config.yml', config, {}));
    for (let at = 0; at < 10; at++) writeFileSync(join(node.host.server, `later-${at}`), Buffer.alloc(400_000, at));
    const { page } = await signedIn(node, `${SERVER}/backups/${id}`);
    await page.getByText('Make the server exactly as it was').click();
    const button = page.getByRole('button', { name: 'Back up, then restore' });
    await button.waitFor();
    expect(await button.isDisabled()).toBe(true);
    const name = page.getByLabel(/Type its name/);
    await name.fill('another');
    expect(await button.isDisabled()).toBe(true);
    await name.fill('11111111');
    await button.click();
    await page.getByRole('alert').filter({ hasText: 'MiB' }).waitFor();
    expect(readFileSync(join(node.host.server, 'later-0'))).toHaveLength(400_000);
    await page.getByText('Back the server up first').click();
    await page.getByRole('button', { name: 'delete 10' }).click();
    await page.getByRole('heading', { name: 'Restored' }).waitFor();
    expect(() => readFileSync(join(node.host.server, 'later-0'))).toThrow('ENOENT');
  });

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
    const dirs = [first, second].map((id) => {
      const into = join(node.host.directory, id);
      mkdirSync(into);
      spawnSync('tar', ['-xzf', join(node.host.backups, node.server, `${id}.tar.gz`), '-C', into]);
      return into;
    });
    expect(await lines()).toEqual(differences(dirs[0] ?? '', dirs[1] ?? ''));
    await page.getByRole('button', { name: 'on the server now' }).click();
    await expect.poll(lines, SOON).toEqual(['deletedworld/', 'deletedworld/level.dat']);
    expect(differences(dirs[1] ?? '', node.host.server)).toEqual(['deletedworld/']);

    await page.evaluate((hash) => void (location.hash = hash), `${SERVER}/backups/${second}`);
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
    await page.getByRole('button', { name: 'Undo…' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Undo', exact: true }).click();
    await expect.poll(() => readFileSync(join(node.host.server, 'a.yml'), 'utf8'), SOON).toBe('another');
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
    expect(await found.count()).toBe(1);
    expect(await found.textContent()).toMatch(/plugins\/Shop\.yml2 versions5 B.+and 1 older.+3 B/);
    await found
      .getByRole('link', { name: /^Restore/ })
      .nth(1)
      .click();
    await page.getByRole('button', { name: 'Restore 1 file', exact: true }).click();
    await page.getByRole('heading', { name: 'Restored' }).waitFor();
    expect(readFileSync(file, 'utf8')).toBe('one');
  });

  test('a text and a picture are shown, markup as text, and what is neither or too large is not', async () => {
    const node = await openNode();
    const icon =
      'iVBORw0KGgoAAAANSUhEUgAAAAoAAAAKCAYAAACNMs+9AAAAFUlEQVR42mNk+M9Qz0AEYBxVSF+FABJADveWkH6oAAAAAElFTkSuQmCC';
    const bomb = Buffer.from(icon, 'base64');
    bomb.writeUInt32BE(60_000, 16);
    bomb.writeUInt32BE(60_000, 20);
    writeFileSync(join(node.host.server, 'page.html'), '<script>document.title = "run"</script><b>bold</b>');
    writeFileSync(join(node.host.server, 'icon.txt'), Buffer.from(icon, 'base64'));
    writeFileSync(join(node.host.server, 'bomb.png'), bomb);
    writeFileSync(join(node.host.server, 'picture.svg'), '<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>');
    writeFileSync(join(node.host.server, 'huge.log'), 'x'.repeat(1_100_000));
    const { page } = await signedIn(node, `${SERVER}/backups/${await backUp(node)}`);
    const dialog = page.getByRole('dialog');
    const look = async (name: string): Promise<void> => {
      await page.getByRole('button', { name, exact: true }).click();
      await dialog.waitFor();
    };
    const leave = async (): Promise<void> => {
      await page.keyboard.press('Escape');
      await dialog.waitFor({ state: 'detached' });
    };
    await look('page.html');
    const text = dialog.getByRole('region', { name: 'Content' });
    expect(await text.textContent()).toBe('<script>document.title = "run"</script><b>bold</b>');
    await leave();
    expect(await page.evaluate(() => document.activeElement?.textContent)).toBe('page.html');
    await look('picture.svg');
    expect(await text.textContent()).toContain('onload');
    expect(await dialog.locator('img, svg:not(.i)').count()).toBe(0);
    await leave();
    await look('icon.txt');
    const picture = dialog.locator('img');
    await expect.poll(() => picture.evaluate((image: HTMLImageElement) => image.naturalWidth), SOON).toBe(10);
    expect(await picture.getAttribute('src')).toMatch(/^blob:/);
    await leave();
    for (const [name, words] of [
      ['bomb.png', 'neither text nor a picture'],
      ['huge.log', 'larger than 1 MiB'],
    ] as const) {
      await look(name);
      await dialog.getByText(words).waitFor();
      expect(await dialog.locator('img').count()).toBe(0);
      await leave();
    }
    expect(await page.title()).not.toBe('run');
  });

  test('a name that is looked for in one backup is found below all of its folders', async () => {
    const node = await openNode();
    mkdirSync(join(node.host.server, 'a/b'), { recursive: true });
    writeFileSync(join(node.host.server, 'a/b/deep.yml'), 'x');
    const { page } = await signedIn(node, `${SERVER}/backups/${await backUp(node)}`);
    await page.getByRole('searchbox', { name: 'Find in this backup' }).fill('DEEP');
    const row = page.getByRole('list', { name: 'Files' }).getByRole('listitem');
    await expect.poll(() => row.allTextContents(), SOON).toEqual([expect.stringContaining('deep.ymlin a/b/')]);
    await page.getByRole('checkbox', { name: 'Select deep.yml' }).check();
    await page.getByRole('heading', { name: 'Restore 1 selected item' }).waitFor();
    await page.getByRole('link', { name: 'Find it in all backups, with its versions' }).click();
    await page.getByText('in 1 backup of this server').waitFor();
  });
});

/** As the page says it, each name by what became of it. */
function differences(from: string, to: string): string[] {
  const { stdout } = spawnSync('diff', ['-rq', from, to], { encoding: 'utf8' });
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [, directory, name] = /^Only in ([^:]+): (.+)$/.exec(line) ?? [];
      if (directory === undefined)
        return `changed${line.endsWith(' differ') ? line.split(' ')[1]?.slice(from.length + 1) : ''}`;
      const folder = name?.includes('.') === true ? '' : '/';
      return `${directory.startsWith(from) ? 'deleted' : 'added'}${name}${folder}`;
    })
    .sort();
}
