import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { bytes, count } from '../../web/page/words/format.ts';
import { scratchHost } from '../support/daemon.ts';
import { startDaemon } from '../support/daemon-process.ts';
import { freePort } from '../support/free-port.ts';
import { randomBytes } from '../support/random-bytes.ts';
import { proxyOf } from './support/proxy.ts';
import { inChromium, type Node, nodeOn, openNode, signedIn, SOON, visit } from './support/visitor.ts';

const id = (number: number): string => `${number.toString(16).padStart(8, '0')}-1111-4111-8111-111111111111`;

/**
 * How far ahead a page's clock is stopped: a busy host may take long to do so, and a clock cannot go back. With the ten
 * seconds between two signs of life, it stays below the 25 of silence after which a connection counts as lost.
 */
const AHEAD_MS = 10_000;

interface Server {
  readonly id: string;
  readonly name: string;
  readonly overview: {
    readonly newest?: { readonly size: number };
    readonly recent: readonly unknown[];
    readonly problems: readonly { readonly code: string; readonly message: string; readonly hint?: string }[];
  };
}

/** What the overview must show of the servers as `GET` tells of them now. */
async function told(call: Node['call']) {
  const servers = (await call('/api/servers?with=overview')).body as readonly Server[];
  const { jobs } = (await call('/api/jobs')).body as { readonly jobs: readonly { readonly state: string }[] };
  return {
    rows: servers
      .map(({ name, id: server, overview: { newest, recent } }) => ({
        // A server without a name is called by the start of its id, which is shown once.
        name: name === server.slice(0, 8) ? name : `${name}${server.slice(0, 8)}`,
        size: newest === undefined ? '—' : bytes(newest.size),
        recent: recent.length,
      }))
      .sort((one, other) => one.name.localeCompare(other.name)),
    problems: servers
      .flatMap(({ name, overview: { problems } }) => problems.slice(0, 1).map(({ message }) => `${name}: ${message}`))
      .sort(),
    good: count(servers.filter(({ overview: { problems } }) => problems.length === 0).length),
    running: jobs.filter(({ state }) => state === 'running' || state === 'queued').length,
  };
}

async function shown(page: Page): Promise<Awaited<ReturnType<typeof told>>> {
  const rows = await page
    .getByRole('list', { name: 'Servers' })
    .getByRole('listitem')
    .evaluateAll((elements) =>
      elements.map((row) => ({
        name: row.querySelector('a')?.textContent ?? '',
        size: row.querySelector('.num')?.textContent ?? '',
        recent: row.querySelectorAll('.strip i:not(.n)').length,
      })),
    );
  const problems = await page.getByRole('region', { name: 'Needs attention' }).locator('.att .what').allTextContents();
  const all = await page.getByRole('button', { name: /^All / }).textContent();
  const wrong = await page.getByRole('button', { name: /^Problems / }).textContent();
  const numberIn = (text: string | null): number => Number(/\d+/.exec(text ?? '')?.[0]);
  return {
    rows: rows.sort((one, other) => one.name.localeCompare(other.name)),
    problems: problems.sort(),
    good: count(numberIn(all) - numberIn(wrong)),
    running: await page.getByRole('progressbar').count(),
  };
}

