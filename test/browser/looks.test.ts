import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { tarEntries } from '../support/tar-entries.ts';
import { backUp, unpacked } from './support/archives.ts';
import { inChromium, openNode, signedIn, SOON } from './support/visitor.ts';

const SERVER = '#/servers/11111111-1111-4111-8111-111111111111';

async function saved(
  page: Page,
  press: () => Promise<void>,
): Promise<{ readonly name: string; readonly bytes: Buffer }> {
  const [download] = await Promise.all([page.waitForEvent('download'), press()]);
  return { name: download.suggestedFilename(), bytes: readFileSync(await download.path()) };
}

inChromium('looking into backups', () => {
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
    await expect.poll(known, SOON).toBe(3500);
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
    // The level above has such a box, too.
    await page.getByRole('checkbox', { name: 'Select 100', exact: true }).waitFor();
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

  test('17: a backup is made first, of what the restore then deletes', async () => {
    const node = await openNode();
    const id = await backUp(node);
    writeFileSync(join(node.host.server, 'later'), 'made since');
    const { page } = await signedIn(node, `${SERVER}/backups/${id}`);
    await page.getByText('Make the server exactly as it was').click();
    await page.getByRole('button', { name: 'Back up, then restore' }).click();
    await page.getByRole('heading', { name: 'Restored' }).waitFor();
    expect(existsSync(join(node.host.server, 'later'))).toBe(false);
    const backups = (await node.call(`/api/servers/${node.server}/backups`)).body as readonly { readonly id: string }[];
    expect(backups).toHaveLength(2);
    const into = unpacked(node, backups[0]?.id ?? '');
    expect(readFileSync(join(into, 'later'), 'utf8')).toBe('made since');
    const { jobs } = (await node.call('/api/jobs')).body as { readonly jobs: readonly { readonly kind: string }[] };
    expect(jobs.map(({ kind }) => kind)).toEqual(['restore', 'backup', 'backup']);
  });

  test('“exactly” is offered where a folder is restored, and not for files alone', async () => {
    const node = await openNode();
    const { page } = await signedIn(node, `${SERVER}/backups/${await backUp(node)}`);
    const exactly = page.getByRole('radio', { name: /exactly as/ });
    await exactly.check();
    await page.getByRole('checkbox', { name: 'Select eula.txt' }).check();
    await page.getByRole('heading', { name: 'Restore 1 selected item' }).waitFor();
    expect(await exactly.count()).toBe(0);
    await page.getByText('Everything else on the server stays as it is.').waitFor();
    expect(await page.getByRole('radio').count()).toBe(0);
    await page.getByRole('checkbox', { name: 'Select world' }).check();
    await page.getByRole('radio', { name: 'Make the selected folders exactly as they were' }).waitFor();
    expect(await exactly.isChecked()).toBe(true);
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
