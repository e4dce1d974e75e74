import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { directoryManifest } from '../support/directory-manifest.ts';
import { randomBytes } from '../support/random-bytes.ts';
import { follow, speedUp, writeSlowly } from './support/scenarios.ts';
import { go, idle, inChromium, openNode, signedIn, SOON } from './support/visitor.ts';

const SERVER = '#/servers/11111111-1111-4111-8111-111111111111';

inChromium('backing up and bringing back', () => {
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

  test('11: a damaged backup is told by its verification, and one that nothing protects is deleted', async () => {
    const node = await openNode();
    const path = `/api/servers/${node.server}/backups`;
    const made = await node.call(path, { body: { name: 'first' } });
    await node.call(path, { body: { name: 'second' } });
    const { id } = made.body as { readonly id: string };
    const archive = join(node.host.backups, node.server, `${id}.tar.gz`);
    const bytes = readFileSync(archive);
    bytes.writeUInt8(bytes.readUInt8(bytes.length >> 1) ^ 0xff, bytes.length >> 1);
    writeFileSync(archive, bytes);
    const { page } = await signedIn(node, `${SERVER}?backup=${id}`);
    const list = page.getByRole('list', { name: 'Backups' });
    const row = list.getByRole('listitem').filter({ hasText: 'first' });
    await row.getByTitle('good').waitFor();
    await page.getByText('More', { exact: true }).click();
    await page.getByRole('button', { name: 'Verify' }).click();
    await row.getByTitle('damaged').waitFor();
    await page.getByRole('complementary').getByText('damaged', { exact: true }).waitFor();
    await page.getByRole('button', { name: 'Delete…' }).click();
    await page
      .getByRole('dialog')
      .getByRole('button', { name: /^Delete/ })
      .click();
    await row.waitFor({ state: 'detached' });
    expect(existsSync(archive)).toBe(false);
    const left = (await node.call(path)).body as readonly { readonly name: string }[];
    expect(left.map(({ name }) => name)).toEqual(['second']);
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
    await idle(node);
    await page.getByRole('button', { name: 'Restore more' }).click();
    await page.getByText('Make the server exactly as it was').click();
    await page.getByText('made-later.txt').first().waitFor();
    await page.getByText('Back the server up first').click();
    await page.getByRole('button', { name: /^Restore .*delete 1$/ }).click();
    await page.getByRole('heading', { name: 'Restored' }).waitFor();
    expect(existsSync(join(node.host.server, 'made-later.txt'))).toBe(false);
    await idle(node);
    await page.getByRole('link', { name: /To the server/ }).click();
    await page.reload();
    await page.getByRole('button', { name: 'Undo the restore…' }).click();
    await page.getByRole('button', { name: 'Undo', exact: true }).click();
    await expect.poll(() => directoryManifest(node.host.server), SOON).toEqual(before);
  });

  test('16: restoring everything exactly tells progress, result and warnings, and the way back survives a reload', async () => {
    const node = await openNode();
    const { server } = node.host;
    writeFileSync(join(server, 'large'), randomBytes(30_000_000, 9));
    const { body } = await node.call(`/api/servers/${node.server}/backups`, { body: {} });
    writeSlowly(node);
    const whole = directoryManifest(server);
    writeFileSync(join(server, 'large'), 'torn');
    rmSync(join(server, 'world'), { recursive: true });
    writeFileSync(join(server, 'made-later.txt'), 'not in the backup');
    const before = directoryManifest(server);
    const { page } = await signedIn(node, `${SERVER}/backups/${(body as { id: string }).id}`);
    await page.getByText('Make the server exactly as it was').click();
    await page.getByText('Back the server up first').click();
    const moves = await follow(page, 'progress[aria-label="Restoring"]');
    await page.getByRole('button', { name: 'Restore 2 files, delete 1', exact: true }).click();
    await expect.poll(async () => new Set((await moves()).shares).size, SOON).toBeGreaterThan(1);
    await speedUp(node);
    const done = page.getByRole('region', { name: 'Restored' });
    await done.getByRole('heading', { name: 'Restored' }).waitFor();
    expect(await done.textContent()).toMatch(/\d files?, 28.8 MiB put back, 1 file removed, in \d+ (?:s|min)/);
    expect(await done.textContent()).toMatch(/1 warning.*The server was not stopped for it/);
    expect(directoryManifest(server)).toEqual(whole);

    await idle(node);
    await go(page, SERVER);
    await page.getByText('The server was restored.').waitFor();
    await page.reload();
    await page.getByRole('button', { name: 'Undo the restore…' }).click();
    // This node has no power driver: it stops nothing.
    expect(await page.getByRole('dialog').textContent()).toMatch(/without one, stop it first/);
    await page.getByRole('dialog').getByRole('button', { name: 'Undo', exact: true }).click();
    // The way back is used up as soon as the undo begins; the dialog stays until it has ended.
    await page.getByText('The server was restored.').waitFor({ state: 'detached' });
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    expect(directoryManifest(server)).toEqual(before);
    await page.getByRole('status').getByText('Undo completed').waitFor({ state: 'attached' });
    await page.evaluate(() => void (location.hash = '#/jobs'));
    await page.getByRole('region', { name: 'Ended' }).getByText('undo of a restore').waitFor();
  });
});
