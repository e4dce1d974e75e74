import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import { runDaemonOn, scratchHost } from '../support/daemon.ts';
import { startDaemon } from '../support/daemon-process.ts';
import { randomBytes } from '../support/random-bytes.ts';
import { inChromium, nodeOn, openNode, signedIn, SOON } from './support/visitor.ts';

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
    expect(await bad?.locator('.hint').textContent()).not.toBe('');
    const rest = (await Promise.all(others.map((line) => line.textContent()))).join();
    expect(rest).toMatch(/00000002: .+Back up now/);
    expect(rest).toMatch(/00000003: There is no good backup.+Back up now/);
    const rows = page.getByRole('list', { name: 'Servers' }).getByRole('listitem');
    expect(await rows.last().textContent()).toContain('00000004');
  });

  test('7: of 500 servers at most 60 rows are drawn, and a filter keeps the focus while 60 change', async () => {
    const scratch = await scratchHost();
    for (let number = 1; number <= 499; number++) mkdirSync(join(scratch.directory, 'servers', id(number)));
    for (let number = 1; number <= 60; number++) {
      writeFileSync(join(scratch.directory, 'servers', id(number), 'level.dat'), 'x');
    }
    const node = nodeOn(scratch, await runDaemonOn(scratch));
    const { page } = await signedIn(node);
    await page.getByRole('button', { name: 'All 500' }).waitFor();
    const rows = page.getByRole('list', { name: 'Servers' }).getByRole('listitem');
    expect(await rows.count()).toBeLessThanOrEqual(60);
    await page.evaluate(() => {
      const held = globalThis as { longest?: number };
      held.longest = 0;
      new PerformanceObserver((list) => {
        for (const { duration } of list.getEntries()) held.longest = Math.max(held.longest ?? 0, duration);
      }).observe({ type: 'longtask' });
    });
    const problems = page.getByRole('button', { name: /^Problems/ });
    await problems.focus();
    await Promise.all(
      Array.from({ length: 60 }, (_, at) => node.call(`/api/servers/${id(at + 1)}/backups`, { body: {} })),
    );
    await page.getByRole('button', { name: 'Problems 440' }).waitFor();
    expect(await page.evaluate(() => document.activeElement?.textContent)).toBe('Problems 440');
    await page.keyboard.press('Enter');
    expect(await problems.getAttribute('aria-pressed')).toBe('true');
    expect(await rows.first().getAttribute('aria-setsize')).toBe('440');
    expect(await rows.count()).toBeLessThanOrEqual(60);
    const names = await rows.allTextContents();
    expect(names.map((name) => name.slice(0, 8))).toEqual(names.map((name) => name.slice(0, 8)).toSorted());
    console.log('the longest task, ms:', await page.evaluate(() => (globalThis as { longest?: number }).longest));
  });

  test('8: progress moves on to its end, and Cancel ends what runs', async () => {
    const node = await openNode('backups: { read_limit: 1 }');
    writeFileSync(join(node.host.server, 'large'), randomBytes(12_000_000, 3));
    const { page } = await signedIn(node);
    await page.getByRole('button', { name: 'Back up: 11111111' }).first().click();
    const bar = page.getByRole('progressbar').first();
    await bar.waitFor();
    const share = async (): Promise<number> => Number((await bar.getAttribute('value')) ?? 0);
    await expect.poll(share, { timeout: 20_000 }).toBeGreaterThan(0);
    const before = await share();
    await expect.poll(share, { timeout: 20_000 }).toBeGreaterThan(before);
    const running = page.getByRole('region', { name: 'Running now' });
    expect(await running.textContent()).toMatch(/MiB\/s|KiB\/s/);
    await running.getByRole('button', { name: /^Cancel/ }).click();
    await page.getByRole('button', { name: /^Cancel it/ }).click();
    await expect.poll(() => running.count(), SOON).toBe(0);
    const { jobs } = (await node.call('/api/jobs')).body as { readonly jobs: readonly { readonly state: string }[] };
    expect(jobs.map(({ state }) => state)).toEqual(['cancelled']);
  });

  test('9: a daemon that is killed in a job and started again is told of, and the page shows what is then', async () => {
    const scratch = await scratchHost('backups: { read_limit: 1 }');
    writeFileSync(join(scratch.server, 'large'), randomBytes(20_000_000, 4));
    const first = await startDaemon(scratch, { built: true });
    const { port } = new URL(first.url);
    const host = { ...scratch, config: scratch.config.replace('port: 0', `port: ${port}`) };
    const { page } = await signedIn(nodeOn(host, { ...first, daemon: { stop: () => first.kill() } as never }));
    await page.getByRole('button', { name: 'Back up: 11111111' }).first().click();
    await page.getByRole('progressbar').first().waitFor();
    await first.kill();
    await page.getByText(/Not connected, last heard \d\d:\d\d/).waitFor();
    const second = await startDaemon(host, { built: true });
    await page.getByText('Live', { exact: true }).waitFor();
    await expect.poll(() => page.getByText(/Not connected/).count(), SOON).toBe(0);
    const { body } = await second.call('/api/servers?with=overview');
    const [server] = body as readonly {
      readonly overview: { readonly problems: readonly { readonly code: string }[] };
    }[];
    expect(server?.overview.problems.map(({ code }) => code)).toEqual(['failing', 'never']);
    await page
      .getByRole('region', { name: 'Needs attention' })
      .getByRole('button', { name: /^Try again/ })
      .waitFor();
    expect(await page.getByRole('progressbar').count()).toBe(0);
    await second.kill();
  });
});
