import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { isDeepStrictEqual } from 'node:util';
import { Cron } from 'croner';
import { expect, test } from 'vitest';
import { BUILT, roost } from '../e2e/roost-process.ts';
import { GAME_SERVER, runDaemonOn, scratchHost } from '../support/daemon.ts';
import { go, inChromium, nodeOn, openNode, signedIn, SOON, visit } from './support/visitor.ts';

const SERVER = '#/servers/11111111-1111-4111-8111-111111111111';

interface Finding {
  readonly check: string;
  readonly level: string;
  readonly message: string;
  readonly hint?: string;
}

/** Adds ended jobs, the newest of them, to a catalogue that no daemon has open. */
function addVerifications(directory: string, jobs: number): void {
  const catalogue = new DatabaseSync(join(directory, 'state', 'catalogue.sqlite'));
  const add = catalogue.prepare(`
    INSERT INTO jobs (id, kind, server, backup, state, phase, request, created_at, started_at, ended_at)
    SELECT :id, 'verify', server, backup, 'done', phase, '{}', created_at + :at, created_at + :at, created_at + :at
    FROM jobs ORDER BY seq LIMIT 1`);
  catalogue.exec('BEGIN');
  for (let at = 1; at <= jobs; at++) {
    add.run({ id: `cccccccc-0000-4000-8000-${at.toString(16).padStart(12, '0')}`, at });
  }
  catalogue.exec('COMMIT');
  catalogue.close();
}

/** The day, where it is named, and the time. */
const BERLIN = {
  timeZone: 'Europe/Berlin',
  day: 'numeric',
  month: 'short',
  hour: '2-digit',
  minute: '2-digit',
} as const;

function inBerlin(time: Date): string {
  const parts = new Intl.DateTimeFormat('en-GB', BERLIN).formatToParts(time);
  const part = (type: string): string => parts.find((each) => each.type === type)?.value ?? '';
  return `${part('day')} ${part('month')} ${part('hour')}:${part('minute')}`;
}

/** As the page writes it: `today 16:00`, `29 Mar 03:30`, or with the year. */
function timeIn(text: string, now: Date): string {
  const [, day = '', clock = ''] = /^(.*) (\d\d:\d\d)$/.exec(text) ?? [];
  const ahead = ['today', 'tomorrow'].indexOf(day);
  if (ahead < 0) return `${day.replace(/ \d{4}$/, '')} ${clock}`;
  // By the calendar: two days of the year have not 24 hours.
  const [date, month] = inBerlin(now).split(' ');
  const noon = new Date(`${date} ${month} ${now.getUTCFullYear()} 12:00 UTC`);
  return `${inBerlin(new Date(noon.getTime() + ahead * 86_400_000)).slice(0, -6)} ${clock}`;
}

interface Jobs {
  readonly jobs: readonly { readonly id: string; readonly kind: string; readonly state: string }[];
}

