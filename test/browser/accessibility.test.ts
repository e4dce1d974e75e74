import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import axe from 'axe-core';
import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { go, inChromium, openNode, signedIn, SOON, visit } from './support/visitor.ts';

/** Left for who looks at them; not part of the repository. */
const PICTURES = fileURLToPath(new URL('../../.browser/', import.meta.url));

const SERVER = '#/servers/11111111-1111-4111-8111-111111111111';

const VIEWS = [
  ['overview', '#/', 'heading:needs you|protected'],
  ['browse', `${SERVER}/backups/BACKUP`, 'heading:What will happen|Browse and restore'],
  ['find', `${SERVER}/find?q=level`, 'heading:1 path'],
  ['server', SERVER, 'heading:Backups'],
  ['account', '#/account', 'heading:Account'],
  ['jobs', '#/jobs', 'heading:Jobs'],
  ['schedules', '#/schedules', 'heading:Schedules'],
  ['health', '#/health', 'heading:finding|in order'],
] as const;

async function violations(page: Page): Promise<readonly string[]> {
  await page.evaluate(`${axe.source}; undefined`);
  const { violations: found } = await page.evaluate<axe.AxeResults>(
    'axe.run(document, { resultTypes: ["violations"] })',
  );
  return found.flatMap(({ id, nodes }) =>
    nodes.slice(0, 3).map(({ html, any }) => `${id}: ${html} ${any[0]?.message}`),
  );
}

/** Text or controls cut off or beside the picture are as bad as an unreachable one. */
async function overflow(page: Page): Promise<readonly string[]> {
  return page.evaluate(() => {
    const { scrollWidth, clientWidth } = document.documentElement;
    if (scrollWidth <= clientWidth) return [];
    const wide = Array.from(document.querySelectorAll('body *')).filter(
      (element) => element.getBoundingClientRect().right > clientWidth,
    );
    return [`${scrollWidth} of ${clientWidth}`, ...wide.map((element) => element.outerHTML.slice(0, 100))];
  });
}

/** Whatever a finger is to meet, but for links that stand in a sentence: those are as high as its lines. */
async function smallTargets(page: Page): Promise<readonly string[]> {
  return page.evaluate(() => {
    const inSentence = (element: Element): boolean =>
      getComputedStyle(element).display === 'inline' &&
      Array.from(element.parentElement?.childNodes ?? []).some(
        (node) => node !== element && node.nodeType === Node.TEXT_NODE && (node.textContent ?? '').trim() !== '',
      );
    return (
      Array.from(document.querySelectorAll<HTMLElement>('a[href], button, input, select, textarea, summary'))
        .filter((element) => element.checkVisibility() && !inSentence(element))
        .map((element) => ({ element, own: element.getBoundingClientRect() }))
        .filter(({ own }) => own.width > 1 && own.height > 1)
        // A checkbox is pressed by its whole label.
        .map(({ element, own }) => ({ element, box: element.closest('label')?.getBoundingClientRect() ?? own }))
        .filter(({ box }) => box.width < 24 || box.height < 24)
        .map(({ element, box }) => `${element.outerHTML.slice(0, 120)} ${box.width} × ${box.height}`)
    );
  });
}

/** Waits until nothing is still to come: a view of which only the heading is there has no faults. */
async function drawn(page: Page): Promise<void> {
  const coming = page.getByRole('status', { name: 'Loading' }).or(page.getByText('Looking…', { exact: true }));
  await expect.poll(() => coming.count(), SOON).toBe(0);
}

async function examine(page: Page, view: string): Promise<void> {
  mkdirSync(PICTURES, { recursive: true });
  for (const colorScheme of ['light', 'dark'] as const) {
    for (const width of [1280, 390]) {
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      await page.setViewportSize({ width, height: 900 });
      await page.evaluate(() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))));
      await page.screenshot({ path: `${PICTURES}${view}-${width}-${colorScheme}.png`, fullPage: true });
      expect(await violations(page), `${view}, ${colorScheme}, ${width} px`).toEqual([]);
      expect(await overflow(page), `${view} at ${width} px`).toEqual([]);
      expect(await smallTargets(page), `${view} at ${width} px`).toEqual([]);
    }
  }
  await page.setViewportSize({ width: 320, height: 800 });
  expect(await overflow(page), `${view} at 320 px`).toEqual([]);
  expect(await smallTargets(page), `${view} at 320 px`).toEqual([]);
}

inChromium('each view', () => {
  test('22, 23: signing in has no fault of access in either theme, and no scroll at 320 px', async () => {
    const node = await openNode();
    const { page } = await visit();
    await page.goto(node.url);
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
    await examine(page, 'signin');
  });

  test.each(VIEWS)(
    '22, 23: %s has no fault of access in either theme, and no scroll at 320 px',
    async (name, hash, sign) => {
      const node = await openNode();
      const made = { name: 'before the update', locked: true };
      const { body } = await node.call(`/api/servers/${node.server}/backups`, { body: made });
      const { page } = await signedIn(node, hash.replace('BACKUP', (body as { readonly id: string }).id));
      const [, text = ''] = sign.split(':');
      await page
        .getByRole('heading', { name: new RegExp(text) })
        .first()
        .waitFor();
      await drawn(page);
      await examine(page, name);
    },
  );

  test('22, 23: changes, a file that is shown, and the sheet of a small screen have no fault either', async () => {
    const node = await openNode();
    const path = `/api/servers/${node.server}/backups`;
    await node.call(path, { body: {} });
    writeFileSync(join(node.host.server, 'eula.txt'), 'eula=false\n');
    const { body } = await node.call(path, { body: {} });
    const { page } = await signedIn(node, SERVER);
    await page.getByRole('tab', { name: 'Changes' }).click();
    await page.getByRole('region', { name: 'Each change' }).waitFor();
    await examine(page, 'changes');
    await go(page, `${SERVER}/backups/${(body as { id: string }).id}`);
    await page.getByRole('button', { name: 'eula.txt', exact: true }).click();
    await page.getByRole('region', { name: 'Content' }).waitFor();
    await examine(page, 'content');
    await page.keyboard.press('Escape');
    await page.setViewportSize({ width: 390, height: 800 });
    await page.getByRole('checkbox', { name: 'Select eula.txt' }).check();
    const open = page.getByRole('button', { name: '1 selected: restore…' });
    await open.click();
    await page.getByText('Nothing to restore').waitFor();
    expect(await violations(page)).toEqual([]);
    await page.setViewportSize({ width: 320, height: 800 });
    expect(await overflow(page)).toEqual([]);
    await page.screenshot({ path: `${PICTURES}sheet-320.png` });
    await page.keyboard.press('Escape');
    expect(await open.getAttribute('aria-expanded')).toBe('false');
    expect(await page.evaluate(() => document.activeElement?.textContent)).toBe('1 selected: restore…');
  });
});
