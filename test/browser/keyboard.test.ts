import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { randomBytes } from '../support/random-bytes.ts';
import { go, idle, inChromium, openNode, signedIn, SOON, visit } from './support/visitor.ts';

const SERVER = '#/servers/11111111-1111-4111-8111-111111111111';
/** More than any view has before what is wanted. */
const MOST_TABS = 120;

/** Goes on with Tab until what has the focus is called so; no pointer is used. */
async function tabTo(page: Page, name: RegExp): Promise<void> {
  for (let tabs = 0; tabs < MOST_TABS; tabs++) {
    await page.keyboard.press('Tab');
    const focused = await page.evaluate(() => {
      const element = document.activeElement as HTMLElement | null;
      const label = element?.closest('label')?.textContent ?? '';
      return element?.getAttribute('aria-label') ?? (element?.textContent || label).trim();
    });
    if (name.test(focused)) return;
  }
  throw new Error(`Tab reaches nothing that is called ${name}`);
}

async function press(page: Page, name: RegExp): Promise<void> {
  await tabTo(page, name);
  await page.keyboard.press('Enter');
}

/** The place of the Tab key after a view has changed is where it was; a person begins at the content. */
async function fromTheContent(page: Page): Promise<void> {
  await page.evaluate(() => document.querySelector<HTMLElement>('#main')?.focus());
}

/** Signed in at a node with one backup. With its clock stands what the page does after it has drawn. */
async function withStoppableClock(): Promise<Page> {
  const node = await openNode();
  await node.call(`/api/servers/${node.server}/backups`, { body: {} });
  const { page } = await visit({ viewport: { width: 1280, height: 720 } });
  await page.clock.install();
  await page.goto(await node.link());
  await page.getByText('Live', { exact: true }).waitFor({ state: 'attached' });
  return page;
}

