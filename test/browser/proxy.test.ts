import { mkdirSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import net, { type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { runDaemonOn, scratchHost, TOKEN } from '../support/daemon.ts';
import { TEST_CERTIFICATE, TEST_KEY } from '../support/certificate.ts';
import { inChromium, type Node, nodeOn, openNode, SOON, visit, type Visit } from './support/visitor.ts';

interface Proxy {
  readonly url: string;
  /** Cuts the sockets that are open now, as a proxy does with those that were idle for a minute. */
  cut(): number;
}

/** A proxy that serves a daemon below a path. */
async function proxyOf(target: string, path: string): Promise<Proxy> {
  const { hostname, port } = new URL(target);
  const tunnels = new Set<net.Socket>();
  const server = http.createServer((request, response) => {
    const inner = request.url?.startsWith(`${path}/`) === true ? request.url.slice(path.length) : undefined;
    if (inner === undefined) {
      response.writeHead(404).end();
      return;
    }
    const { method, headers } = request;
    const passed = http.request({ hostname, port, path: inner, method, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    passed.on('error', () => response.destroy());
    request.pipe(passed);
  });
  server.on('upgrade', (request, socket: net.Socket) => {
    const onward = net.connect(Number(port), hostname, () => {
      const lines = request.rawHeaders.flatMap((name, at, all) => (at % 2 === 0 ? [`${name}: ${all[at + 1]}`] : []));
      onward.write(`GET ${request.url?.slice(path.length)} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`);
      onward.pipe(socket).pipe(onward);
    });
    tunnels.add(socket);
    const end = (): void => {
      tunnels.delete(socket);
      socket.destroy();
      onward.destroy();
    };
    for (const each of [socket, onward]) each.on('error', end).on('close', end);
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  onTestFinished(() => {
    for (const socket of tunnels) socket.destroy();
    server.closeAllConnections();
    server.close();
  });
  const cut = (): number => {
    const open = [...tunnels];
    for (const socket of open) socket.destroy();
    return open.length;
  };
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`, cut };
}

/** Checks 1, 8 and 13 at an address: signed in by a link, a backup from its row, a folder saved. */
async function worksAt(node: Node, address: string, { page }: Visit): Promise<void> {
  const link = await node.link();
  await page.goto(`${address}/#${link.split('#')[1]}`);
  await page.getByText('Never backed up', { exact: true }).waitFor();
  expect(page.url()).toBe(`${address}/#/`);
  await page.getByRole('button', { name: 'Back up: 11111111' }).first().click();
  await page.getByText('Protected', { exact: true }).first().waitFor();
  await page
    .getByRole('link', { name: /11111111/ })
    .first()
    .click();
  await page.getByRole('link', { name: 'Browse' }).click();
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('button', { name: 'Download world' }).click(),
  ]);
  expect(await download.failure()).toBeNull();
  expect(download.suggestedFilename()).toBe('world.tar.gz');
}

inChromium('behind others', () => {
  test('20: below a path of a proxy all works, and a socket that it cut comes back', async () => {
    const node = await openNode();
    const proxy = await proxyOf(node.url, '/node1');
    const visited = await visit();
    await worksAt(node, proxy.url, visited);
    const { page } = visited;
    await page.evaluate(() => void (location.hash = '#/'));
    await page.getByText('Live', { exact: true }).waitFor();
    expect(proxy.cut()).toBe(1);
    await page.getByText('Live', { exact: true }).waitFor();
    await expect.poll(() => page.getByText(/Not connected/).count(), SOON).toBe(0);
    // What is told behind the cut is heard.
    mkdirSync(join(node.host.directory, 'servers', '22222222-2222-4222-8222-222222222222'));
    const other = '/api/servers/22222222-2222-4222-8222-222222222222';
    writeFileSync(join(node.host.directory, 'servers', '22222222-2222-4222-8222-222222222222', 'a'), 'x');
    await node.call(`${other}/backups`, { body: {} });
    await page.getByRole('heading', { name: 'Both servers are protected' }).waitFor();
  });

  test('20: by TLS all works', async () => {
    const scratch = await scratchHost();
    const [cert, key] = [join(scratch.directory, 'cert.pem'), join(scratch.directory, 'key.pem')];
    writeFileSync(cert, TEST_CERTIFICATE);
    writeFileSync(key, TEST_KEY, { mode: 0o600 });
    const config = scratch.config.replace('port: 0 }', `port: 0, tls: { cert: ${cert}, key: ${key} } }`);
    const host = { ...scratch, config };
    const running = await runDaemonOn(host);
    const visited = await visit({ ignoreHTTPSErrors: true });
    const call: Node['call'] = async (path, { method = 'POST', body, headers } = {}) => {
      const answer = await visited.context.request.fetch(running.url + path, {
        method,
        headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json', ...headers },
        ...(body === undefined ? {} : { data: body }),
      });
      return { status: answer.status(), body: (await answer.json()) as never };
    };
    expect(running.url).toMatch(/^https:/);
    await worksAt(nodeOn(host, { ...running, call }), running.url, visited);
  });
});
