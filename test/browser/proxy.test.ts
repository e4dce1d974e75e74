import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { runDaemonOn, scratchHost, TOKEN } from '../support/daemon.ts';
import { TEST_CERTIFICATE, TEST_KEY } from '../support/certificate.ts';
import { directoryManifest } from '../support/directory-manifest.ts';
import { randomBytes } from '../support/random-bytes.ts';
import { proxyOf } from './support/proxy.ts';
import {
  backsUpInSight,
  follow,
  savesWhatIsLive,
  signsInOnce,
  SLOWLY,
  speedUp,
  writeSlowly,
} from './support/scenarios.ts';
import { go, idle, inChromium, type Node, nodeOn, openNode, SOON, visit } from './support/visitor.ts';

/** After which proxies usually cut what carries nothing. */
const IDLE_MS = 60_000;
/** The daemon asks every 30 seconds whether a reader is there: with the third time, the minute is over. */
const PINGS = 3;
/** Calls that may not wait for what takes long; how soon a busy host answers the others is not looked at. */
const ABOUT_RESTORES = /\/(?:restore|undo|cancel|jobs)\b/;

inChromium('behind others', () => {
  test('20: below a path of a proxy all of 1, 8 and 13 holds, and a socket that it cut comes back', async () => {
    const node = await openNode(SLOWLY);
    const proxy = await proxyOf(node.url, { path: '/node1' });
    const visited = await visit();
    const { page } = visited;
    await signsInOnce(node, proxy.url, visited);
    await backsUpInSight(node, visited);
    await savesWhatIsLive(node, proxy.url, visited);
    await go(page, '#/');
    await page.getByText('Live', { exact: true }).waitFor();
    proxy.refuse();
    expect(proxy.cut()).toBeGreaterThan(0);
    await page.getByText(/Not connected, last heard \d\d:\d\d/).waitFor();
    proxy.mend();
    await page.getByText('Live', { exact: true }).waitFor();
    await expect.poll(() => page.getByText(/Not connected/).count(), SOON).toBe(0);
    // What is told behind the cut is heard.
    mkdirSync(join(node.host.directory, 'servers', '22222222-2222-4222-8222-222222222222'));
    const other = '/api/servers/22222222-2222-4222-8222-222222222222';
    writeFileSync(join(node.host.directory, 'servers', '22222222-2222-4222-8222-222222222222', 'a'), 'x');
    await node.call(`${other}/backups`, { body: {} });
    await page.getByRole('list', { name: 'Servers' }).getByText('22222222').first().waitFor();
  });

  test('20: a proxy that cuts what is idle for a minute, below a path and by TLS, cuts nothing, and all holds', async () => {
    const node = await openNode(SLOWLY);
    const proxy = await proxyOf(node.url, {
      path: '/node1',
      tls: { cert: TEST_CERTIFICATE, key: TEST_KEY },
      idleMs: IDLE_MS,
    });
    const visited = await visit({ ignoreHTTPSErrors: true });
    await signsInOnce(node, proxy.url, visited);
    const before = proxy.pings();
    await expect.poll(() => proxy.pings() - before, { timeout: 240_000, interval: 500 }).toBeGreaterThanOrEqual(PINGS);
    expect(proxy.idle()).toBe(0);
    expect(await visited.page.getByText(/Not connected/).count()).toBe(0);
    await backsUpInSight(node, visited);
    await savesWhatIsLive(node, proxy.url, visited);
  });

  test('20: by TLS of its own all of 1, 8 and 13 holds', async () => {
    const scratch = await scratchHost(SLOWLY);
    const [cert, key] = [join(scratch.directory, 'cert.pem'), join(scratch.directory, 'key.pem')];
    writeFileSync(cert, TEST_CERTIFICATE);
    writeFileSync(key, TEST_KEY, { mode: 0o600 });
    const config = scratch.config.replace('port: 0 }', `port: 0, tls: { cert: ${cert}, key: ${key} } }`);
    const host = { ...scratch, config };
    const running = await runDaemonOn(host);
    const visited = await visit({ ignoreHTTPSErrors: true });
    const call: Node['call'] = async (path, { method, body, headers } = {}) => {
      const answer = await visited.context.request.fetch(running.url + path, {
        method: method ?? (body === undefined ? 'GET' : 'POST'),
        headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json', ...headers },
        ...(body === undefined ? {} : { data: body }),
        // A backup takes as long as it takes.
        timeout: 0,
      });
      return { status: answer.status(), body: (await answer.json()) as never };
    };
    expect(running.url).toMatch(/^https:/);
    const node = nodeOn(host, { ...running, call });
    await signsInOnce(node, running.url, visited);
    await backsUpInSight(node, visited);
    await savesWhatIsLive(node, running.url, visited);
  });

  test('20: a restore and its undo that take longer than a proxy waits for an answer are told of as they ended', async () => {
    const node = await openNode();
    const { server } = node.host;
    writeFileSync(join(server, 'large'), randomBytes(30_000_000, 20));
    const whole = directoryManifest(server);
    const { body } = await node.call(`/api/servers/${node.server}/backups`, { body: {} });
    writeSlowly(node);
    writeFileSync(join(server, 'large'), 'torn');
    const torn = directoryManifest(server);
    const proxy = await proxyOf(node.url, { path: '', answerMs: 2000 });
    const { page } = await visit();
    await page.goto(`${proxy.url}/#${(await node.link()).split('#')[1]}`);
    await page.getByText('Live', { exact: true }).waitFor();
    await go(page, `#/servers/${node.server}/backups/${(body as { readonly id: string }).id}`);
    await page.getByRole('button', { name: 'Restore 1 file', exact: true }).click();
    await page.getByRole('progressbar', { name: 'Restoring' }).waitFor();
    // Not even an event gets through: it is asked for.
    expect(proxy.mute()).toBeGreaterThan(0);
    const followed = await follow(page, 'progress[aria-label="Restoring"]');
    await expect.poll(async () => (await followed()).shares.length, SOON).toBeGreaterThan(1);
    await speedUp(node);
    const done = page.getByRole('region', { name: 'Restored' });
    await done.getByText(/3 files, 28.8 MiB put back, in \d+ (?:s|min)/).waitFor();
    expect(directoryManifest(server)).toEqual(whole);
    await done.getByText('1 warning', { exact: true }).waitFor();
    await idle(node);
    await done.getByRole('button', { name: 'Undo…' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Undo', exact: true }).click();
    await page.getByRole('heading', { name: 'Undone' }).waitFor();
    expect(directoryManifest(server)).toEqual(torn);
    expect(proxy.unanswered.filter((path) => ABOUT_RESTORES.test(path))).toEqual([]);
    const { jobs } = (await node.call('/api/jobs')).body as {
      readonly jobs: readonly { readonly result?: { readonly seconds: number } }[];
    };
    expect(jobs[1]?.result?.seconds).toBeGreaterThan(2);
  });

  test('20: a restore that fails behind such a proxy says why', async () => {
    const node = await openNode();
    writeFileSync(join(node.host.server, 'large'), randomBytes(30_000_000, 21));
    const { body } = await node.call(`/api/servers/${node.server}/backups`, { body: {} });
    writeSlowly(node);
    writeFileSync(join(node.host.server, 'large'), 'torn');
    const { id } = body as { readonly id: string };
    const proxy = await proxyOf(node.url, { path: '', answerMs: 2000 });
    const { page } = await visit();
    await page.goto(`${proxy.url}/#${(await node.link()).split('#')[1]}`);
    // The code of the link is used once the page is drawn.
    await page.getByText('Live', { exact: true }).waitFor();
    await go(page, `#/servers/${node.server}/backups/${id}`);
    await page.getByRole('button', { name: 'Restore 1 file', exact: true }).click();
    await page.getByRole('progressbar', { name: 'Restoring' }).waitFor();
    await node.call(`/api/servers/${node.server}/backups/${id}/cancel`, { method: 'POST' });
    await page.getByRole('alert').filter({ hasText: 'it was cancelled' }).waitFor();
    expect(readFileSync(join(node.host.server, 'large'), 'utf8')).toBe('torn');
    expect(proxy.unanswered.filter((path) => ABOUT_RESTORES.test(path))).toEqual([]);
  });
});
