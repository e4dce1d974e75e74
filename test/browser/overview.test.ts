import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { runDaemonOn, scratchHost } from '../support/daemon.ts';
import { randomBytes } from '../support/random-bytes.ts';
import { backsUpInSight, CANCELLED_MS, SLOWLY } from './support/scenarios.ts';
import { LONGEST_TASK_MS, watchLongestTask } from './support/tasks.ts';
import { inChromium, nodeOn, openNode, signedIn, SOON, visit } from './support/visitor.ts';

/** More rows than that are never in the page. */
const MOST_ROWS = 60;

const id = (number: number): string => `${number.toString(16).padStart(8, '0')}-1111-4111-8111-111111111111`;

inChromium('the overview', () => {
  test('6: a failing, a late and a never-backed-up server and a store that is away come first, with reason and button', async () => {
    const scratch = await scratchHost('backups: { compression: none }');
    const offsite = join(scratch.directory, 'offsite');
    const config = scratch.config
      .replace(/^storage: .*$/m, (line) =>
        line.replace(/ \} \}$/, `, offsite: { type: local, directory: ${offsite} } } }`),
      )
      .replace('max_size: 0', 'max_size: 1MiB');
    const host = { ...scratch, config };
    const [failing, late, never, fine] = [id(1), id(2), id(3), id(4)] as const;
    for (const server of [failing, late, never, fine]) {
      mkdirSync(join(scratch.directory, 'servers', server), { recursive: true });
      writeFileSync(join(scratch.directory, 'servers', server, 'level.dat'), server);
    }
    rmSync(scratch.server, { recursive: true });
    const first = await runDaemonOn(host);
    for (const server of [failing, late, fine]) await first.call(`/api/servers/${server}/backups`, { body: {} });
    writeFileSync(join(scratch.directory, 'servers', failing, 'large'), randomBytes(3_000_000, 1));
    const refused = await first.call(`/api/servers/${failing}/backups`, { body: {} });
    expect(refused.body).toMatchObject({ code: 'too_large' });
    await first.daemon.stop();
    const catalogue = new DatabaseSync(join(scratch.directory, 'state', 'catalogue.sqlite'));
    catalogue.exec(`UPDATE backups SET created_at = created_at - 864000000 WHERE server = '${late}'`);
    catalogue.close();
    const node = nodeOn(host, await runDaemonOn(host));
    rmSync(offsite, { recursive: true });
    const { page } = await signedIn(node);
    await page.getByRole('heading', { name: '3 of 4 servers need you' }).waitFor();
    const lines = page.getByRole('region', { name: 'Needs attention' }).locator('.att');
    await expect.poll(() => lines.count(), SOON).toBe(4);
    const [away, bad, ...others] = await lines.all();
    expect(await away?.textContent()).toMatch(/Store offsite cannot be used.+Check again/);
    expect(await bad?.textContent()).toMatch(/^00000001.+Try again/);
    for (const line of await lines.all()) {
      expect(await line.locator('.hint').textContent()).not.toBe('');
      expect(await line.getByRole('button').count()).toBe(1);
    }
    const rest = (await Promise.all(others.map((line) => line.textContent()))).map(String).toSorted();
    expect(rest[0]).toMatch(/^00000002: .+Back up now$/);
    expect(rest[1]).toMatch(/^00000003: There is no good backup.+Back up now$/);
    const rows = page.getByRole('list', { name: 'Servers' }).getByRole('listitem');
    expect(await rows.last().textContent()).toContain('00000004');
  });

  test('7: of 500 servers, 60 of which change, few rows are drawn, and filter and order keep the focus', async () => {
    const scratch = await scratchHost();
    for (let number = 1; number <= 499; number++) mkdirSync(join(scratch.directory, 'servers', id(number)));
    for (let number = 1; number <= 60; number++) {
      writeFileSync(join(scratch.directory, 'servers', id(number), 'level.dat'), 'x');
    }
    const node = nodeOn(scratch, await runDaemonOn(scratch));
    const asked: string[] = [];
    const { page } = await visit();
    page.on('request', (request) => void asked.push(new URL(request.url()).pathname));
    await page.goto(await node.link());
    await page.getByRole('button', { name: 'All 500' }).waitFor();
    // One call for all of them.
    expect(asked.filter((path) => path.startsWith('/api/servers'))).toEqual(['/api/servers']);
    const rows = page.getByRole('list', { name: 'Servers' }).getByRole('listitem');
    expect(await rows.count()).toBeLessThanOrEqual(MOST_ROWS);
    await watchTasks(page);
    const longestTask = await watchLongestTask(page);

    // A row that was chosen goes to its new place, and what has the focus in it keeps that.
    // People sort 0000000a before 00000001.
    const chosen = id(10);
    const first = page.getByRole('list', { name: 'Servers' }).getByRole('link', { name: chosen.slice(0, 8) });
    await first.focus();
    expect(await rows.first().textContent()).toContain(chosen.slice(0, 8));
    await node.call(`/api/servers/${chosen}/backups`, { body: {} });
    await page.getByRole('button', { name: 'Problems 499' }).waitFor();
    await expect
      .poll(() => first.evaluate((link) => link.closest('.slot')?.getAttribute('aria-posinset')), SOON)
      .toBe('500');
    expect(await first.evaluate((link) => link === document.activeElement)).toBe(true);
    expect(await rows.count()).toBeLessThanOrEqual(MOST_ROWS);

    const problems = page.getByRole('button', { name: /^Problems/ });
    await problems.focus();
    const others = Array.from({ length: 60 }, (_, at) => id(at + 1)).filter((server) => server !== chosen);
    await Promise.all(others.map((server) => node.call(`/api/servers/${server}/backups`, { body: {} })));
    await page.getByRole('button', { name: 'Problems 440' }).waitFor();
    expect(await page.evaluate(() => document.activeElement?.textContent)).toBe('Problems 440');
    await page.keyboard.press('Enter');
    expect(await problems.getAttribute('aria-pressed')).toBe('true');
    expect(await rows.first().getAttribute('aria-setsize')).toBe('440');
    expect(await rows.count()).toBeLessThanOrEqual(MOST_ROWS);
    const names = (await rows.allTextContents()).map((name) => name.slice(0, 8));
    expect(names).toEqual(names.toSorted(new Intl.Collator('en', { numeric: true }).compare));

    const longestMs = await longestTask();
    expect(longestMs).toBeLessThanOrEqual(LONGEST_TASK_MS);
    const { tasks, taskMs, plainMs } = await tasksOf(page);
    console.log({ longestMs, tasks, taskMs: Math.round(taskMs), plainMs: Math.round(plainMs) });
    // Less work for each change than drawing all rows once would be.
    expect(taskMs / 60).toBeLessThan(plainMs);
  });

  test('7: an event redraws the row of its server alone', async () => {
    const scratch = await scratchHost();
    for (let number = 1; number <= 20; number++) {
      mkdirSync(join(scratch.directory, 'servers', id(number)));
      writeFileSync(join(scratch.directory, 'servers', id(number), 'level.dat'), 'x');
    }
    const node = nodeOn(scratch, await runDaemonOn(scratch));
    for (let number = 1; number <= 20; number++) await node.call(`/api/servers/${id(number)}/backups`, { body: {} });
    const { page } = await visit();
    // Ages stay what they are: each of them would be drawn when it becomes a minute.
    await page.clock.setFixedTime(new Date());
    await page.goto(await node.link());
    await page.getByText('Live', { exact: true }).waitFor();
    const list = page.getByRole('list', { name: 'Servers' });
    await list.getByText(id(7).slice(0, 8)).first().waitFor();
    await page.evaluate(() => {
      const changed = new Set<string>();
      (globalThis as { changed?: object }).changed = changed;
      const element = document.querySelector('[role="list"][aria-label="Servers"]') as HTMLElement;
      new MutationObserver((records) => {
        for (const { target } of records) {
          const row = (target instanceof Element ? target : target.parentElement)?.closest('.tr');
          if (row !== null && row !== undefined) changed.add(row.querySelector('.nm')?.textContent ?? '');
        }
      }).observe(element, { subtree: true, childList: true, characterData: true });
    });
    writeFileSync(join(scratch.directory, 'servers', id(7), 'level.dat'), 'x'.repeat(90_000));
    await node.call(`/api/servers/${id(7)}/backups`, { body: {} });
    const bars = list
      .getByRole('listitem')
      .filter({ hasText: id(7).slice(0, 8) })
      .locator('.strip i:not(.n)');
    await expect.poll(() => bars.count(), SOON).toBe(2);
    const changed = await page.evaluate(() => Array.from((globalThis as unknown as { changed: Set<string> }).changed));
    expect(changed).toEqual([id(7).slice(0, 8)]);
  });
});

