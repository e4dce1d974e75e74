import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
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
});