inChromium('by the keyboard alone, 320 px wide', () => {
  test('22: back up, get a lost file back by its name, undo', async () => {
    const node = await openNode();
    mkdirSync(join(node.host.server, 'plugins'));
    const file = join(node.host.server, 'plugins/shop.yml');
    writeFileSync(file, 'prices');
    const { page } = await signedIn(node, '#/', { viewport: { width: 320, height: 720 } });
    await page.getByText('Never backed up', { exact: true }).waitFor();
    await press(page, /^Back up: 11111111/);
    await page.getByText('Protected', { exact: true }).first().waitFor();
    rmSync(file);

    await fromTheContent(page);
    await press(page, /^11111111/);
    await page.getByRole('heading', { name: 'Backups' }).waitFor();
    await fromTheContent(page);
    await press(page, /^Find a file$/);
    await page.getByRole('searchbox', { name: 'Name of the file' }).waitFor();
    await page.keyboard.type('shop');
    await page.keyboard.press('Enter');
    await page.getByRole('link', { name: /^Restore plugins/ }).waitFor();
    await press(page, /^Restore plugins\/shop/);
    await page.getByRole('checkbox', { name: 'Select shop.yml' }).waitFor();
    await fromTheContent(page);
    await press(page, /^1 selected: restore/);
    await page.getByRole('button', { name: 'Restore 1 file', exact: true }).waitFor();
    await press(page, /^Restore 1 file$/);
    await page.getByRole('heading', { name: 'Restored' }).waitFor();
    expect(readFileSync(file, 'utf8')).toBe('prices');
    await idle(node);
    await press(page, /^To the server/);
    await page.getByRole('button', { name: 'Undo the restore…' }).waitFor();
    await fromTheContent(page);
    await press(page, /^Undo the restore/);
    await press(page, /^Undo$/);
    await expect.poll(() => existsSync(file), SOON).toBe(false);
  });

  test('22: what changed, download, cancel, and a link for an owner', async () => {
    const node = await openNode();
    await node.call(`/api/servers/${node.server}/backups`, { body: {} });
    writeFileSync(join(node.host.server, 'new.txt'), 'x');
    await node.call(`/api/servers/${node.server}/backups`, { body: {} });
    const { page } = await signedIn(node, SERVER, { viewport: { width: 320, height: 720 } });
    await page.getByRole('tab', { name: 'Summary' }).waitFor();
    await fromTheContent(page);
    await tabTo(page, /^Summary$/);
    await page.keyboard.press('ArrowRight');
    await page.getByRole('region', { name: 'Each change' }).getByText('new.txt').waitFor();

    await fromTheContent(page);
    await tabTo(page, /^Download$/);
    const [download] = await Promise.all([page.waitForEvent('download'), page.keyboard.press('Enter')]);
    expect(download.suggestedFilename()).toMatch(/\.tar\.gz$/);

    await fromTheContent(page);
    await press(page, /^Share/);
    await press(page, /^Copy link$/);
    await expect.poll(() => page.getByLabel('The link').inputValue(), SOON).toMatch(/#\/in\//);
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    expect(await page.evaluate(() => document.activeElement?.textContent)).toBe('Share…');

    const config = node.host.config.replace('log:', 'backups: { read_limit: 1 }\nlog:');
    node.daemon.reload((await import('../../src/config/config.ts')).parseConfig('config.yml', config, {}));
    writeFileSync(join(node.host.server, 'large'), randomBytes(60_000_000, 3));
    await fromTheContent(page);
    await press(page, /^Back up now/);
    await press(page, /^Back up now$/);
    await page.getByRole('progressbar').first().waitFor();
    await fromTheContent(page);
    await press(page, /^Cancel$/);
    // The button asks once more in its own place.
    expect(await page.evaluate(() => document.activeElement?.textContent)).toBe('Cancel it');
    await page.keyboard.press('Enter');
    await expect.poll(() => page.getByRole('progressbar').count(), SOON).toBe(0);
  });

  test('22: a dialog takes the next key although the page has not drawn it yet, and gives the focus back', async () => {
    const page = await withStoppableClock();
    await go(page, SERVER);
    const share = page.getByRole('button', { name: /^Share/ }).first();
    await share.focus();
    await page.clock.pauseAt(new Date(Date.now() + 60_000));
    await page.keyboard.press('Enter');
    await page.keyboard.press('Tab');
    expect(await page.evaluate(() => document.activeElement?.closest('dialog')?.open)).toBe(true);
    await page.clock.resume();
    await page.getByRole('dialog').getByRole('button', { name: 'Close' }).click();
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    expect(await share.evaluate((button) => button === document.activeElement)).toBe(true);
  });

  test('22: what is typed at once goes into the search for a file, although the page has not drawn it yet', async () => {
    const page = await withStoppableClock();
    await page.clock.pauseAt(new Date(Date.now() + 60_000));
    await go(page, `${SERVER}/find`);
    await page.getByRole('searchbox', { name: 'Name of the file' }).waitFor({ state: 'attached' });
    await page.keyboard.type('eula');
    await page.clock.resume();
    await page.keyboard.press('Enter');
    await page.getByRole('link', { name: /^Restore eula\.txt/ }).waitFor();
  });

  test('22: sign in by the printed link where a token goes, restore the newest good backup', async () => {
    const node = await openNode();
    await node.call(`/api/servers/${node.server}/backups`, { body: {} });
    const file = join(node.host.server, 'eula.txt');
    rmSync(file);
    const { page } = await visit({ viewport: { width: 320, height: 720 } });
    await page.goto(node.url);
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
    await tabTo(page, /^or paste that link or a token/);
    await page.keyboard.type(await node.link());
    await tabTo(page, /^Sign in$/);
    await page.keyboard.press('Enter');
    await page.getByText('Protected', { exact: true }).first().waitFor();

    await fromTheContent(page);
    await press(page, /^11111111/);
    await page.getByRole('heading', { name: 'Backups' }).waitFor();
    await fromTheContent(page);
    await press(page, /^Restore newest good/);
    await page.getByRole('checkbox', { name: 'Select world' }).waitFor();
    await fromTheContent(page);
    await press(page, /^Restore everything/);
    await page.getByRole('button', { name: /^Restore \d+ files?$/ }).waitFor();
    await press(page, /^Restore \d+ files?$/);
    await page.getByRole('heading', { name: 'Restored' }).waitFor();
    expect(existsSync(file)).toBe(true);
  });
});
