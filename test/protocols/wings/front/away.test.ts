/** A Wings that is away. */
import { describe, expect, test } from 'vitest';
import { SERVER } from '../../../support/scripted-service.ts';
import { openFrontNode } from '../../../support/wings/front-node.ts';
import { rawRequest } from '../../../support/wings/raw-request.ts';
import { headOf } from '../../../support/wings/heads.ts';
import { openWings } from '../../../support/wings/wings.ts';

const BACKUP = '7a1c7b52-1f0a-4a7e-8f8e-2d9b7f6c5a41';
const FLAVOURS = ['pterodactyl', 'pelican', 'calagopus'] as const;

describe('check 18: Wings is away', () => {
  test.each(FLAVOURS)('of %s: 503 with its words and a time, never 502; served routes go on', async (flavour) => {
    const wings = await openWings({ flavour, servers: [SERVER] });
    const { url, port, authorized, service, downloadToken } = await openFrontNode(wings);
    await wings.kill();
    const command = JSON.stringify({ commands: ['say hi'] });
    const calls = [
      ['GET', '/api/system', undefined],
      ['POST', `/api/servers/${SERVER}/commands`, command],
      ['POST', `/api/servers/${SERVER}/sync`, '{}'],
      ['DELETE', `/api/servers/${SERVER}`, undefined],
    ] as const;
    for (const [method, path, body] of calls) {
      const answer = await fetch(`${url}${path}`, {
        method,
        headers: authorized,
        ...(body === undefined ? {} : { body }),
      });
      expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '5']);
      expect(await answer.json()).toMatchObject({ error: 'Wings does not answer on this node; backups go on.' });
      expect(answer.headers.get('access-control-allow-origin')).toBe('https://panel.test');
      expect(answer.headers.get('x-request-id')).not.toBeNull();
    }
    expect((await rawRequest(port, headOf('OPTIONS', '/upload/file'))).status).toBe(204);
    const body = JSON.stringify({ adapter: 'wings', uuid: BACKUP, ignore: '' });
    const headers = { ...authorized, 'content-type': 'application/json' };
    expect((await fetch(`${url}/api/servers/${SERVER}/backup`, { method: 'POST', headers, body })).status).toBe(202);
    expect(service.calls.map(({ method }) => method)).toContain('create');
    const { id } = service.add();
    expect((await fetch(`${url}/download/backup?token=${downloadToken(id)}`)).status).toBe(200);
    const gone = await fetch(`${url}/api/servers/${SERVER}/backup/${id}`, {
      method: 'DELETE',
      headers,
      body: '{"adapter":"wings"}',
    });
    expect(gone.ok).toBe(true);
    expect(service.calls.map(({ method }) => method)).toContain('discard');
    await wings.start();
    expect((await fetch(`${url}/api/system`, { headers: authorized })).status).toBe(200);
  });

  test('a pooled connection that died is no fault of a GET', async () => {
    const wings = await openWings({ servers: [SERVER] });
    const { url, authorized } = await openFrontNode(wings);
    for (let count = 0; count < 10; count++) {
      expect((await fetch(`${url}/api/system`, { headers: authorized })).status).toBe(200);
      await wings.kill();
      await wings.start();
    }
  });
});
