import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { Page, Request } from 'playwright-core';
import { expect, test } from 'vitest';
import { dice, emptyDirectory, randomTree, shapeOf } from '../support/random-tree.ts';
import { go, idle, inChromium, type Node, openNode, signedIn, SOON } from './support/visitor.ts';

const SERVER = '#/servers/11111111-1111-4111-8111-111111111111';
/** Random trees, each restored over another, the modes in turn. PREVIEW_SEED is the dice. */
const TREES = Number(process.env['PAGE_TREES'] ?? 50);
const SEED = Number(process.env['PREVIEW_SEED'] ?? 20);
const MODES = ['lay-over', 'exact', 'keep-ignored'] as const;
const IGNORE = ['*.txt', '!world/log.txt'];
const CLASSES = ['added', 'changed', 'deleted'] as const;

/** The bodies of what the page sent to an address that ends so, and the ids that were answered. */
function sentTo(page: Page, ending: string): Request[] {
  const sent: Request[] = [];
  page.on('request', (request) => {
    if (new URL(request.url()).pathname.endsWith(ending)) sent.push(request);
  });
  return sent;
}

async function idIn(request: Request | undefined): Promise<string> {
  const answer = await request?.response();
  if (answer === undefined || answer === null) throw new Error('nothing was answered');
  return ((await answer.json()) as { readonly id: string }).id;
}

/** Events of the page's sockets, from the next one it opens, by their type; progress left out. */
function framesOf(page: Page): ReadonlyMap<string, number> {
  const types = new Map<string, number>();
  page.on('websocket', (socket) =>
    socket.on('framereceived', ({ payload }) => {
      const { type } = JSON.parse(String(payload)) as { readonly type: string };
      if (!type.endsWith('.progress') && type !== 'snapshot' && type !== 'alive')
        types.set(type, (types.get(type) ?? 0) + 1);
    }),
  );
  return types;
}

/** What the page says would happen: each path by its class, from its numbers and its list. */
async function saidBy(page: Page): Promise<{ readonly counts: number[]; readonly lines: string[][] }> {
  const counts: number[] = [];
  const lines: string[][] = [];
  const region = page.getByRole('region', { name: 'Each change' });
  for (const name of CLASSES) {
    const button = page.getByRole('button', { name: `Show what is ${name}` });
    await button.click();
    await expect.poll(() => button.getAttribute('aria-pressed'), SOON).toBe('true');
    const more = region.getByRole('button', { name: 'Show more' });
    while ((await more.count()) > 0) {
      const before = await region.locator('.f').count();
      await more.click();
      await expect.poll(() => region.locator('.f').count(), SOON).toBeGreaterThan(before);
    }
    const shown = await region
      .locator('.f')
      .evaluateAll((rows) =>
        rows.map((row) => [row.querySelector('.hidden')?.textContent, row.querySelector('bdi')?.textContent] as const),
      );
    expect(shown.filter(([of]) => of !== name)).toEqual([]);
    lines.push(shown.map(([, path]) => path ?? '').sort());
    counts.push(Number(await button.locator('xpath=following-sibling::b[1]').textContent()));
  }
  return { counts, lines };
}

const asShown = (paths: readonly string[], shape: ReadonlyMap<string, string>): string[] =>
  paths.map((path) => (shape.get(path) === 'directory' ? `${path}/` : path)).sort();

/** Opens a backup, chooses a mode and waits until the page shows what that would do. */
async function preview(page: Page, id: string, mode: (typeof MODES)[number]): Promise<void> {
  const wanted = mode === 'lay-over' ? {} : { truncate: true, keepIgnored: mode === 'keep-ignored' };
  const answered = page.waitForResponse(
    (response) =>
      response.url().endsWith(`${id}/preview`) && isDeepStrictEqual(response.request().postDataJSON(), wanted),
  );
  await go(page, `${SERVER}/backups/${id}`);
  if (mode !== 'lay-over') await page.getByText('Make the server exactly as it was').click();
  if (mode === 'exact') await page.getByLabel('Leave what backups leave out').uncheck();
  await answered;
  await page.getByText(/^looked at/).waitFor();
}

