/** A whole daemon as the node of a Wings panel, over real connections. */
import { connect } from 'node:net';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { composeDaemon } from '../../src/compose/daemon.ts';
import { parseConfig } from '../../src/config/config.ts';
import { silentLog } from '../../src/base/log/log.ts';
import { GAME_SERVER, type Host, runDaemonOn, scratchHost } from '../support/daemon.ts';
import { openPanel } from '../support/panel/panel.ts';

type Flavour = 'pterodactyl' | 'pelican' | 'calagopus';

const FLAVOURS: readonly Flavour[] = ['pterodactyl', 'pelican', 'calagopus'];
const NEW = '5d1f6c1e-7c0b-4a57-9f0e-0c1d7a6b9e11';

async function panelOf(flavour: Flavour) {
  const panel = await openPanel({ flavour, commitAfter: 0 });
  panel.addServer(GAME_SERVER);
  const { tokenId, token } = panel.node;
  const section = `panel: { flavour: ${flavour}, url: "${panel.url}", token_id: "${tokenId}", token: "${token}" }`;
  return { panel, section };
}

function asker(url: string) {
  return async (token: string, method: string, path: string, body?: object) => {
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
    const answer = await fetch(url + path, {
      method,
      headers,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: answer.status, text: await answer.text(), headers: answer.headers };
  };
}

test.each(FLAVOURS)('%s: a new server is made, known, and reported as installed', async (flavour) => {
  const { panel, section } = await panelOf(flavour);
  const host = await scratchHost(section);
  const ask = asker((await runDaemonOn(host)).url);
  const { token } = panel.node;
  const body = { uuid: NEW, start_on_completion: false };
  // The panel does not know of it: nothing is made.
  expect((await ask(token, 'POST', '/api/servers', body)).status).toBe(500);
  expect(await readdir(join(host.directory, 'servers'))).toEqual([GAME_SERVER]);
  panel.addServer(NEW, { status: 'installing', suspended: true });
  expect((await ask(token, 'POST', '/api/servers', body)).status).toBe(flavour === 'calagopus' ? 200 : 202);
  expect(JSON.parse((await ask(token, 'GET', `/api/servers/${NEW}`)).text)).toMatchObject({ is_suspended: true });
  const reports = panel.calls.filter(({ path }) => path.endsWith(`/servers/${NEW}/install`));
  expect(reports).toMatchObject([{ method: 'POST', body: { successful: true, reinstall: false }, effective: true }]);
});

test('a token that the panel has changed counts at once and after a restart, until the config names another', async () => {
  const { panel, section } = await panelOf('pelican');
  const host = await scratchHost(section);
  const { token: old } = panel.node;
  const next = { token_id: 'next-token-id-16', token: 'next-'.padEnd(64, 'n') };
  const statuses = async (on: Host, tokens: readonly string[]): Promise<number[]> => {
    const daemon = await composeDaemon(parseConfig('config.yml', on.config, {}), { log: silentLog() });
    const { url } = await daemon.start();
    try {
      const ask = asker(url);
      if (on === host) await ask(old, 'POST', '/api/update', next);
      const asked = [];
      for (const token of tokens) {
        const { status } = await ask(token, 'POST', `/api/servers/${GAME_SERVER}/ws/deny`, { jtis: [] });
        asked.push(status);
      }
      return asked;
    } finally {
      await daemon.stop();
    }
  };
  expect(await statuses(host, [old, next.token])).toEqual([403, 204]);
  const again = { ...host };
  expect(await statuses(again, [old, next.token])).toEqual([403, 204]);
  const third = 'third-'.padEnd(64, 't');
  const changed = { ...host, config: host.config.replaceAll(old, third) };
  expect(await statuses(changed, [old, next.token, third])).toEqual([403, 403, 204]);
});

test('an accepted backup has no body, and says so on the wire', async () => {
  const { panel, section } = await panelOf('pterodactyl');
  const { url } = await runDaemonOn(await scratchHost(section));
  const body = JSON.stringify({ adapter: 'wings', uuid: NEW, ignore: '' });
  const answer = await raw(url, [
    `POST /api/servers/${GAME_SERVER}/backup HTTP/1.1`,
    'Host: node.test',
    'Connection: close',
    `Authorization: Bearer ${panel.node.token}`,
    `Content-Length: ${body.length}`,
    '',
    body,
  ]);
  expect(answer).toMatch(/^HTTP\/1\.1 202 Accepted\r\n/);
  expect(answer.toLowerCase()).toContain('\r\ncontent-length: 0\r\n');
  expect(answer.toLowerCase()).not.toContain('\r\ncontent-type:');
  expect(answer.endsWith('\r\n\r\n')).toBe(true);
});

async function raw(url: string, lines: readonly string[]): Promise<string> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.write(lines.join('\r\n'));
  const pieces: Buffer[] = [];
  for await (const piece of socket) pieces.push(piece as Buffer);
  return Buffer.concat(pieces).toString('latin1');
}
