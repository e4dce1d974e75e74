import { describe, expect, test } from 'vitest';
import type { ServerId } from '../../../src/base/ids.ts';
import { openNativeApp, tokenWith } from '../../support/native-app.ts';
import { OTHER_SERVER, SERVER } from '../../support/scripted-service.ts';

const SECRET = 'secret-of-sixteen-or-more';
const PATH = `/api/client/servers/${SERVER}`;

describe('a server', () => {
  test('is shown in the words of client libraries, with what the token may do', async () => {
    const { call } = openNativeApp({ tokens: [tokenWith('t', SECRET, { permissions: ['backup.read'] })] });
    expect(await call('GET', PATH, { token: SECRET })).toMatchObject({
      status: 200,
      body: {
        object: 'server',
        attributes: {
          uuid: SERVER,
          identifier: SERVER.slice(0, 8),
          name: 'survival',
          status: null,
          is_suspended: false,
          is_installing: false,
          is_transferring: false,
        },
        meta: { is_server_owner: false, user_permissions: ['backup.read'] },
      },
    });
  });

  test.each([
    [{ status: 'RESTORING' as const }, 'restoring_backup'],
    [{ status: 'BACKING_UP' as const }, null],
    [{ suspended: true }, 'suspended'],
  ])('%j is status %s', async (change, status) => {
    const { call, service } = openNativeApp();
    const view = service.serverViews.get(SERVER);
    if (view !== undefined) service.serverViews.set(SERVER, { ...view, ...change });
    expect((await call('GET', PATH)).body).toMatchObject({ attributes: { status } });
  });

  test('answers to its UUID and its short id, in any case', async () => {
    const { call } = openNativeApp();
    for (const name of [SERVER, SERVER.toUpperCase(), SERVER.slice(0, 8), SERVER.slice(0, 8).toUpperCase()]) {
      expect((await call('GET', `/api/client/servers/${name}`)).body).toMatchObject({ attributes: { uuid: SERVER } });
    }
  });

  test('a short id counts among the servers of the token alone', async () => {
    const twin = `${SERVER.slice(0, 8)}-0000-4000-8000-000000000000` as ServerId;
    const tokens = [
      tokenWith('one', SECRET, { servers: [SERVER] }),
      tokenWith('both', `${SECRET}-2`, { servers: [SERVER, twin] }),
      tokenWith('all', `${SECRET}-3`),
    ];
    const { call, service } = openNativeApp({ tokens });
    service.serverViews.set(twin, {
      id: twin,
      name: 'twin',
      status: 'READY',
      suspended: false,
      directory: true,
      backups: 0,
      bytes: 0,
    });
    const short = `/api/client/servers/${SERVER.slice(0, 8)}`;
    expect((await call('GET', short, { token: SECRET })).body).toMatchObject({ attributes: { uuid: SERVER } });
    expect((await call('GET', short, { token: `${SECRET}-2` })).status).toBe(404);
    expect((await call('GET', short, { token: `${SECRET}-3` })).status).toBe(404);
    expect((await call('GET', `/api/client/servers/${twin}`, { token: `${SECRET}-2` })).status).toBe(200);
  });
});

test('the list holds only the servers of the token, in pages', async () => {
  const { call } = openNativeApp({
    tokens: [tokenWith('t', SECRET, { servers: [OTHER_SERVER] }), tokenWith('all', `${SECRET}-2`)],
  });
  expect((await call('GET', '/api/client', { token: SECRET })).body).toMatchObject({
    object: 'list',
    data: [{ object: 'server', attributes: { uuid: OTHER_SERVER } }],
    meta: { pagination: { total: 1, total_pages: 1 } },
  });
  expect((await call('GET', '/api/client?page=2&per_page=1', { token: `${SECRET}-2` })).body).toMatchObject({
    data: [{ attributes: { uuid: OTHER_SERVER } }],
    meta: { pagination: { total: 2, count: 1, current_page: 2, links: { previous: expect.stringMatching(/page=1/) } } },
  });
});