inChromium('previews', () => {
  test(`14: on ${TREES} random trees a preview is what the restore then does, in every mode, and is no job and no event`, async () => {
    const roll = dice(SEED);
    const node = await openNode();
    const { page } = await signedIn(node);
    const frames = framesOf(page);
    await page.reload();
    await page.getByText('Live', { exact: true }).waitFor({ state: 'attached' });
    const previews = sentTo(page, '/preview');
    const restores = sentTo(page, '/restore');
    const { server } = node.host;
    let [backups, none] = [0, 0];
    for (let round = 0; round < TREES; round++) {
      emptyDirectory(server);
      randomTree(server, roll, 0, true);
      const made = await node.call(`/api/servers/${node.server}/backups`, { body: { ignore: IGNORE } });
      expect(made.status).toBe(201);
      backups++;
      const { id } = made.body as { readonly id: string };
      const mode = MODES[round % MODES.length] ?? 'exact';
      const about = `tree ${round} of seed ${SEED}, ${mode}`;
      emptyDirectory(server);
      randomTree(server, roll, 0, true);
      const [before, sizesBefore] = [shapeOf(server), shapeOf(server, 'sizes')];
      await preview(page, id, mode);
      const button = page.locator('.foot button').first();
      const { counts, lines } = await saidBy(page);
      expect(shapeOf(server), about).toEqual(before);
      if ((await button.textContent()) === 'Nothing to restore') {
        none++;
        expect(lines, about).toEqual([[], [], []]);
        continue;
      }
      const name = page.getByLabel(/Type its name/);
      if ((await name.count()) > 0) await name.fill('11111111');
      const first = page.getByLabel('Back the server up first');
      if ((await first.count()) > 0) await first.uncheck();
      await button.click();
      await page.getByRole('heading', { name: 'Restored' }).waitFor();
      await idle(node);
      expect(restores.at(-1)?.postDataJSON(), about).toMatchObject({ preview: await idIn(previews.at(-1)) });
      const [after, sizesAfter] = [shapeOf(server), shapeOf(server, 'sizes')];
      const added = [...after.keys()].filter((path) => !before.has(path));
      const deleted = [...before.keys()].filter((path) => !after.has(path));
      const changed = [...sizesAfter]
        .filter(([path, what]) => before.has(path) && sizesBefore.get(path) !== what)
        .map(([path]) => path);
      expect(lines, about).toEqual([asShown(added, after), asShown(changed, after), asShown(deleted, before)]);
      const files = (paths: readonly string[], shape: ReadonlyMap<string, string>): number =>
        paths.filter((path) => shape.get(path) !== 'directory').length;
      expect(counts, about).toEqual([files(added, after), files(changed, after), files(deleted, before)]);
    }
    const restored = TREES - none;
    expect(restores).toHaveLength(restored);
    expect(previews.length).toBeGreaterThanOrEqual(TREES);
    expect(none).toBeLessThan(TREES / 4);
    const jobs = await kinds(node);
    const ofKind = (kind: string): number => jobs.filter((each) => each === kind).length;
    expect([ofKind('backup'), ofKind('restore'), jobs.length]).toEqual([backups, restored, backups + restored]);
    await expect
      .poll(() => Object.fromEntries(frames), SOON)
      .toEqual({
        'backup.started': backups,
        'backup.completed': backups,
        'restore.started': restored,
        'restore.completed': restored,
        // That a job of it begins, and that it has ended.
        'server.status': 2 * (backups + restored),
      });
  });

  test('15: what changed since the preview is told before the restore begins, and the request carries the preview’s id', async () => {
    const node = await openNode();
    writeFileSync(join(node.host.server, 'ops.json'), 'x'.repeat(2048));
    const { body } = await node.call(`/api/servers/${node.server}/backups`, { body: {} });
    rmSync(join(node.host.server, 'ops.json'));
    const { page } = await signedIn(node, `${SERVER}/backups/${(body as { id: string }).id}`);
    const previews = sentTo(page, '/preview');
    const restores = sentTo(page, '/restore');
    await page.getByText('Make the server exactly as it was').click();
    const button = page.getByRole('button', { name: 'Restore 1 file', exact: true });
    await button.waitFor();
    expect(await page.getByRole('region', { name: 'Each change' }).textContent()).toContain('ops.json2 KiB');
    expect(await kinds(node)).toEqual(['backup']);
    await changesMeanwhile(node);
    const seen = await idIn(previews.at(-1));
    await button.click();
    await page.getByText('it would do something else than was previewed').waitFor();
    await page.getByText('made-later.txt').first().waitFor();
    expect(restores.at(-1)?.postDataJSON()).toMatchObject({ preview: seen });
    // Nothing began: no job, and nothing is as the preview said.
    expect(await kinds(node)).toEqual(['backup']);
    expect(existsSync(join(node.host.server, 'ops.json'))).toBe(false);
    await page.getByRole('button', { name: 'Show what is deleted' }).click();
    await expect.poll(() => page.getByRole('region', { name: 'Each change' }).textContent()).not.toContain('ops.json');
    await page.getByRole('button', { name: 'Back up, then restore' }).click();
    await page.getByRole('heading', { name: 'Restored' }).waitFor();
    const renewed = await idIn(previews.at(-1));
    expect(renewed).not.toBe(seen);
    expect(restores.at(-1)?.postDataJSON()).toMatchObject({ preview: renewed });
    expect(existsSync(join(node.host.server, 'ops.json'))).toBe(true);
    expect(existsSync(join(node.host.server, 'made-later.txt'))).toBe(false);
    expect((await node.call(`/api/servers/${node.server}/backups`)).body).toHaveLength(2);
  });
});

async function changesMeanwhile(node: Node): Promise<void> {
  writeFileSync(join(node.host.server, 'made-later.txt'), 'not in the backup');
}

async function kinds(node: Node): Promise<string[]> {
  const { jobs } = (await node.call('/api/jobs?limit=1000')).body as {
    readonly jobs: readonly { readonly kind: string }[];
  };
  return jobs.map(({ kind }) => kind);
}
