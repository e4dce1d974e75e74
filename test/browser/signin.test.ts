import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { Dialog, Page } from 'playwright-core';
import { expect, onTestFinished, test } from 'vitest';
import { parseConfig } from '../../src/config/config.ts';
import { runDaemonOn, scratchHost } from '../support/daemon.ts';
import { go, inChromium, nodeOn, openNode, sessionSecret, signedIn, SOON, TOKEN, visit } from './support/visitor.ts';

/** Within which a session that ended has ended in all tabs. */
const ENDED_MS = 1000;

/** Notes, by the page's own clock, when the sign-in page comes. @returns that time, in ms since 1970; 0 for not yet. */
async function watchSignIn(page: Page): Promise<() => Promise<number>> {
  await page.evaluate(() => {
    const seen = { at: 0 };
    (globalThis as { signedOut?: object }).signedOut = seen;
    const look = (): void => {
      if (seen.at === 0 && document.querySelector('h1')?.textContent === 'Sign in') seen.at = Date.now();
    };
    new MutationObserver(look).observe(document.body, { subtree: true, childList: true, characterData: true });
  });
  return () => page.evaluate(() => (globalThis as unknown as { signedOut: { readonly at: number } }).signedOut.at);
}

/**
 * Ends the session by `act`, and expects each tab to show the sign-in page, and each socket to close, soon after.
 *
 * @param act returns when it began, if that was not at once.
 */
async function endsIn(tabs: readonly Page[], act: () => unknown): Promise<void> {
  const closed: number[] = [];
  // A socket that opens from now on is followed: none of before may still be on its way.
  await Promise.all(tabs.map((tab) => tab.getByText('Live', { exact: true }).waitFor()));
  for (const tab of tabs) {
    tab.on('websocket', (socket) => socket.on('close', () => void closed.push(Date.now())));
    await tab.reload();
  }
  await Promise.all(tabs.map((tab) => tab.getByText('Live', { exact: true }).waitFor()));
  const watched = await Promise.all(tabs.map((tab) => watchSignIn(tab)));
  closed.length = 0;
  const called = Date.now();
  const begun = await act();
  const from = typeof begun === 'number' ? begun : called;
  await Promise.all(tabs.map((tab) => tab.getByRole('heading', { name: 'Sign in' }).waitFor(SOON)));
  await expect.poll(() => closed, SOON).toHaveLength(tabs.length);
  const after = [...(await Promise.all(watched.map((seen) => seen()))), ...closed].map((at) => at - from);
  console.log({ endedMs: after });
  expect(Math.max(...after)).toBeLessThanOrEqual(ENDED_MS);
}

