import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { directoryManifest } from '../support/directory-manifest.ts';
import { inChromium, openNode, signedIn } from './support/visitor.ts';

const SERVER = '#/servers/11111111-1111-4111-8111-111111111111';

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

inChromium('backing up and bringing back', () => {
  test('8: a backup from its row is seen by two tabs, and the row says that the server is protected', async () => {
    const node = await openNode();
    const { page, context } = await signedIn(node);
    const tab = await context.newPage();
    await tab.goto(node.url);
    await tab.getByText('Never backed up', { exact: true }).waitFor();
    await page.getByRole('button', { name: 'Back up: 11111111' }).first().click();
    await Promise.all([page, tab].map((each) => each.getByText('Protected', { exact: true }).waitFor()));
    expect((await node.call(`/api/servers/${node.server}/backups`)).body).toHaveLength(1);
  });

  test('11: lock, unlock, rename and verify; the locked and the newest good backup are not deleted, with the reason', async () => {
    const node = await openNode();
    const path = `/api/servers/${node.server}/backups`;
    await node.call(path, { body: { name: 'first' } });
    await node.call(path, { body: { name: 'second' } });
    const { page } = await signedIn(node, SERVER);
    await page.getByRole('button', { name: 'Lock', exact: true }).click();
    await page.getByRole('button', { name: 'Unlock', exact: true }).waitFor();
    const remove = async (): Promise<void> => {
      await page.getByText('More', { exact: true }).click();
      await page.getByRole('button', { name: 'Delete…' }).click();
    };
    await remove();
    await page.getByText('It is locked. Unlock it first.').waitFor();
    await page.getByRole('button', { name: 'Keep it' }).click();
    await page.getByRole('button', { name: 'Unlock', exact: true }).click();
    await page.getByRole('button', { name: 'Lock', exact: true }).waitFor();
    await page.getByRole('button', { name: 'Delete…' }).click();
    await page.getByText('It is the newest good backup').waitFor();
    await page.getByRole('button', { name: 'Keep it' }).click();
    await page.getByRole('button', { name: 'Rename…' }).click();
    await page.getByLabel('Name', { exact: true }).fill('<b>before</b> the update');
    await page.getByRole('button', { name: 'Rename', exact: true }).click();
    await page.getByRole('list', { name: 'Backups' }).getByText('<b>before</b> the update').waitFor();
    await page.getByRole('button', { name: 'Verify' }).click();
    await page.getByRole('list', { name: 'Backups' }).getByText('verified').waitFor();
  });

  test('12, 13: names that are markup, marks of direction or patterns are shown as text, and download whole', async () => {
    const node = await openNode();
    const names = ['<img src=x onerror=alert(1)>', 'a‮txt.exe', '[x].yml', 'n'.repeat(255)];
    for (const name of names) writeFileSync(join(node.host.server, name), `content of ${name}`);
    const { body } = await node.call(`/api/servers/${node.server}/backups`, { body: {} });
    const { page } = await signedIn(node, `${SERVER}/backups/${(body as { id: string }).id}`);
    for (const name of names) {
      const row = page.getByRole('list', { name: 'Files' }).locator('bdi', { hasText: name });
      expect(await row.textContent()).toBe(name);
      const [saved] = await Promise.all([
        page.waitForEvent('download'),
        page.getByRole('button', { name: `Download ${name}`, exact: true }).click(),
      ]);
      expect(sha256(readFileSync(await saved.path()))).toBe(sha256(readFileSync(join(node.host.server, name))));
    }
    expect(await page.locator('img').count()).toBe(0);
  });

  test('16: one lost file comes back after its preview; all of it exactly, and undo brings back what was there', async () => {
    const node = await openNode();
    mkdirSync(join(node.host.server, 'plugins'));
    writeFileSync(join(node.host.server, 'plugins/shop.yml'), 'prices');
    const { body } = await node.call(`/api/servers/${node.server}/backups`, { body: {} });
    rmSync(join(node.host.server, 'plugins/shop.yml'));
    writeFileSync(join(node.host.server, 'eula.txt'), 'eula=false\n');
    writeFileSync(join(node.host.server, 'made-later.txt'), 'not in the backup');
    const { page } = await signedIn(node, `${SERVER}/backups/${(body as { id: string }).id}`);
    await page.getByRole('link', { name: 'plugins' }).click();
    await page.getByRole('checkbox', { name: 'Select shop.yml' }).click();
    await page.getByRole('button', { name: /^Restore \d+ files?$/ }).click();
    await page.getByRole('heading', { name: 'Restored' }).waitFor();
    expect(readFileSync(join(node.host.server, 'plugins/shop.yml'), 'utf8')).toBe('prices');
    expect(readFileSync(join(node.host.server, 'eula.txt'), 'utf8')).toBe('eula=false\n');
    const before = directoryManifest(node.host.server);
    await page.getByRole('button', { name: 'Restore more' }).click();
    await page.getByText('Make the server exactly as it was').click();
    await page.getByText('made-later.txt').first().waitFor();
    await page.getByText('Back the server up first').click();
    await page.getByRole('button', { name: /^Restore .*delete 1$/ }).click();
    await page.getByRole('heading', { name: 'Restored' }).waitFor();
    expect(existsSync(join(node.host.server, 'made-later.txt'))).toBe(false);
    await page.getByRole('link', { name: /To the server/ }).click();
    await page.reload();
    await page.getByRole('button', { name: 'Undo the restore…' }).click();
    await page.getByRole('button', { name: 'Undo', exact: true }).click();
    await expect.poll(() => directoryManifest(node.host.server), { timeout: 20_000 }).toEqual(before);
  });

  test('14, 15: a preview is no job, tells bytes, and what has changed since is told instead of done', async () => {
    const node = await openNode();
    writeFileSync(join(node.host.server, 'ops.json'), 'x'.repeat(2048));
    const { body } = await node.call(`/api/servers/${node.server}/backups`, { body: {} });
    rmSync(join(node.host.server, 'ops.json'));
    const { page } = await signedIn(node, `${SERVER}/backups/${(body as { id: string }).id}`);
    await page.getByText('Make the server exactly as it was').click();
    const button = page.getByRole('button', { name: 'Restore 1 file', exact: true });
    await button.waitFor();
    expect(await page.getByRole('region', { name: 'Each change' }).textContent()).toContain('ops.json2 KiB');
    const { jobs } = (await node.call('/api/jobs')).body as { readonly jobs: readonly { readonly kind: string }[] };
    expect(jobs.map(({ kind }) => kind)).toEqual(['backup']);
    writeFileSync(join(node.host.server, 'made-later.txt'), 'not in the backup');
    await button.click();
    await page.getByText('it would do something else than was previewed').waitFor();
    await page.getByText('made-later.txt').first().waitFor();
    await page.getByRole('button', { name: 'Show what is deleted' }).click();
    await expect.poll(() => page.getByRole('region', { name: 'Each change' }).textContent()).not.toContain('ops.json');
    expect(existsSync(join(node.host.server, 'ops.json'))).toBe(false);
    await page.getByRole('button', { name: 'Back up, then restore' }).click();
    await page.getByRole('heading', { name: 'Restored' }).waitFor();
    expect(existsSync(join(node.host.server, 'ops.json'))).toBe(true);
    expect(existsSync(join(node.host.server, 'made-later.txt'))).toBe(false);
    expect((await node.call(`/api/servers/${node.server}/backups`)).body).toHaveLength(2);
  });
});
