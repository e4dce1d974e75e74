/** What a new user does in the first minutes, as one visit: nothing is known but what the terminal and the page say. */
import fs from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { BUILT, RoostProcess } from '../e2e/roost-process.ts';
import { directoryManifest } from '../support/directory-manifest.ts';
import { freePort } from '../support/free-port.ts';
import { scratchDirectory } from '../support/scratch.ts';
import { inChromium, SOON, visit } from './support/visitor.ts';

/** Left for who looks at them; not part of the repository. */
const PICTURES = fileURLToPath(new URL('../../.browser/', import.meta.url));

inChromium('a first visit', () => {
  test('1: the printed link, a backup, a lost file that is found and brought back, and undo', async () => {
    const home = await scratchDirectory();
    const roost = new RoostProcess(['start', '--port', String(await freePort())], { cwd: home, main: BUILT });
    onTestFinished(async () => void (await roost.stop()));
    const [, link = ''] = await roost.printed(/^ {2}(http:\S+#\/in\/\S+)$/m);
    const { page } = await visit({ viewport: { width: 1280, height: 800 } });
    let step = 0;
    const look = async (name: string): Promise<void> => {
      fs.mkdirSync(PICTURES, { recursive: true });
      await page.screenshot({ path: join(PICTURES, `visit-${++step}-${name}.png`) });
    };
    const root = join(home, '.roost/servers');
    const [server = ''] = fs.readdirSync(root);
    const directory = join(root, server);

    await page.goto(link);
    await page.getByRole('heading', { name: 'The server needs you' }).waitFor();
    expect(page.url()).not.toContain('in/');
    await look('signed-in');
    await page
      .getByRole('button', { name: /^Back up/ })
      .first()
      .click();
    await page.getByRole('heading', { name: 'The server is protected' }).waitFor();
    await look('backed-up');

    const lost = fs
      .readdirSync(directory, { recursive: true, encoding: 'utf8' })
      .find((path) => path.endsWith('level.dat'));
    const file = join(directory, lost ?? '');
    const content = fs.readFileSync(file);
    fs.rmSync(file);
    const without = directoryManifest(directory);

    await page.getByRole('searchbox', { name: 'Find a server or a file' }).fill('level');
    await look('finding');
    await page.getByRole('link', { name: /^Files by that name in/ }).click();
    await page
      .getByRole('link', { name: /^Restore/ })
      .first()
      .waitFor();
    await look('found');
    await page
      .getByRole('link', { name: /^Restore/ })
      .first()
      .click();
    await page.getByRole('button', { name: 'Restore 1 file', exact: true }).waitFor();
    await look('preview');
    await page.getByRole('button', { name: 'Restore 1 file', exact: true }).click();
    await page.getByRole('heading', { name: 'Restored' }).waitFor();
    await look('restored');
    expect(fs.readFileSync(file)).toEqual(content);
    await page.getByRole('button', { name: 'Undo…' }).click();
    await look('asked-to-undo');
    await page.getByRole('dialog').getByRole('button', { name: 'Undo', exact: true }).click();
    await expect.poll(() => directoryManifest(directory), SOON).toEqual(without);
    await page.getByRole('heading', { name: 'Undone' }).waitFor();
    await page.getByRole('list', { name: 'Files' }).getByText('gone now').waitFor();
    await look('undone');

    // Used again, the link says so.
    const other = await visit();
    await other.page.goto(link);
    await other.page.getByText('Cannot sign in: this link was used already').waitFor();
  });
});
