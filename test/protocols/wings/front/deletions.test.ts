/** Servers that are deleted, or leave for another node. */
import fs from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { SERVER } from '../../../support/scripted-service.ts';
import { openFrontNode } from '../../../support/wings/front-node.ts';
import { rawRequest } from '../../../support/wings/raw-request.ts';
import { AUTHORIZED, headOf } from '../../../support/wings/heads.ts';
import { openWings } from '../../../support/wings/wings.ts';

const BACKUP = '7a1c7b52-1f0a-4a7e-8f8e-2d9b7f6c5a41';

describe('check 16: a server is deleted', () => {
  test('its work is cancelled first; it is given up before the answer of Wings is passed on', async () => {
    const wings = await openWings({ flavour: 'pelican', servers: [SERVER] });
    const { url, authorized, service } = await openFrontNode(wings);
    let before: readonly string[] = [];
    wings.script = () => {
      before = service.calls.map(({ method }) => method);
      return false;
    };
    const answer = await fetch(`${url}/api/servers/${SERVER}`, { method: 'DELETE', headers: authorized });
    expect([answer.status, before]).toEqual([204, ['cancelWork']]);
    expect(service.calls).toContainEqual({
      method: 'removeServer',
      args: [SERVER, { backups: 'delete', cancel: true }],
    });
    expect(service.calls.map(({ method }) => method)).toContain('deleteForeignArchives');
  });

  test.each([
    ['Wings answers 500', 500],
    ['Wings refuses the token', 403],
  ])('its backups stay when %s', async (_, status) => {
    const wings = await openWings({ flavour: 'pelican', servers: [SERVER] });
    const { url, authorized, service } = await openFrontNode(wings);
    wings.script = (_incoming, outgoing) => {
      outgoing.writeHead(status).end();
      return true;
    };
    const answer = await fetch(`${url}/api/servers/${SERVER}`, { method: 'DELETE', headers: authorized });
    expect([answer.status, service.calls.map(({ method }) => method)]).toEqual([status, ['cancelWork']]);
  });

  test('strangers end nothing', async () => {
    const wings = await openWings({ servers: [SERVER] });
    const { url, service } = await openFrontNode(wings);
    expect((await fetch(`${url}/api/servers/${SERVER}`, { method: 'DELETE' })).status).toBe(401);
    expect(service.calls).toEqual([]);
  });
});

describe('check 16: a transfer to another node', () => {
  const body = JSON.stringify({ url: 'https://other.test/api/transfers', token: 't', backups: [BACKUP, '../x', 7] });
  const good = JSON.stringify({ url: 'https://other.test/api/transfers', token: 't', backups: [BACKUP] });
  const ask = (text: string, credential = AUTHORIZED) =>
    `${headOf('POST', `/api/servers/${SERVER}/transfer`, [credential, `Content-Length: ${text.length}`])}${text}`;

  test('finds the archives of Roost in the directory of Wings before Wings hears of it', async () => {
    const wings = await openWings({ flavour: 'pelican', servers: [SERVER] });
    const { port, service } = await openFrontNode(wings);
    let lentBefore = false;
    wings.script = () => {
      lentBefore = service.calls.some(({ method }) => method === 'lendArchives');
      return false;
    };
    expect((await rawRequest(port, ask(good))).status).toBe(202);
    expect(lentBefore).toBe(true);
    expect(service.calls.find(({ method }) => method === 'lendArchives')?.args).toEqual([
      SERVER,
      [BACKUP],
      expect.stringContaining('wings-backups'),
    ]);
    expect(wings.received.at(-1)?.body?.text).toBe(good);
  });

  test.each([
    ['of another panel', 'pterodactyl', good, AUTHORIZED],
    ['by a stranger', 'pelican', good, 'Authorization: Bearer another'],
    ['with names that are none', 'pelican', body, AUTHORIZED],
  ] as const)('lends nothing %s, and is passed as it came', async (_, flavour, text, credential) => {
    const wings = await openWings({ flavour, servers: [SERVER] });
    const { port, service } = await openFrontNode(wings);
    await rawRequest(port, ask(text, credential));
    expect(service.calls.map(({ method }) => method)).not.toContain('lendArchives');
    expect(wings.received.at(-1)?.body?.text).toBe(text);
  });

  test('takes back what was lent when its server is deleted', async () => {
    const wings = await openWings({ flavour: 'pelican', servers: [SERVER] });
    const { port } = await openFrontNode(wings);
    const directory = (wings.file.read()['system'] as { backup_directory: string }).backup_directory;
    const mark = join(directory, SERVER, `${BACKUP}.tar.gz.lent-by-roost`);
    await fs.mkdir(join(directory, SERVER), { recursive: true });
    await fs.writeFile(mark, '');
    await rawRequest(port, headOf('DELETE', `/api/servers/${SERVER}`, [AUTHORIZED]));
    await expect(fs.stat(mark)).rejects.toThrow('ENOENT');
  });
});
