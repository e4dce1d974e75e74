import { createHash } from 'node:crypto';
import fs from 'node:fs';
import { join } from 'node:path';
import type { Locator, Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { pathIn } from '../support/directory-manifest.ts';
import { LONGEST_TASK_MS, watchLongestTask } from './support/tasks.ts';
import { go, idle, inChromium, openNode, signedIn, SOON } from './support/visitor.ts';

const SERVER = '#/servers/11111111-1111-4111-8111-111111111111';
const IN_ONE = 100_000;
const FOLDERS = 100;
/** More rows than that are never in the page. */
const MOST_ROWS = 60;

interface Effort {
  readonly tasks: number;
  readonly taskMs: number;
  /** What drawing a thousand rows without a virtual list takes here and now. */
  readonly plainMs: number;
  readonly mostRows: number;
}

/** Counts, from now on, long tasks and the rows that are in the page at once. */
async function watchEffort(page: Page): Promise<() => Promise<Effort>> {
  await page.evaluate(() => {
    const effort = { tasks: 0, taskMs: 0, mostRows: 0 };
    (globalThis as { effort?: object }).effort = effort;
    new PerformanceObserver((list) => {
      for (const { duration } of list.getEntries()) {
        effort.tasks++;
        effort.taskMs += duration;
      }
    }).observe({ type: 'longtask' });
    const files = document.querySelector('[role="list"][aria-label="Files"]') as HTMLElement;
    new MutationObserver(() => (effort.mostRows = Math.max(effort.mostRows, files.childElementCount))).observe(files, {
      childList: true,
    });
  });
  return () =>
    page.evaluate(() => {
      const files = document.querySelector('[role="list"][aria-label="Files"]') as HTMLElement;
      const from = performance.now();
      const plain = document.createElement('div');
      for (let at = 0; at < 1000; at++) plain.append(files.firstElementChild?.cloneNode(true) ?? '');
      files.append(plain);
      plain.getBoundingClientRect();
      plain.remove();
      const { effort } = globalThis as unknown as { effort: Omit<Effort, 'plainMs'> };
      return { ...effort, plainMs: performance.now() - from };
    });
}

inChromium('names and many of them', () => {
  test('12: of 200,000 files each level is shown to its end with few rows, and no task above 100 ms', async () => {
    const node = await openNode('backups: { compression: none }');
    for (let folder = 0; folder < FOLDERS; folder++) {
      const path = join(node.host.server, 'many', `${folder}`);
      fs.mkdirSync(path, { recursive: true });
      for (let at = 0; at < IN_ONE / FOLDERS; at++) fs.writeFileSync(join(path, `${at}`), '');
    }
    fs.mkdirSync(join(node.host.server, 'region'));
    for (let at = 0; at < IN_ONE; at++) fs.writeFileSync(join(node.host.server, 'region', `r.${at}.mca`), '');
    const { body } = await node.call(`/api/servers/${node.server}/backups`, { body: {} });
    const { id, files } = body as { readonly id: string; readonly files: number };
    expect(files).toBe(2 * IN_ONE + 2);
    const { page } = await signedIn(node, `${SERVER}/backups/${id}`);
    const asked: string[] = [];
    page.on('request', (request) => {
      const { pathname, searchParams } = new URL(request.url());
      if (pathname.endsWith('/files') && searchParams.get('path') === 'region') {
        asked.push(String(searchParams.get('cursor')));
      }
    });
    const rows = page.getByRole('list', { name: 'Files' }).getByRole('listitem');
    await page.getByRole('link', { name: 'region' }).click();
    await page.getByText('r.0.mca', { exact: true }).waitFor();
    const effort = await watchEffort(page);
    const longestTask = await watchLongestTask(page);
    const last = async (): Promise<number> => {
      await page.evaluate(() => scrollTo(0, document.body.scrollHeight));
      return Number(await rows.last().getAttribute('aria-posinset'));
    };
    await expect.poll(last, { timeout: 300_000, interval: 20 }).toBe(IN_ONE);
    const longestMs = await longestTask();
    const { tasks, taskMs, plainMs, mostRows } = await effort();
    const pages = IN_ONE / 1000;
    console.log({ pages, tasks, taskMs: Math.round(taskMs), longestMs, plainMs: Math.round(plainMs), mostRows });
    expect(mostRows).toBeLessThanOrEqual(MOST_ROWS);
    expect(taskMs / pages).toBeLessThan(plainMs);
    expect(longestMs).toBeLessThanOrEqual(LONGEST_TASK_MS);
    // Each page was asked for once.
    expect(asked).toHaveLength(pages);
    expect(new Set(asked).size).toBe(pages);

    await go(page, `${SERVER}/backups/${id}?path=many`);
    await expect.poll(() => rows.first().getAttribute('aria-setsize'), SOON).toBe(`${FOLDERS}`);
    await page.getByRole('link', { name: '10', exact: true }).click();
    await expect.poll(() => rows.first().getAttribute('aria-setsize'), SOON).toBe(`${IN_ONE / FOLDERS}`);
    expect(await rows.count()).toBeLessThanOrEqual(MOST_ROWS);
  });

  test('12: names that are markup, marks of direction, no text, patterns or 255 bytes long are shown, saved and restored', async () => {
    const node = await openNode();
    // A byte string each, as the file system has it, and what the page shows of it.
    const text = (name: string): readonly [string, string] => [Buffer.from(name).toString('latin1'), name];
    const names = [
      text('<img src=x onerror=alert(1)>'),
      text('"><script>document.title="run"<'),
      text('&lt;b&gt;'),
      text('a\u202etxt.exe'),
      text('\u2066\u05d0\u05d1\u2069.yml'),
      ['cfg\xff.yml', 'cfg\\xff.yml'],
      text('[x].yml'),
      text('**'),
      text('!important'),
      text(' a  b '),
      text('\u00fc'.repeat(127).concat('n')),
      text('n'.repeat(255)),
    ] as const;
    const folders = [text('<b>bold'), ['w\xf6rld', 'w\\xf6rld'], text('[a-z]'), text('\u202edlrow')] as const;
    const { server } = node.host;
    const paths: { readonly bytes: string; readonly shown: string; readonly folder?: string }[] = [];
    for (const [bytes, shown] of names) paths.push({ bytes, shown });
    for (const [at, [bytes, shown]] of folders.entries()) {
      fs.mkdirSync(pathIn(server, bytes));
      const [name, shownName] = names[at === 1 ? 5 : 0];
      paths.push({ bytes: `${bytes}/${name}`, shown: shownName, folder: shown });
    }
    for (const { bytes } of paths) fs.writeFileSync(pathIn(server, bytes), `content of ${bytes}`);
    // What the names would mean as patterns stays away.
    for (const name of ['x.yml', 'other', 'a b']) fs.writeFileSync(join(server, name), name);
    const { body } = await node.call(`/api/servers/${node.server}/backups`, { body: {} });
    const root = `${SERVER}/backups/${(body as { readonly id: string }).id}`;
    const { page } = await signedIn(node, root);
    const list = page.getByRole('list', { name: 'Files' });
    const rowOf = (path: string): Locator => list.locator(`[data-key=${JSON.stringify(path)}]`);
    for (const { bytes, shown, folder } of paths) {
      await go(page, root);
      await list.getByText('eula.txt').waitFor();
      if (folder !== undefined) {
        await list.getByRole('link', { name: folder, exact: true }).click();
        await expect.poll(() => page.getByRole('navigation', { name: 'Path' }).textContent(), SOON).toContain(folder);
        await list.getByText('eula.txt').waitFor({ state: 'detached' });
      }
      const row = rowOf(folder === undefined ? shown : `${folder}/${shown}`);
      await row.waitFor();
      expect(await row.locator('bdi').textContent()).toBe(shown);
      expect(await row.textContent()).toContain('same now');
      const [download] = await Promise.all([
        page.waitForEvent('download'),
        row.getByRole('button', { name: /^Download/ }).click(),
      ]);
      const sha256 = (content: Buffer): string => createHash('sha256').update(content).digest('hex');
      expect(sha256(fs.readFileSync(await download.path()))).toBe(sha256(Buffer.from(`content of ${bytes}`)));
      await row.getByRole('checkbox').check();
    }
    expect(await page.locator('img, script:not([src])').count()).toBe(0);
    expect(await page.title()).not.toBe('run');

    for (const name of fs.readdirSync(server, { encoding: 'buffer' })) {
      fs.rmSync(pathIn(server, name.toString('latin1')), { recursive: true });
    }
    await page.reload();
    await go(page, root);
    for (const [, shown] of [...names, ...folders]) await rowOf(shown).getByRole('checkbox').check();
    await page.getByRole('button', { name: `Restore ${paths.length} files`, exact: true }).click();
    await page.getByRole('heading', { name: 'Restored' }).waitFor();
    for (const { bytes } of paths) {
      expect(fs.readFileSync(pathIn(server, bytes), 'latin1'), bytes).toBe(
        Buffer.from(`content of ${bytes}`).toString('latin1'),
      );
    }
    const back = fs.readdirSync(server, { encoding: 'latin1' }).sort();
    expect(back).toEqual([...names, ...folders].map(([bytes]) => bytes).sort());
  });

  test('12: a name of bytes and one that is spelt as those are shown have a row each, and come back as what they were', async () => {
    const node = await openNode();
    const odd = join(node.host.server, 'odd');
    fs.mkdirSync(odd);
    const files = { '\xff': 'of one byte', '\\xff': 'of four characters', 'cfg\xfe': 'alone' } as const;
    for (const [name, content] of Object.entries(files)) fs.writeFileSync(pathIn(odd, name), content);
    const { body } = await node.call(`/api/servers/${node.server}/backups`, { body: {} });
    const root = `${SERVER}/backups/${(body as { readonly id: string }).id}`;
    fs.writeFileSync(pathIn(odd, '\xff'), 'of one byte, changed since');
    const { page } = await signedIn(node, `${root}?path=odd`);
    const rows = page.getByRole('list', { name: 'Files' }).getByRole('listitem');
    await expect.poll(() => rows.count(), SOON).toBe(3);
    const keys = await rows.evaluateAll((all) => all.map((row) => (row as HTMLElement).dataset['key']));
    expect(new Set(keys).size).toBe(3);
    const [text, alone, bytes] = [rows.nth(0), rows.nth(1), rows.nth(2)];
    expect(await Promise.all([text, bytes].map((row) => row.locator('bdi').textContent()))).toEqual(['\\xff', '\\xff']);
    expect(await text.textContent()).toContain('same now');
    expect(await bytes.textContent()).toMatch(/reads as a name above, with other bytes.*changed/);
    expect(await alone.textContent()).toContain('same now');
    // What a path cannot tell apart is not offered by its path.
    expect(await bytes.getByRole('checkbox').count()).toBe(0);
    expect(await bytes.getByRole('button').count()).toBe(0);

    fs.rmSync(odd, { recursive: true });
    await page.reload();
    await go(page, `${root}?path=odd`);
    await text.getByRole('checkbox').check();
    await page.getByRole('button', { name: 'Restore 1 file', exact: true }).click();
    await page.getByRole('heading', { name: 'Restored' }).waitFor();
    expect(fs.readdirSync(odd, 'latin1')).toEqual(['\\xff']);
    expect(fs.readFileSync(join(odd, '\\xff'), 'utf8')).toBe('of four characters');
    await idle(node);
    await page.getByRole('button', { name: 'Restore more' }).click();
    await go(page, root);
    await page.getByRole('checkbox', { name: 'Select odd' }).check();
    await page.getByRole('button', { name: 'Restore 2 files', exact: true }).click();
    await page.getByRole('heading', { name: 'Restored' }).waitFor();
    for (const [name, content] of Object.entries(files)) {
      expect(fs.readFileSync(pathIn(odd, name), 'utf8')).toBe(content);
    }
  });
});
