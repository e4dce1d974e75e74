/** What the page must do at whatever address a node is reached: checks 1, 8 and 13. */
import { createHash } from 'node:crypto';
import { createReadStream, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { gunzipSync } from 'node:zlib';
import type { Download, Page } from 'playwright-core';
import { expect } from 'vitest';
import { randomBytes } from '../../support/random-bytes.ts';
import { tarEntries } from '../../support/tar-entries.ts';
import { type Node, SOON, type Visit, visit } from './visitor.ts';

/** So slow that a bar is seen to move. */
export const SLOWLY = 'backups: { read_limit: 1 }';

/** Check 1: the link signs in, leaves no code in the address, and says when it is used again. */
export async function signsInOnce(node: Node, address: string, { page, context }: Visit): Promise<void> {
  const fragment = (await node.link()).split('#')[1] ?? '';
  await page.goto(`${address}/#${fragment}`);
  await page.getByRole('list', { name: 'Servers' }).getByText('11111111').first().waitFor();
  await page.getByText('Live', { exact: true }).waitFor({ state: 'attached' });
  expect(page.url()).toBe(`${address}/#/`);
  const ignoreHTTPSErrors = address.startsWith('https:');
  const other = await visit({ ignoreHTTPSErrors });
  await other.page.goto(`${address}/#${fragment}`);
  await other.page.getByText('Cannot sign in: this link was used already').waitFor();
  expect(other.page.url()).toBe(`${address}/#/`);
  expect(await context.cookies()).toEqual([]);
}

interface Moves {
  readonly shares: readonly number[];
  readonly texts: readonly string[];
}

/** Keeps each value of a bar and each text beside it, also of those that no look from outside would meet. */
export async function follow(page: Page, selector: string): Promise<() => Promise<Moves>> {
  await page.evaluate((wanted) => {
    const seen = { shares: [] as number[], texts: [] as string[] };
    (globalThis as { seen?: object }).seen = seen;
    const look = (): void => {
      const bar = document.querySelector(wanted);
      if (bar instanceof HTMLProgressElement && bar.hasAttribute('value') && seen.shares.at(-1) !== bar.value) {
        seen.shares.push(bar.value);
      }
      const text = bar?.parentElement?.textContent ?? '';
      if (text !== '' && seen.texts.at(-1) !== text) seen.texts.push(text);
    };
    new MutationObserver(look).observe(document.body, {
      subtree: true,
      childList: true,
      attributes: true,
      characterData: true,
    });
  }, selector);
  return () => page.evaluate(() => (globalThis as unknown as { seen: Moves }).seen);
}

/**
 * Check 8, of a node that reads `SLOWLY`: bar, rate and rest move and reach the end, the row says so, two tabs agree, and
 * Cancel ends what runs.
 */
export async function backsUpInSight(node: Node, { page, context }: Visit): Promise<void> {
  writeFileSync(join(node.host.server, 'large'), randomBytes(5_000_000, 3));
  const tab = await context.newPage();
  await tab.goto(page.url());
  const tabs = [page, tab];
  const row = (each: Page) => each.getByRole('list', { name: 'Servers' }).getByRole('listitem').first();
  await Promise.all(tabs.map((each) => each.getByText('Never backed up', { exact: true }).first().waitFor()));
  const bar = 'section[aria-label="Running now"] progress';
  const followed = await Promise.all(tabs.map((each) => follow(each, bar)));
  await page.getByRole('button', { name: 'Back up: 11111111' }).first().click();
  await Promise.all(tabs.map((each) => each.getByText('Protected', { exact: true }).first().waitFor()));
  for (const seen of followed) {
    const { shares, texts } = await seen();
    expect(shares.length).toBeGreaterThan(3);
    expect(shares).toEqual([...shares].sort((one, other) => one - other));
    expect(shares.at(-1)).toBeGreaterThan(0.5);
    expect(new Set(texts.flatMap((text) => /[\d.]+ [KM]iB\/s/.exec(text) ?? [])).size).toBeGreaterThan(0);
    expect(new Set(texts.flatMap((text) => /\d+ s left/.exec(text) ?? [])).size).toBeGreaterThan(1);
  }
  await Promise.all(tabs.map((each) => each.getByRole('progressbar').first().waitFor({ state: 'detached' })));
  const [shown, other] = await Promise.all(tabs.map((each) => row(each).textContent()));
  expect(shown).toMatch(/Protected.*MiB.*just now/);
  expect(other).toBe(shown);

  writeFileSync(join(node.host.server, 'larger'), randomBytes(30_000_000, 4));
  await row(page).getByRole('button', { name: 'Back up: 11111111' }).click();
  const running = page.getByRole('region', { name: 'Running now' });
  await running.getByRole('button', { name: /^Cancel/ }).click();
  await running.getByRole('button', { name: /^Cancel it/ }).click();
  await Promise.all(
    tabs.map((each) => each.getByRole('region', { name: 'Running now' }).waitFor({ state: 'detached' })),
  );
  const { jobs } = (await node.call('/api/jobs')).body as { readonly jobs: readonly { readonly state: string }[] };
  expect(jobs.map(({ state }) => state)).toEqual(['cancelled', 'done']);
  await tab.close();
}

export async function saved(page: Page, press: () => Promise<void>): Promise<Download> {
  const [download] = await Promise.all([page.waitForEvent('download'), press()]);
  expect(await download.failure()).toBeNull();
  return download;
}

export async function digestOf(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}

/** Each file of a tar.gz by its path. */
async function digestsIn(download: Download): Promise<Record<string, string>> {
  const entries = tarEntries(gunzipSync(readFileSync(await download.path())));
  return Object.fromEntries(
    entries
      .filter(({ type }) => type === 'file')
      .map(({ path, content }) => [path, createHash('sha256').update(content).digest('hex')]),
  );
}

/** Check 13 but for its largest file: one file, 150 files and a folder are saved with the bytes of the live ones. */
export async function savesWhatIsLive(node: Node, address: string, { page }: Visit): Promise<void> {
  mkdirSync(join(node.host.server, 'region'));
  const names = Array.from({ length: 150 }, (_, at) => `region/r.${at}.mca`);
  for (const [at, name] of names.entries()) {
    writeFileSync(join(node.host.server, name), randomBytes(500 + 37 * at, at));
  }
  const { body } = await node.call(`/api/servers/${node.server}/backups`, { body: {} });
  const live = Object.fromEntries(
    await Promise.all(names.map(async (name) => [name, await digestOf(join(node.host.server, name))] as const)),
  );
  await page.goto(`${address}/#/servers/${node.server}/backups/${(body as { readonly id: string }).id}`);
  const folder = await saved(page, () => page.getByRole('button', { name: 'Download region' }).click());
  expect(folder.suggestedFilename()).toBe('region.tar.gz');
  expect(folder.url().startsWith(`${address}/api/`)).toBe(true);
  expect(await digestsIn(folder)).toEqual(live);
  await page.getByRole('link', { name: 'region' }).click();
  await page.getByRole('checkbox', { name: 'Select r.10.mca' }).waitFor();
  const one = await saved(page, () => page.getByRole('button', { name: 'Download r.10.mca', exact: true }).click());
  expect(one.suggestedFilename()).toBe('r.10.mca');
  expect(await digestOf(await one.path())).toBe(live['region/r.10.mca']);
  await page.getByRole('checkbox', { name: 'All that is listed' }).check();
  const ticked = await saved(page, () => page.getByRole('button', { name: 'Download them' }).click());
  expect(await digestsIn(ticked)).toEqual(live);
  await expect.poll(() => page.getByRole('alert').count(), SOON).toBe(0);
}
