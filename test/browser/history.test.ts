/** A server with thousands of backups: what the page shows of them is what the API tells. */
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { Locator, Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { bytes, count, duration, stamp, time } from '../../web/page/words/format.ts';
import { runDaemonOn, scratchHost } from '../support/daemon.ts';
import { inflateCatalogue } from '../support/inflated-catalogue.ts';
import { inChromium, type Node, nodeOn, signedIn, SOON, TOKEN } from './support/visitor.ts';

const SERVER = '#/servers/11111111-1111-4111-8111-111111111111';
const KEPT = 2000;
const REMOVED = 100;
const HOUR_MS = 3_600_000;
/** The page shows times of its own zone, as the test counts them. */
const { timeZone } = new Intl.DateTimeFormat().resolvedOptions();

interface Backup {
  readonly id: string;
  readonly createdAt: string;
  readonly size: number;
  readonly reusedBytes: number;
  readonly seconds: number;
  readonly name: string;
}

interface Attempt extends Omit<Backup, 'id' | 'name'> {
  readonly backup: string;
  readonly files: number;
  readonly goneAt?: string;
}

/** Makes all rows of the catalogue differ: an hour apart, of growing size; and adds older ones that are gone. */
function spread(directory: string): void {
  const catalogue = new DatabaseSync(join(directory, 'state', 'catalogue.sqlite'));
  const now = Math.floor(Date.now() / HOUR_MS) * HOUR_MS;
  catalogue.exec(`
    BEGIN;
    CREATE TEMP TABLE places AS SELECT id, row_number() OVER (ORDER BY seq) AS place FROM backups;
    UPDATE backups SET verified_at = ${now}, (created_at, started_at, completed_at, size, reused_bytes, files, name, named) = (
      SELECT ${now} - place * ${HOUR_MS}, ${now} - place * ${HOUR_MS}, ${now} - place * ${HOUR_MS} + 1000 * (1 + place % 90),
        9000000 - place * 3511, place * 101, 4000 - place, 'backup ' || place, 1 FROM places WHERE places.id = backups.id);
    DELETE FROM history WHERE gone_at IS NULL;
    INSERT INTO history (backup, server, store, status, size, raw_size, files, reused_bytes, created_at, started_at, ended_at)
      SELECT id, server, store, status, size, raw_size, files, reused_bytes, created_at, started_at, completed_at FROM backups;
    INSERT INTO history (backup, server, store, status, size, raw_size, files, reused_bytes, created_at, started_at, ended_at,
      gone_at) SELECT 'dddddddd' || substr(backup, 9), server, store, status, size - 7000000, raw_size, files, reused_bytes,
        created_at - ${KEPT * HOUR_MS}, started_at - ${KEPT * HOUR_MS}, ended_at - ${KEPT * HOUR_MS}, ${now}
      FROM history WHERE gone_at IS NULL ORDER BY created_at DESC LIMIT ${REMOVED - 1};
    UPDATE history SET created_at = ${now} - ${(KEPT + REMOVED + 1) * HOUR_MS} WHERE gone_at IS NOT NULL AND backup NOT LIKE 'dddddddd%';
    COMMIT`);
  catalogue.close();
}

/** Follows the cursors to the last page. */
async function allBackups(node: Node): Promise<readonly Backup[]> {
  const found: Backup[] = [];
  for (let query: string | undefined = 'limit=300'; query !== undefined;) {
    const answer: Response = await fetch(`${node.url}/api/servers/${node.server}/backups?fields=summary&${query}`, {
      headers: { authorization: `Bearer ${TOKEN}` },
    });
    found.push(...((await answer.json()) as readonly Backup[]));
    const [, next] = /[?&](cursor=[^&>]+)/.exec(answer.headers.get('link') ?? '') ?? [];
    query = next === undefined ? undefined : `limit=300&${next}`;
  }
  return found;
}

/** Scrolls through the whole list, and returns what each row said, in its order. */
async function rowsOf(page: Page): Promise<readonly (readonly string[])[]> {
  return page.evaluate(async () => {
    const list = document.querySelector('[role="list"][aria-label="Backups"]') as HTMLElement;
    const rows = new Map<number, string[]>();
    const drawn = (): Promise<number> =>
      new Promise((then) => void requestAnimationFrame(() => requestAnimationFrame(then)));
    for (let at = 0; at < document.body.scrollHeight; at += innerHeight / 2) {
      scrollTo(0, at);
      await drawn();
      for (const slot of list.querySelectorAll<HTMLElement>('.slot')) {
        const text = (selector: string): string => slot.querySelector(selector)?.textContent ?? '';
        const told = ['.mono', '.nm', '.num b', '.dl', '.dur'].map(text);
        rows.set(Number(slot.getAttribute('aria-posinset')), [slot.dataset['key'] ?? '', ...told]);
      }
    }
    return [...rows].sort(([one], [other]) => one - other).map(([, told]) => told);
  });
}

/** Where in the chart an attempt is, of those that the API tells newest first. */
async function chooseInChart(chart: Locator, at: number, all: number): Promise<void> {
  const { width = 0, height = 0 } = (await chart.boundingBox()) ?? {};
  // The chart begins 0.6 bars before its first and ends 0.6 behind its last one.
  await chart.click({ position: { x: (width * (all - 1 - at + 0.6)) / (all + 0.2), y: height / 2 } });
}

inChromium('a server with 2,000 backups', () => {
  test('10: list, chart and its table say of each what the API says; one that was removed stays in the chart', async () => {
    const host = await scratchHost();
    const first = await runDaemonOn(host);
    const path = `/api/servers/${nodeOn(host, first).server}/backups`;
    const made = await first.call(path, { body: {} });
    await first.call(path, { body: {} });
    const removed = (made.body as { readonly id: string }).id;
    await first.call(`${path}/delete?id=${removed}`, { method: 'DELETE' });
    await first.daemon.stop();
    inflateCatalogue(host.directory, KEPT - 1);
    spread(host.directory);
    const node = nodeOn(host, await runDaemonOn(host));
    const backups = await allBackups(node);
    expect(new Set(backups.map(({ id }) => id)).size).toBe(KEPT);
    const { attempts } = (await node.call(`/api/servers/${node.server}/history?days=90`)).body as {
      readonly attempts: readonly Attempt[];
    };
    expect(attempts).toHaveLength(KEPT + REMOVED);
    expect(attempts.at(-1)).toMatchObject({ backup: removed, goneAt: expect.any(String) });

    const { page } = await signedIn(node, SERVER, { timezoneId: timeZone });
    const list = page.getByRole('list', { name: 'Backups' });
    const rows = list.getByRole('listitem');
    await rows.first().waitFor();
    const last = async (): Promise<string | null> => {
      await page.evaluate(() => scrollTo(0, document.body.scrollHeight));
      return rows.last().getAttribute('aria-posinset');
    };
    await expect.poll(last, { timeout: 60_000, interval: 50 }).toBe(`${KEPT}`);
    expect(await rows.count()).toBeLessThanOrEqual(60);
    expect(await rowsOf(page)).toEqual(
      backups.map(({ id, createdAt, size, reusedBytes, seconds, name }) => [
        id,
        time(createdAt),
        name,
        bytes(size),
        `+${bytes(size - reusedBytes)}`,
        duration(seconds * 1000),
      ]),
    );

    await page.evaluate(() => scrollTo(0, 0));
    await page.getByText('As a table').click();
    const table = page.getByRole('region', { name: 'Growth as a table' });
    const more = table.getByRole('button', { name: /^Show \d+ more$/ });
    // The table is drawn once its element has told that it was opened.
    await more.waitFor();
    while ((await more.count()) > 0) {
      const before = await table.locator('tbody tr').count();
      await more.click();
      await expect.poll(() => table.locator('tbody tr').count(), SOON).toBeGreaterThan(before);
    }
    const cells = await table
      .locator('tbody tr')
      .evaluateAll((lines) => lines.map((line) => [...line.children].map(({ textContent }) => textContent)));
    expect(cells).toEqual(
      attempts.map(({ createdAt, goneAt, size, reusedBytes, files, seconds }) => [
        stamp(createdAt),
        goneAt === undefined ? 'kept' : 'removed since',
        bytes(size),
        bytes(size - reusedBytes),
        count(files),
        seconds === undefined ? '' : duration(seconds * 1000),
      ]),
    );

    // The chart has a place for each of them: what is chosen there is what stands there, as near as a pixel can tell.
    const chart = page.locator('.chart .u-over');
    const perPixel = attempts.length / ((await chart.boundingBox())?.width ?? 1);
    const chosen = async (): Promise<string> => new URL(page.url()).hash.split('backup=')[1] ?? '';
    for (const share of [0.02, 0.3, 0.6, 0.9]) {
      const at = Math.round(share * (KEPT - 1));
      const before = await chosen();
      const drawn = await chart.elementHandle();
      await chooseInChart(chart, at, attempts.length);
      await expect.poll(chosen, SOON).not.toBe(before);
      // The chart is drawn anew with what is chosen; a click that meets both of them is a click on neither.
      await drawn?.waitForElementState('hidden');
      const now = await chosen();
      const place = backups.findIndex(({ id }) => id === now);
      expect(Math.abs(place - at)).toBeLessThanOrEqual(Math.ceil(perPixel) + 1);
    }
    // Those that are gone have no details to show.
    const before = await chosen();
    await chooseInChart(chart, KEPT + REMOVED / 2, attempts.length);
    expect(await chosen()).toBe(before);
  });
});
