import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Cron } from 'croner';
import { expect, test } from 'vitest';
import { inChromium, openNode, signedIn, SOON, visit } from './support/visitor.ts';

const SERVER = '#/servers/11111111-1111-4111-8111-111111111111';

interface Jobs {
  readonly jobs: readonly { readonly id: string; readonly kind: string; readonly state: string }[];
}

inChromium('the views of the node', () => {
  test('19: jobs are filtered by what came of them and by kind, and older ones come as the list is scrolled', async () => {
    const node = await openNode();
    const path = `/api/servers/${node.server}/backups`;
    const { body } = await node.call(path, { body: {} });
    const { id } = body as { readonly id: string };
    for (let round = 0; round < 110; round++) await node.call(`${path}/${id}/verify`, { method: 'POST' });
    const { page } = await signedIn(node, '#/jobs');
    const rows = page.getByRole('list', { name: 'Ended jobs' }).getByRole('listitem');
    await rows.first().waitFor();
    const known = async (): Promise<number> => {
      await page.evaluate(() => scrollTo(0, document.body.scrollHeight));
      return Number(await rows.first().getAttribute('aria-setsize'));
    };
    await expect.poll(known, SOON).toBe(((await node.call('/api/jobs')).body as Jobs).jobs.length);
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
    await page.evaluate((to) => void (location.hash = to), SERVER);
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
    const { page } = await signedIn(node, '#/schedules', { timezoneId: 'Europe/Berlin' });
    const words = ['daily at 04:00', '30 2 * 3 SUN#L', 'every 6 hours at 15 past'];
    for (const [at, cron] of crons.entries()) {
      const card = page.getByRole('region', { name: `Schedule ${cron}` });
      expect(await card.getByRole('heading').textContent()).toBe(`${words[at]} Europe/Berlin`);
      const times = new Cron(cron, { timezone: 'Europe/Berlin' }).nextRuns(3);
      const shown = times.map((time) =>
        new Intl.DateTimeFormat('en-GB', { timeZone: 'Europe/Berlin', hour: '2-digit', minute: '2-digit' }).format(
          time,
        ),
      );
      const text = (await card.textContent()) ?? '';
      const [, next = ''] = /Next(.*?)(?:Last|Missed|$)/.exec(text) ?? [];
      expect(next.split(' · ').map((each) => each.slice(-5))).toEqual(shown);
    }
  });

  test('19: health is what the doctor finds, worst first', async () => {
    const node = await openNode();
    const { findings } = (await node.call('/api/doctor')).body as {
      readonly findings: readonly { readonly level: string; readonly message: string }[];
    };
    const { page } = await signedIn(node, '#/health');
    await page.getByText('in order').first().click();
    const shown = page.locator('main .att .what');
    await expect.poll(() => shown.count(), SOON).toBe(findings.length);
    const timeless = (texts: readonly string[]): string[] => texts.map((text) => text.replace(/T\d.*Z/, '')).sort();
    const told = timeless(await shown.allTextContents());
    expect(told).toEqual(timeless(findings.map(({ message }) => message)));
    expect(findings.some(({ level }) => level !== 'ok')).toBe(true);
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
