/** What the page shows and does when answers, events and clicks come in an unlucky order. */
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { backUp } from './support/archives.ts';
import { type Proxy, proxyOf } from './support/proxy.ts';
import { go, inChromium, type Node, openNode, SOON, visit } from './support/visitor.ts';

const SERVER = '#/servers/11111111-1111-4111-8111-111111111111';

/** Makes a backup while the page is not connected, and waits until it is again. */
async function backUpUnheard(node: Node, proxy: Proxy, page: Page): Promise<void> {
  proxy.refuse();
  expect(proxy.cut()).toBe(1);
  await page.getByText(/Not connected/).waitFor();
  await backUp(node);
  proxy.mend();
  await page.getByText('Live', { exact: true }).waitFor();
}

inChromium('an unlucky order', () => {
  test('a tick takes away the button of what was chosen before, although the page has not asked anew yet', async () => {
    const node = await openNode();
    const id = await backUp(node);
    rmSync(join(node.host.server, 'eula.txt'));
    rmSync(join(node.host.server, 'world/level.dat'));
    const { page } = await visit();
    await page.clock.install();
    await page.goto(await node.link());
    await page.getByText('Live', { exact: true }).waitFor();
    await go(page, `${SERVER}/backups/${id}`);
    const everything = page.getByRole('button', { name: 'Restore 2 files', exact: true });
    await everything.waitFor();
    // With the clock stands what the page does after it has drawn.
    await page.clock.pauseAt(new Date(Date.now() + 10_000));
    await page.getByRole('checkbox', { name: 'Select eula.txt' }).click();
    await page.getByRole('heading', { name: 'Restore 1 selected item' }).waitFor();
    expect(await everything.count()).toBe(0);
    expect(await page.locator('.foot button').first().isDisabled()).toBe(true);
    await page.clock.resume();
    await page.getByRole('button', { name: 'Restore 1 file', exact: true }).click();
    await page.getByRole('heading', { name: 'Restored' }).waitFor();
    expect(existsSync(join(node.host.server, 'eula.txt'))).toBe(true);
    expect(existsSync(join(node.host.server, 'world/level.dat'))).toBe(false);
  });

  test('a backup that is left for another is shown no longer, although the other is not there yet', async () => {
    const node = await openNode();
    const ids = [await backUp(node), await backUp(node)];
    const { page } = await visit();
    await page.clock.install();
    await page.goto(await node.link());
    await page.getByText('Live', { exact: true }).waitFor();
    await go(page, `${SERVER}/backups/${ids[0]}`);
    const exactly = page.getByText('Make the server exactly as it was');
    await exactly.waitFor();
    await page.clock.pauseAt(new Date(Date.now() + 10_000));
    await go(page, `${SERVER}/backups/${ids[1]}`);
    expect(await exactly.count()).toBe(0);
    await page.clock.resume();
    await exactly.click();
    await page.getByRole('checkbox', { name: 'Leave what backups leave out' }).waitFor();
  });

  test('a list of servers that comes after the news of one of them does not bring back what was', async () => {
    const node = await openNode();
    const proxy = await proxyOf(node.url, { path: '' });
    const { page } = await visit();
    await page.goto(`${proxy.url}/#${(await node.link()).split('#')[1]}`);
    const row = page.getByRole('list', { name: 'Servers' }).getByRole('listitem').first();
    await row.getByText('Never backed up', { exact: true }).waitFor();
    await page.getByText('Live', { exact: true }).waitFor();
    const answered = Promise.withResolvers<void>();
    const held = Promise.withResolvers<void>();
    await page.route(
      (url) => url.pathname === '/api/servers',
      async (route) => {
        const response = await route.fetch();
        answered.resolve();
        await held.promise;
        await route.fulfill({ response });
      },
      { times: 1 },
    );
    // With a new connection, all is read once more.
    const rest = page.waitForResponse((response) => new URL(response.url()).pathname === '/api/system');
    expect(proxy.cut()).toBe(1);
    await answered.promise;
    await backUp(node);
    await row.getByText('Protected', { exact: true }).waitFor();
    await rest;
    const late = page.waitForResponse((response) => new URL(response.url()).pathname === '/api/servers');
    held.resolve();
    await (await late).finished();
    await page.evaluate(() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))));
    expect(await row.getByText('Protected', { exact: true }).count()).toBe(1);
  });

  test('9: the backups of a server that were made while nothing was heard are listed once the page is back', async () => {
    const node = await openNode();
    await backUp(node);
    const proxy = await proxyOf(node.url, { path: '' });
    const { page } = await visit();
    await page.goto(`${proxy.url}/#${(await node.link()).split('#')[1]}`);
    await page.getByText('Live', { exact: true }).waitFor();
    await go(page, SERVER);
    const rows = page.getByRole('list', { name: 'Backups' }).getByRole('listitem');
    await expect.poll(() => rows.count(), SOON).toBe(1);
    await backUpUnheard(node, proxy, page);
    await expect.poll(() => rows.count(), SOON).toBe(2);
  });

  test('9: jobs that began and ended while nothing was heard are listed once the page is back', async () => {
    const node = await openNode();
    const proxy = await proxyOf(node.url, { path: '' });
    const { page } = await visit();
    await page.goto(`${proxy.url}/#${(await node.link()).split('#')[1]}`);
    await page.getByText('Live', { exact: true }).waitFor();
    await go(page, '#/jobs');
    const ended = page.getByRole('region', { name: 'Ended' });
    await ended.getByText('None of that sort.').waitFor();
    await backUpUnheard(node, proxy, page);
    await ended.getByRole('link', { name: '11111111' }).waitFor();
  });

  test.each([503, 500, 429])('1: a daemon that answers %i while a person signs in is asked again', async (status) => {
    const node = await openNode();
    const { page } = await visit();
    let refused = 0;
    await page.route('**/api/session', (route) => {
      if (route.request().method() !== 'GET' || refused > 0) return route.continue();
      refused++;
      return route.fulfill({ status, body: 'not now' });
    });
    await page.goto(await node.link());
    await page.getByRole('list', { name: 'Servers' }).getByText('11111111').first().waitFor();
    expect(refused).toBe(1);
  });

  test('10: a chart whose script does not come leaves its table, and no error', async () => {
    const node = await openNode();
    await backUp(node);
    const { page } = await visit();
    const asked = Promise.withResolvers<void>();
    await page.route(/\/assets\/chart-.*\.js$/, async (route) => {
      await route.abort();
      asked.resolve();
    });
    await page.goto(await node.link());
    await page.getByText('Live', { exact: true }).waitFor();
    await go(page, SERVER);
    await asked.promise;
    await page.getByText('As a table').click();
    await page.getByRole('region', { name: 'Growth as a table' }).getByText('kept').waitFor();
    expect(await page.locator('.chart canvas').count()).toBe(0);
  });

  test('24: what comes later is loaded ahead once something is painted, however long that takes', async () => {
    const node = await openNode();
    const { page } = await visit();
    const asked: string[] = [];
    page.on('request', (request) => void asked.push(request.url()));
    await page.addInitScript(() => {
      const { promise, resolve } = Promise.withResolvers<void>();
      Object.assign(globalThis, {
        paint: resolve,
        PerformanceObserver: class extends PerformanceObserver {
          constructor(tell: PerformanceObserverCallback) {
            super((...told) => void promise.then(() => tell(...told)));
          }
        },
      });
    });
    await page.clock.install();
    await page.goto(await node.link());
    await page.getByRole('list', { name: 'Servers' }).getByText('11111111').first().waitFor();
    const later = (): readonly string[] => asked.filter((url) => /\/server-[^/]*\.js$/.test(url));
    await page.clock.fastForward(5000);
    // What was asked for before this is known when this is answered.
    await page.evaluate('fetch("./").then((answer) => answer.text())');
    expect(later()).toEqual([]);
    await page.evaluate('paint()');
    await expect.poll(later, SOON).toHaveLength(1);
  });
});