inChromium('a backup that runs', () => {
  test(`8: is seen to move by two tabs to its end, and Cancel ends it within ${CANCELLED_MS / 1000} s, by each row and by the daemon’s time`, async () => {
    const node = await openNode(SLOWLY);
    await backsUpInSight(node, await signedIn(node));
  });
});

interface Tasks {
  readonly tasks: number;
  readonly taskMs: number;
  /** What drawing each of 500 rows plainly takes here and now. */
  readonly plainMs: number;
}

/** Counts, from now on, tasks that keep the page from answering. */
async function watchTasks(page: Page): Promise<void> {
  await page.evaluate(() => {
    const held = { tasks: 0, taskMs: 0 };
    (globalThis as { held?: object }).held = held;
    new PerformanceObserver((list) => {
      for (const { duration } of list.getEntries()) {
        held.tasks++;
        held.taskMs += duration;
      }
    }).observe({ type: 'longtask' });
  });
}

async function tasksOf(page: Page): Promise<Tasks> {
  return page.evaluate(() => {
    const list = document.querySelector('[role="list"][aria-label="Servers"]') as HTMLElement;
    const from = performance.now();
    const plain = document.createElement('div');
    for (let at = 0; at < 500; at++) plain.append(list.firstElementChild?.cloneNode(true) ?? '');
    list.append(plain);
    plain.getBoundingClientRect();
    plain.remove();
    const { held } = globalThis as unknown as { held: Omit<Tasks, 'plainMs'> };
    return { ...held, plainMs: performance.now() - from };
  });
}
