/**
 * The page in Debian's Chromium, from a daemon that runs from dist/web: build first. A visit that breaks the page's policy,
 * asks another origin, or writes an error to the console fails its test.
 */
import { existsSync, readFileSync } from 'node:fs';
import { chromium, type Browser, type BrowserContext, type BrowserContextOptions, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, onTestFinished } from 'vitest';
import { GAME_SERVER, type Host, runDaemonOn, type RunningDaemon, scratchHost, TOKEN } from '../../support/daemon.ts';
import { knownSecret } from '../../support/secret-shapes.ts';

const PROGRAM = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((path) =>
  existsSync(path),
);

/** A group of tests that need Chromium; without it each is skipped, and says so. */
export function inChromium(name: string, tests: () => void): void {
  const title = PROGRAM === undefined ? `${name} (not run: Chromium is not installed)` : name;
  describe.skipIf(PROGRAM === undefined)(title, () => {
    beforeAll(async () => {
      browser = await chromium.launch({
        executablePath: PROGRAM ?? '',
        // Chromium's own sandbox cannot be set up by root, as which containers run.
        args: ['--no-sandbox', '--disable-dev-shm-usage', '--js-flags=--expose-gc'],
      });
    });
    afterAll(async () => browser?.close());
    tests();
  });
}

/** For what is waited for; nothing is asserted of how long it takes. */
export const SOON = { timeout: 60_000, interval: 50 } as const;

let browser: Browser | undefined;

export interface Visit {
  readonly page: Page;
  readonly context: BrowserContext;
  /** What the page may not have done, so far. */
  readonly faults: string[];
}

/** A browser of its own: storage, tabs, theme. */
export async function visit(options: BrowserContextOptions = {}): Promise<Visit> {
  if (browser === undefined) throw new Error('outside of inChromium');
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  context.setDefaultTimeout(SOON.timeout);
  onTestFinished(() => context.close());
  const faults: string[] = [];
  onTestFinished(() => expect(faults).toEqual([]));
  const page = await context.newPage();
  watch(page, faults);
  context.on('page', (opened) => watch(opened, faults));
  return { page, context, faults };
}

/** Refusals that a test provokes are told on the console by the browser itself. */
const ANSWERED = /Failed to load resource: (?:the server responded with a status of|net::ERR_)/;
const SOCKET = /WebSocket connection to .* failed/;

function watch(page: Page, faults: string[]): void {
  page.on('pageerror', (error) => void faults.push(`error: ${error.message}`));
  page.on('console', (message) => {
    const text = message.text();
    if (/Content Security Policy|TrustedHTML|Trusted Type/i.test(text)) faults.push(`policy: ${text}`);
    else if (message.type() === 'error' && !ANSWERED.test(text) && !SOCKET.test(text)) faults.push(`console: ${text}`);
  });
  page.on('request', (request) => {
    const { protocol, origin } = new URL(request.url());
    const own = page.url() === 'about:blank' ? origin : new URL(page.url()).origin;
    if (protocol !== 'blob:' && protocol !== 'data:' && origin !== own) faults.push(`other origin: ${request.url()}`);
  });
}

export interface Node extends RunningDaemon {
  readonly host: Host;
  readonly server: string;
  /** A one-time link to the page. */
  readonly link: (wish?: object) => Promise<string>;
}

/** A daemon with one server. @param more YAML as for `scratchHost`. */
export async function openNode(more = ''): Promise<Node> {
  const host = await scratchHost(more);
  return nodeOn(host, await runDaemonOn(host));
}

export function nodeOn(host: Host, running: RunningDaemon): Node {
  const link = async (wish: object = {}): Promise<string> => {
    const { body } = await running.call('/api/session/links', { body: wish });
    return `${running.url}/#/in/${knownSecret((body as { code: string }).code)}`;
  };
  return { ...running, host, server: GAME_SERVER, link };
}

/**
 * Waits until no job is left. One that is done, as the page tells at once, still cleans up; until it has, its server takes
 * no other one.
 */
export async function idle(node: Pick<Node, 'call'>): Promise<void> {
  const left = async (): Promise<number> => {
    const { jobs } = (await node.call('/api/system')).body as { readonly jobs: { readonly running: number } };
    return jobs.running;
  };
  await expect.poll(left, SOON).toBe(0);
}

/** Goes to a view by its address. When this returns, the page has left what it showed: nothing of that can be pressed. */
export async function go(page: Page, hash: string): Promise<void> {
  await page.evaluate(
    (to) =>
      new Promise<void>((gone) => {
        const before = location.href;
        // Added after the page's own listener, it is called after that one.
        addEventListener('hashchange', () => gone(), { once: true });
        location.hash = to;
        if (location.href === before) gone();
      }),
    hash,
  );
}

/** Opens the page signed in, at a view. */
export async function signedIn(node: Node, hash = '#/', options: BrowserContextOptions = {}): Promise<Visit> {
  const found = await visit(options);
  await found.page.goto(await node.link());
  await found.page.getByRole('navigation', { name: 'Main' }).first().waitFor();
  await found.page.getByText('Live', { exact: true }).waitFor({ state: 'attached' });
  if (hash !== '#/') await go(found.page, hash);
  return found;
}

/**
 * Bytes of its own that the largest tab takes, as Chromium's own task manager counts them: anonymous pages of its process,
 * those that were swapped out as well.
 */
export async function tabMemory(): Promise<number> {
  const session = await browser?.newBrowserCDPSession();
  if (session === undefined) throw new Error('outside of inChromium');
  const { processInfo } = await session.send('SystemInfo.getProcessInfo');
  await session.detach();
  const taken = processInfo.filter(({ type }) => type === 'renderer').map(({ id }) => anonymousBytes(id));
  return Math.max(0, ...taken);
}

/** Of a process; 0 for one that is gone. */
function anonymousBytes(pid: number): number {
  try {
    const lines = readFileSync(`/proc/${pid}/status`, 'utf8').matchAll(/^(?:RssAnon|VmSwap):\s+(\d+) kB$/gm);
    return Array.from(lines, ([, kib]) => Number(kib) * 1024).reduce((sum, bytes) => sum + bytes, 0);
  } catch {
    return 0;
  }
}

export async function sessionSecret(page: Page): Promise<string> {
  const stored = await page.evaluate(() => [...Object.values(sessionStorage), ...Object.values(localStorage)]);
  return knownSecret(stored.find((value) => String(value).startsWith('rs_')) as string);
}

export { TOKEN };
