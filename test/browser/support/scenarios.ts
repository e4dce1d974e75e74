/** What the page must do at whatever address a node is reached: checks 1, 8 and 13. */
import { createHash } from 'node:crypto';
import { createReadStream, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { gunzipSync } from 'node:zlib';
import type { Download, Page } from 'playwright-core';
import { expect } from 'vitest';
import { parseConfig } from '../../../src/config/config.ts';
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

/** Within which a running backup ends once Cancel is pressed. */
export const CANCELLED_MS = 2000;

interface Cancelled {
  /** When the button was pressed, and when the first row no longer said that a backup runs; ms since 1970, 0 for not yet. */
  readonly pressed: number;
  readonly told: number;
}

/** Notes, by the page's own clock, when a running backup is cancelled and when the row says that it has ended. */
async function watchCancel(page: Page): Promise<() => Promise<Cancelled>> {
  await page.evaluate(() => {
    const seen = { pressed: 0, told: 0 };
    (globalThis as { cancelled?: object }).cancelled = seen;
    const row = () =>
      document.querySelector('[role="list"][aria-label="Servers"]')?.firstElementChild?.textContent ?? '';
    const at = (time: number): number => performance.timeOrigin + time;
    document.addEventListener(
      'click',
      ({ target, timeStamp }) => {
        if (target instanceof HTMLElement && target.textContent === 'Cancel it') seen.pressed = at(timeStamp);
      },
      true,
    );
    let isRunning = false;
    new MutationObserver(() => {
      if (row().includes('Backing up')) isRunning = true;
      else if (isRunning && seen.told === 0) seen.told = at(performance.now());
    }).observe(document.body, { subtree: true, childList: true, characterData: true });
  });
  return () => page.evaluate(() => (globalThis as unknown as { cancelled: Cancelled }).cancelled);
}

/** From now on, what is written is written so slowly that a bar is seen to move; what the test made before was made at once. */
export function writeSlowly(node: Node): void {
  const config = node.host.config.replace('log:', 'backups: { write_limit: 1 }\nlog:');
  node.daemon.reload(parseConfig('config.yml', config, {}));
}

interface Jobs {
  readonly jobs: readonly { readonly id: string }[];
}

/** Lets the newest job, which was slow so that it could be seen, go on as fast as it can. */
export async function speedUp(node: Node): Promise<void> {
  const { jobs } = (await node.call('/api/jobs?limit=1')).body as Jobs;
  const body = { readLimit: 0, writeLimit: 0 };
  const { status } = await node.call(`/api/jobs/${jobs[0]?.id}`, { method: 'PATCH', body });
  expect(status).toBe(200);
}

/** Of what a bar has said: how long it still takes, each once. */
function restsIn(texts: readonly string[]): ReadonlySet<string> {
  return new Set(texts.flatMap((text) => /\d+ s left/.exec(text) ?? []));
}

interface ApiJob {
  readonly state: string;
  readonly endedAt: string;
}

/**
 * Check 8, of a node that reads `SLOWLY`: bar, rate and rest move and reach the end, the row says so, two tabs agree, and
 * Cancel ends what runs within two seconds of the click, by the row of each tab and by the daemon's own time.
 */
export async function backsUpInSight(node: Node, { page, context }: Visit): Promise<void> {
  writeFileSync(join(node.host.server, 'large'), randomBytes(30_000_000, 3));
  const tab = await context.newPage();
  await tab.goto(page.url());
  const tabs = [page, tab];
  const row = (each: Page) => each.getByRole('list', { name: 'Servers' }).getByRole('listitem').first();
  await Promise.all(tabs.map((each) => each.getByText('Never backed up', { exact: true }).first().waitFor()));
  const bar = 'section[aria-label="Running now"] progress';
  const followed = await Promise.all(tabs.map((each) => follow(each, bar)));
  await page.getByRole('button', { name: 'Back up: 11111111' }).first().click();
  const isSeen = async (seen: (typeof followed)[number]): Promise<boolean> => {
    const { shares, texts } = await seen();
    return shares.length > 3 && restsIn(texts).size > 1;
  };
  await expect.poll(() => Promise.all(followed.map(isSeen)), SOON).toEqual([true, true]);
  await speedUp(node);
  await Promise.all(tabs.map((each) => each.getByText('Protected', { exact: true }).first().waitFor()));
  for (const seen of followed) {
    const { shares, texts } = await seen();
    expect(shares).toEqual([...shares].sort((one, other) => one - other));
    expect(shares.at(-1)).toBe(1);
    expect(new Set(texts.flatMap((text) => /[\d.]+ [KM]iB\/s/.exec(text) ?? [])).size).toBeGreaterThan(0);
    expect(texts.at(-1)).toContain('0 s left');
  }
  await Promise.all(tabs.map((each) => each.getByRole('progressbar').first().waitFor({ state: 'detached' })));
  // Each tab counts ages from a time of its own, which moves on every half minute.
  const agree = async (): Promise<boolean> => (await row(tab).textContent()) === (await row(page).textContent());
  await expect.poll(agree, SOON).toBe(true);
  expect(await row(page).textContent()).toMatch(/Protected.*MiB.*(?:just now|\d min ago)/);

  writeFileSync(join(node.host.server, 'larger'), randomBytes(30_000_000, 4));
  const watched = await Promise.all(tabs.map((each) => watchCancel(each)));
  await row(page).getByRole('button', { name: 'Back up: 11111111' }).click();
  await Promise.all(
    tabs.map((each) =>
      row(each)
        .getByText(/Backing up \d+ %/)
        .waitFor(),
    ),
  );
  const running = page.getByRole('region', { name: 'Running now' });
  await running.getByRole('button', { name: /^Cancel/ }).click();
  await running.getByRole('button', { name: /^Cancel it/ }).click();
  await Promise.all(
    tabs.map((each) => each.getByRole('region', { name: 'Running now' }).waitFor({ state: 'detached' })),
  );
  await Promise.all(tabs.map((each) => row(each).getByText('Protected', { exact: true }).waitFor()));
  const { jobs } = (await node.call('/api/jobs')).body as { readonly jobs: readonly ApiJob[] };
  expect(jobs.map(({ state }) => state)).toEqual(['cancelled', 'done']);
  const [first, second] = await Promise.all(watched.map((seen) => seen()));
  const pressed = first?.pressed ?? 0;
  const after = [Date.parse(jobs[0]?.endedAt ?? ''), first?.told, second?.told].map((at) => Number(at) - pressed);
  console.log({ endedMs: after[0], toldMs: after.slice(1) });
  expect(pressed).toBeGreaterThan(0);
  expect(Math.min(...after.slice(1))).toBeGreaterThan(0);
  expect(Math.max(...after)).toBeLessThanOrEqual(CANCELLED_MS);
  await expect.poll(agree, SOON).toBe(true);
  await tab.close();
  rmSync(join(node.host.server, 'larger'));
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