inChromium('signing in', () => {
  test('1: a link shows the server signed in, leaves no code in the address, and says when it is used again', async () => {
    const node = await openNode();
    const link = await node.link();
    const { page } = await visit();
    await page.goto(link);
    await page.getByRole('list', { name: 'Servers' }).getByText('11111111').first().waitFor();
    expect(page.url()).toBe(`${node.url}/#/`);
    const other = await visit();
    await other.page.goto(link);
    await other.page.getByText('Cannot sign in: this link was used already').waitFor();
    expect(other.page.url()).toBe(`${node.url}/#/`);
  });

  test('2: a wrong token is refused with its words, the eleventh with 429; storage holds the session only', async () => {
    const node = await openNode();
    const { page } = await visit();
    await page.goto(node.url);
    const tryToken = async (token: string): Promise<void> => {
      await page.getByLabel('or paste that link or a token of the config').fill(token);
      await page.getByRole('button', { name: 'Sign in' }).click();
    };
    await tryToken('wrong-wrong-wrong-wrong');
    await page.getByText('Cannot sign in: there is no such token').waitFor();
    await tryToken(TOKEN);
    await page.getByRole('heading', { level: 1 }).getByText('needs you').waitFor();
    const secret = await sessionSecret(page);
    const stored = await page.evaluate(() => JSON.stringify([sessionStorage, localStorage]));
    expect(stored.split(secret)).toHaveLength(2);
    expect(stored).not.toContain(TOKEN);
    // One whose failures all fall into the minute in which they count, however long it took to get here.
    const another = await openNode();
    const other = await visit();
    await other.page.goto(another.url);
    for (let at = 0; at < 10; at++) {
      const { status } = await fetch(`${another.url}/api/session`, { method: 'POST', body: '{"token":"wrong"}' });
      expect(status).toBe(401);
    }
    await other.page.getByLabel('or paste that link or a token of the config').fill(TOKEN);
    await other.page.getByRole('button', { name: 'Sign in' }).click();
    await other.page.getByText('too many failures from this address').waitFor();
  });

  test('2: a link that is too old, and a token that holds less by now, are told of in the right words', async () => {
    const scratch = await scratchHost();
    const first = nodeOn(scratch, await runDaemonOn(scratch));
    const [, fragment = ''] = (await first.link()).split('#');
    await first.daemon.stop();
    const catalogue = new DatabaseSync(join(scratch.directory, 'state', 'catalogue.sqlite'));
    catalogue.exec('UPDATE session_links SET expires_at = unixepoch() * 1000 - 1000');
    catalogue.close();
    const node = nodeOn(scratch, await runDaemonOn(scratch));
    const { page } = await visit();
    await page.goto(`${node.url}/#${fragment}`);
    await page.getByText('Cannot sign in: this link has expired').waitFor();
    expect(page.url()).toBe(`${node.url}/#/`);

    const signed = await signedIn(node);
    await signed.page.getByRole('button', { name: 'Back up: 11111111' }).first().waitFor();
    const narrowed = scratch.config.replace('permissions: ["*"]', 'permissions: [backup.read]');
    node.daemon.reload(parseConfig('config.yml', narrowed, {}));
    await signed.page.getByText('Your session has ended').waitFor();
    await signed.page.getByLabel('or paste that link or a token of the config').fill(TOKEN);
    await signed.page.getByRole('button', { name: 'Sign in' }).click();
    await signed.page.getByRole('list', { name: 'Servers' }).getByText('11111111').first().waitFor();
    expect(await signed.page.getByRole('button', { name: /^Back up/ }).count()).toBe(0);
    expect(await signed.page.getByRole('link', { name: 'Health' }).count()).toBe(0);
    const refused = await fetch(`${node.url}/api/servers/${node.server}/backups`, {
      method: 'POST',
      headers: { authorization: `Bearer ${await sessionSecret(signed.page)}` },
      body: '{}',
    });
    expect(refused.status).toBe(403);
  });

  test('3: a page on another port gets neither cookie nor storage, and its requests are 401', async () => {
    const node = await openNode();
    const { page, context, faults } = await signedIn(node);
    const headers: (string | undefined)[] = [];
    const stranger = createServer((request, response) => {
      headers.push(request.headers.cookie, request.headers.authorization);
      response.setHeader('content-type', 'text/html').end('<!doctype html><link rel="icon" href="data:,"><p>hello');
    });
    await new Promise<void>((resolve) => stranger.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => new Promise<void>((resolve) => void stranger.close(() => resolve())));
    const { port } = stranger.address() as AddressInfo;
    const other = await context.newPage();
    await other.goto(`http://127.0.0.1:${port}/`);
    const seen = await other.evaluate(() => [document.cookie, sessionStorage.length, localStorage.length]);
    expect([seen, headers, await context.cookies()]).toEqual([['', 0, 0], [undefined, undefined], []]);
    // Its own requests, with all that the browser would send along: scripts get nothing, links and forms are refused.
    const backups = `${node.url}/api/servers/${node.server}/backups`;
    const urls = [`${node.url}/api/servers`, `${node.url}/api/session`, backups];
    const got = await other.evaluate(
      (all) =>
        Promise.all(
          all.map((url) =>
            fetch(url, { mode: 'no-cors', credentials: 'include' }).then(
              () => 'an answer',
              () => 'nothing',
            ),
          ),
        ),
      urls,
    );
    expect(got).toEqual(['nothing', 'nothing', 'nothing']);
    for (const [method, url] of [...urls.map((each) => ['get', each] as const), ['post', backups] as const]) {
      const answered = other.waitForResponse((each) => each.request().isNavigationRequest());
      const arrived = other.waitForURL((each) => each.origin === node.url);
      await other.evaluate(
        ([how, action]) => {
          const form = Object.assign(document.createElement('form'), { method: how, action });
          document.body.append(form);
          form.submit();
        },
        [method, url] as const,
      );
      expect((await answered).status()).toBe(401);
      await arrived;
      await other.goto(`http://127.0.0.1:${port}/`);
    }
    expect((await node.call(`/api/servers/${node.server}/backups`)).body).toEqual([]);
    const asked = faults.splice(0);
    expect(asked.length).toBeGreaterThanOrEqual(urls.length);
    for (const fault of asked) expect(fault).toContain('other origin: ');
    await other.close();
    await page.getByText('Live', { exact: true }).waitFor();
  });

  test(`4: sign-out and revocation end all tabs and sockets within ${ENDED_MS / 1000} s`, async () => {
    const node = await openNode();
    const { page, context } = await signedIn(node);
    // The second tab asks the first for the session.
    const tab = await context.newPage();
    await tab.goto(node.url);
    const { body } = await node.call('/api/sessions');
    const [session] = (body as { sessions: { id: string }[] }).sessions;
    await endsIn([page, tab], () => node.call(`/api/sessions/${session?.id}`, { method: 'DELETE' }));
    await Promise.all([page, tab].map((each) => each.getByText('Your session has ended').waitFor()));
    const again = await signedIn(node, '#/account');
    const secondTab = await again.context.newPage();
    await secondTab.goto(node.url);
    await endsIn([again.page, secondTab], () =>
      again.page
        .getByRole('button', { name: 'Sign out' })
        .first()
        .evaluate((button: HTMLElement) => {
          const at = Date.now();
          button.click();
          return at;
        }),
    );
    expect((await node.call('/api/sessions')).body).toMatchObject({ sessions: [] });
  });

  test('a tab that is asked for its session while a question stands open in it answers later, and that counts', async () => {
    const node = await openNode();
    const { page, context } = await signedIn(node);
    const asked = Promise.withResolvers<Dialog>();
    page.on('dialog', asked.resolve);
    const answered = page.evaluate('alert("wait")');
    const question = await asked.promise;
    const tab = await context.newPage();
    await tab.goto(node.url);
    await tab.getByRole('heading', { name: 'Sign in' }).waitFor();
    await question.accept();
    await answered;
    await tab.getByText('Live', { exact: true }).waitFor();
  });

  test(`4: a reload of the config without the token ends all tabs and their sockets within ${ENDED_MS / 1000} s`, async () => {
    const node = await openNode();
    const { page, context } = await signedIn(node);
    const tab = await context.newPage();
    await tab.goto(node.url);
    const other = node.host.config.replace(TOKEN, 'another-token-of-sixteen-characters');
    await endsIn([page, tab], () => node.daemon.reload(parseConfig('config.yml', other, {})));
    await Promise.all([page, tab].map((each) => each.getByText('Your session has ended').waitFor()));
  });

  test('5: an owner’s link shows one server and what it may; all of another one is 404, by whatever address', async () => {
    const node = await openNode();
    const other = '22222222-2222-4222-8222-222222222222';
    mkdirSync(join(node.host.directory, 'servers', other));
    writeFileSync(join(node.host.directory, 'servers', other, 'secret.yml'), 'of somebody else');
    const backUp = async (server: string): Promise<string> =>
      ((await node.call(`/api/servers/${server}/backups`, { body: {} })).body as { readonly id: string }).id;
    const [own, foreign] = [await backUp(node.server), await backUp(other)];
    const { page } = await visit();
    const permissions = ['backup.read', 'backup.download', 'backup.create', 'backup.delete', 'backup.restore'];
    await page.goto(await node.link({ servers: [node.server], permissions }));
    const rows = page.getByRole('list', { name: 'Servers' }).getByRole('listitem');
    await rows.getByText('11111111').first().waitFor();
    expect(await rows.count()).toBe(1);
    expect(await page.getByRole('link', { name: 'Health' }).count()).toBe(0);
    await go(page, `#/servers/${node.server}`);
    await page.getByRole('button', { name: 'Back up now…' }).waitFor();
    // Those of the node and of its tokens.
    expect(await page.getByRole('button', { name: 'Share…' }).count()).toBe(0);

    await go(page, `#/servers/${other}`);
    await page.getByText('There is no such server').waitFor();
    for (const hash of [
      `#/servers/${other}/backups/${foreign}`,
      `#/servers/${other}/backups/${own}`,
      `#/servers/${node.server}/backups/${foreign}`,
      `#/servers/${other}/find?q=secret`,
    ]) {
      await go(page, '#/');
      await rows.first().waitFor();
      await go(page, hash);
      await page
        .getByRole('alert')
        .filter({ hasText: /There is no such (?:server|backup)/ })
        .first()
        .waitFor();
      expect(await page.getByText('secret.yml').count()).toBe(0);
    }

    const headers = { authorization: `Bearer ${await sessionSecret(page)}`, 'content-type': 'application/json' };
    const statusOf = async (method: string, path: string, body?: string): Promise<string> => {
      const sent = body === undefined ? { method, headers } : { method, headers, body };
      return `${method} ${path}: ${(await fetch(node.url + path, sent)).status}`;
    };
    const of = (server: string, backup: string): (readonly [string, string, string?])[] => [
      ['GET', `/api/servers/${server}/backups/${backup}`],
      ['GET', `/api/servers/${server}/backups/${backup}/files`],
      ['GET', `/api/servers/${server}/backups/${backup}/files/content?path=secret.yml`],
      ['GET', `/api/servers/${server}/backups/${backup}/find?q=secret`],
      ['GET', `/api/servers/${server}/backups/${backup}/compare?with=live`],
      ['GET', `/api/servers/${server}/backups/${backup}/warnings`],
      ['PATCH', `/api/servers/${server}/backups/${backup}`, '{"name":"mine"}'],
      ['PATCH', `/api/servers/${server}/backups/lock?id=${backup}`, '{"locked":true}'],
      ['POST', `/api/servers/${server}/backups/download-token`, `{"id":"${backup}"}`],
      ['POST', `/api/servers/${server}/backups/${backup}/preview`, '{}'],
      ['POST', `/api/servers/${server}/backups/${backup}/verify`],
      ['POST', `/api/servers/${server}/backups/${backup}/cancel`],
      ['POST', `/api/servers/${server}/backups/${backup}/undo`],
      ['POST', `/api/servers/${server}/backups/restore?id=${backup}`, '{}'],
      ['DELETE', `/api/servers/${server}/backups/${backup}`],
    ];
    const { jobs } = (await node.call(`/api/jobs?server=${other}`)).body as {
      jobs: readonly { readonly id: string }[];
    };
    const asked = [
      ['GET', `/api/servers/${other}`] as const,
      ['GET', `/api/servers/${other}/backups`] as const,
      ['GET', `/api/servers/${other}/history`] as const,
      ['GET', `/api/servers/${other}/retention`] as const,
      ['GET', `/api/servers/${other}/find?q=secret`] as const,
      ['POST', `/api/servers/${other}/backups`, '{}'] as const,
      ['GET', `/api/jobs/${jobs[0]?.id}`] as const,
      ...of(other, foreign),
      ...of(node.server, foreign),
    ];
    const told = await Promise.all(asked.map((each) => statusOf(...each)));
    expect(told).toEqual(asked.map(([method, path]) => `${method} ${path}: 404`));
    expect((await fetch(`${node.url}/api/sessions`, { headers })).status).toBe(403);
    expect((await node.call(`/api/servers/${other}/backups/${foreign}`)).body).toMatchObject({ isLocked: false });
  });
});