inChromium('a connection that is lost', () => {
  test('9: a daemon that is killed in a job and started again is told of, and the page equals GET afterwards', async () => {
    const scratch = await scratchHost('backups: { read_limit: 1 }');
    const servers = join(scratch.directory, 'servers');
    for (const [at, size] of [2000, 300_000, 40_000].entries()) {
      mkdirSync(join(servers, id(at + 1)));
      writeFileSync(join(servers, id(at + 1), 'level.dat'), randomBytes(size, at));
    }
    writeFileSync(join(scratch.server, 'large'), randomBytes(20_000_000, 4));
    // Of the ports that no other connection takes while no daemon listens there.
    const port = await freePort();
    const host = { ...scratch, config: scratch.config.replace('port: 0', `port: ${port}`) };
    const first = await startDaemon(host, { built: true });
    for (const at of [1, 2]) await first.call(`/api/servers/${id(at)}/backups`, { body: {} });
    const { page } = await signedIn(nodeOn(host, { ...first, daemon: { stop: () => first.kill() } as never }));
    await page.getByRole('button', { name: 'Back up: 11111111' }).first().click();
    await page.getByRole('progressbar').first().waitFor();
    await first.kill();
    await page.getByText(/Not connected, last heard \d\d:\d\d, trying again in \d+ s/).waitFor();
    // What has happened before the page is back is part of what it shows.
    mkdirSync(join(servers, id(4)));
    rmSync(join(servers, id(2)), { recursive: true });
    const second = await startDaemon(host, { built: true });
    await page.getByText('Live', { exact: true }).waitFor();
    await expect.poll(() => page.getByText(/Not connected/).count(), SOON).toBe(0);
    const now = await told(second.call);
    expect(now.rows).toHaveLength(5);
    expect(now.running).toBe(0);
    await expect.poll(() => shown(page), SOON).toEqual(now);
    const attention = page.getByRole('region', { name: 'Needs attention' });
    await attention.getByRole('button', { name: /^Try again/ }).waitFor();

    // It is told of what comes after, too.
    await second.call(`/api/servers/${id(3)}/backups`, { body: {} });
    const later = await told(second.call);
    expect(later).not.toEqual(now);
    await expect.poll(() => shown(page), SOON).toEqual(later);
    await second.kill();
  });

  test('9: after sleep, in which its socket died without a word, the page equals GET', async () => {
    const node = await openNode();
    const proxy = await proxyOf(node.url, { path: '' });
    const { page } = await visit();
    await page.clock.install();
    await page.goto(`${proxy.url}/#${(await node.link()).split('#')[1]}`);
    await page.getByText('Live', { exact: true }).waitFor();
    const before = await told(node.call);
    await expect.poll(() => shown(page), SOON).toEqual(before);
    // The computer sleeps: nothing of the page runs, and what comes to it gets lost.
    await page.clock.pauseAt(new Date(Date.now() + AHEAD_MS));
    expect(proxy.mute()).toBe(1);
    const other = join(node.host.directory, 'servers', id(1));
    mkdirSync(other);
    writeFileSync(join(other, 'level.dat'), 'x'.repeat(5000));
    for (const server of [node.server, id(1)]) await node.call(`/api/servers/${server}/backups`, { body: {} });
    const now = await told(node.call);
    expect(await shown(page)).toEqual(before);
    await page.clock.fastForward('01:00:00');
    await page.clock.resume();
    await expect.poll(() => shown(page), SOON).toEqual(now);
    await page.getByText('Live', { exact: true }).waitFor();
    expect(now.rows).toHaveLength(2);
    expect(now.problems).toEqual([]);
  });

  test('9: a socket on which nothing comes any more is told of, and the page equals GET once it has another', async () => {
    const node = await openNode();
    const proxy = await proxyOf(node.url, { path: '' });
    const { page } = await visit();
    await page.clock.install();
    const opening = page.waitForEvent('websocket');
    await page.goto(`${proxy.url}/#${(await node.link()).split('#')[1]}`);
    await page.getByText('Live', { exact: true }).waitFor();
    const socket = await opening;
    await page.clock.pauseAt(new Date(Date.now() + AHEAD_MS));
    // The silence begins with the clock standing, so that it is as long as the clock is moved.
    await socket.waitForEvent('framereceived');
    expect(proxy.mute()).toBe(1);
    proxy.refuse();
    await node.call(`/api/servers/${node.server}/backups`, { body: {} });
    const now = await told(node.call);
    // The computer is awake: its timers come at their times.
    await page.clock.runFor(20_000);
    await page.getByText('Live', { exact: true }).waitFor();
    expect(await shown(page)).not.toEqual(now);
    await page.clock.runFor(10_000);
    await page.getByText(/Not connected, last heard \d\d:\d\d/).waitFor();
    proxy.mend();
    await page.clock.resume();
    await page.getByText('Live', { exact: true }).waitFor();
    await expect.poll(() => shown(page), SOON).toEqual(now);
    await expect.poll(() => page.getByText(/Not connected/).count(), SOON).toBe(0);
  });

  test('9: a page that was offline says so, and equals GET once it is online', async () => {
    const node = await openNode();
    const proxy = await proxyOf(node.url, { path: '' });
    const { page, context } = await visit();
    await page.goto(`${proxy.url}/#${(await node.link()).split('#')[1]}`);
    await page.getByText('Live', { exact: true }).waitFor();
    await context.setOffline(true);
    proxy.cut();
    await page.getByText(/Not connected, last heard \d\d:\d\d/).waitFor();
    await node.call(`/api/servers/${node.server}/backups`, { body: {} });
    await context.setOffline(false);
    await page.getByText('Live', { exact: true }).waitFor();
    const now = await told(node.call);
    await expect.poll(() => shown(page), SOON).toEqual(now);
    expect(now.problems).toEqual([]);
  });
});