inChromium('the views of the node', () => {
  test('19: jobs are filtered by what came of them and by kind, and older ones come as the list is scrolled', async () => {
    const host = await scratchHost();
    const first = await runDaemonOn(host);
    await first.call(`/api/servers/${GAME_SERVER}/backups`, { body: {} });
    await first.daemon.stop();
    addVerifications(host.directory, 350);
    const node = nodeOn(host, await runDaemonOn(host));
    const { page } = await signedIn(node, '#/jobs');
    const rows = page.getByRole('list', { name: 'Ended jobs' }).getByRole('listitem');
    await rows.first().waitFor();
    const known = async (): Promise<number> => {
      await page.evaluate(() => scrollTo(0, document.body.scrollHeight));
      return Number(await rows.first().getAttribute('aria-setsize'));
    };
    await expect.poll(known, SOON).toBe(((await node.call('/api/jobs?limit=1000')).body as Jobs).jobs.length);
    expect(await rows.first().getAttribute('aria-setsize')).toBe('351');
    const oldest = async (): Promise<string | null> => {
      await page.evaluate(() => scrollTo(0, document.body.scrollHeight));
      return rows.last().textContent();
    };
    await expect.poll(oldest, SOON).toMatch(/backup .+done.*2 files/);
    await page.getByLabel('Kind').selectOption('Backups');
    await expect.poll(() => rows.count(), SOON).toBe(1);
    await page.getByLabel('Result').selectOption('failed');
    await page.getByText('None of that sort.').waitFor();
  });

  test('a view whose script arrives after it was asked for and before anything was done about that is drawn', async () => {
    const node = await openNode();
    const { page } = await visit();
    await page.clock.install();
    const held = Promise.withResolvers<void>();
    await page.route(/\/assets\/server-.*\.js$/, async (route) => {
      await held.promise;
      await route.continue();
    });
    const ahead = page.waitForRequest(/\/assets\/server-.*\.js$/);
    await page.goto(await node.link());
    const script = (await ahead).url();
    // With the clock stands what the page does after it has drawn.
    await page.clock.pauseAt(new Date(Date.now() + 60_000));
    await go(page, SERVER);
    await page.getByRole('status', { name: 'Loading' }).first().waitFor();
    held.resolve();
    await page.evaluate(`import(${JSON.stringify(script)})`);
    await page.clock.resume();
    await page.getByRole('heading', { name: 'Backups' }).waitFor();
  });

  test('19: the next times of a schedule are those of croner, across a change to summer time', async () => {
    // The second never comes at its time: on that night, the clock goes from 02:00 to 03:00.
    const crons = ['0 4 * * *', '30 2 * 3 SUN#L', '15 */6 * * *'];
    const node = await openNode(
      `schedules: [ ${crons.map((cron) => `{ server: "*", cron: "${cron}", timezone: Europe/Berlin }`).join(', ')} ]`,
    );
    const begun = new Date();
    const { page } = await signedIn(node, '#/schedules', { timezoneId: 'Europe/Berlin' });
    const words = ['daily at 04:00', '30 2 * 3 SUN#L', 'every 6 hours at 15 past'];
    for (const [at, cron] of crons.entries()) {
      const card = page.getByRole('region', { name: `Schedule ${cron}` });
      expect(await card.getByRole('heading').textContent()).toBe(`${words[at]} Europe/Berlin`);
      const told =
        (await card.locator('dt', { hasText: 'Next' }).locator('xpath=following-sibling::dd[1]').textContent()) ?? '';
      // A run or midnight may have come since: the daemon counted, and the page wrote, at some time between these two.
      const between = [begun, new Date()];
      const runs = between.map((from) => new Cron(cron, { timezone: 'Europe/Berlin' }).nextRuns(3, from));
      const written = between.map((now) => told.split(' · ').map((text) => timeIn(text, now)));
      const wanted = runs.map((times) => times.map((time) => inBerlin(time)));
      expect(
        written.some((times) => wanted.some((each) => isDeepStrictEqual(each, times))),
        `${told}: ${JSON.stringify(wanted)}`,
      ).toBe(true);
      const [times = []] = runs;
      if (at !== 1) continue;
      // Each of those nights has no 02:30: the run is at the end of the hour that is left out.
      expect(times.map((time) => inBerlin(time).slice(-5))).toEqual(['03:00', '03:00', '03:00']);
    }
  });

  test('19: health is what the doctor finds, worst first', async () => {
    const node = await openNode();
    const { findings } = (await node.call('/api/doctor')).body as { readonly findings: readonly Finding[] };
    const { page } = await signedIn(node, '#/health');
    await page.getByText('in order').first().click();
    const shown = page.locator('main .att');
    await expect.poll(() => shown.count(), SOON).toBe(findings.length);
    const told = await shown.evaluateAll((lines) =>
      lines.map((line) => [
        line.querySelector('[title]')?.getAttribute('title'),
        line.querySelector('.what')?.textContent,
        line.querySelector('.hint')?.textContent,
      ]),
    );
    const levels = told.map(([level]) => ['fault', 'warning', 'ok'].indexOf(level ?? ''));
    expect(levels).toEqual(levels.toSorted((one, other) => one - other));
    expect(levels[0]).toBeLessThan(2);
    // The command says the same, beside what only a look from outside of the daemon can say.
    const file = join(node.host.directory, 'config.yml');
    writeFileSync(file, node.host.config.replace('port: 0', `port: ${new URL(node.url).port}`), { mode: 0o600 });
    const { stdout } = await roost(['doctor', '--config', file, '--json'], { cwd: node.host.directory, main: BUILT });
    const printed = (JSON.parse(stdout) as { readonly findings: readonly Finding[] }).findings;
    const lines = (all: readonly (readonly unknown[])[]): string[] =>
      all.map((line) => JSON.stringify(line).replace(/T\d.*?Z|[\d.]+ GiB/, '')).sort();
    const checks = new Set(findings.map(({ check }) => check));
    expect(lines(told)).toEqual(
      lines(printed.filter(({ check }) => checks.has(check)).map(({ level, message, hint }) => [level, message, hint])),
    );
  });

  test('19: retention lets go what it says, at once', async () => {
    const node = await openNode('retention: { keep_last: 2 }');
    const path = `/api/servers/${node.server}/backups`;
    for (let round = 0; round < 3; round++) {
      writeFileSync(join(node.host.server, 'round'), `${round}`);
      await node.call(path, { body: { name: `round ${round}`, locked: true } });
    }
    const list = (await node.call(path)).body as readonly { readonly id: string; readonly name: string }[];
    for (const { id } of list) await node.call(`${path}/lock?id=${id}`, { method: 'PATCH', body: { locked: false } });
    const { page } = await signedIn(node, SERVER);
    await page.getByText('1 would go').waitFor();
    await page.getByRole('button', { name: 'which?' }).click();
    await page.getByRole('dialog').getByText('round 0').waitFor();
    await page.getByRole('button', { name: 'Remove 1 backup now' }).click();
    await page.getByText('nothing would go').waitFor();
    const left = (await node.call(path)).body as readonly { readonly name: string }[];
    expect(left.map(({ name }) => name)).toEqual(['round 2', 'round 1']);
  });
});
