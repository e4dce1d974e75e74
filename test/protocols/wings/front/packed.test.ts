/** A front before a Wings of Calagopus, whose panel speaks MessagePack. */
import { createHash } from 'node:crypto';
import { decode, encode } from '@msgpack/msgpack';
import { expect, test } from 'vitest';
import { withoutAddress } from '../../../../src/protocols/wings/front/update-body.ts';
import { UNDER_RESTORE } from '../../../../src/protocols/wings/front/lock.ts';
import { OTHER_SERVER, SERVER } from '../../../support/scripted-service.ts';
import { openFrontNode } from '../../../support/wings/front-node.ts';
import { openWings } from '../../../support/wings/wings.ts';

async function open() {
  const wings = await openWings({ flavour: 'calagopus', servers: [SERVER, OTHER_SERVER] });
  const node = await openFrontNode(wings);
  const ask = async (method: string, path: string, body?: unknown) => {
    const packed = { accept: 'application/msgpack', 'content-type': 'application/msgpack' };
    const response = await fetch(node.url + path, {
      method,
      headers: { ...node.authorized, ...packed },
      ...(body === undefined ? {} : { body: encode(body) }),
    });
    const { status, headers } = response;
    return { status, type: headers.get('content-type'), bytes: new Uint8Array(await response.arrayBuffer()) };
  };
  return { wings, node, ask };
}

test('a refusal of the front is packed', async () => {
  const { wings, node, ask } = await open();
  node.service.underRestore.add(SERVER);
  const { status, type, bytes } = await ask('POST', `/api/servers/${SERVER}/power`, { action: 'start' });
  expect([status, type, decode(bytes)]).toEqual([409, 'application/msgpack', { error: UNDER_RESTORE }]);
  expect(wings.received).toEqual([]);
});

test.each([
  ['a list of servers', [OTHER_SERVER, SERVER]],
  ['the servers of a choice', { type: 'uuids', uuids: [OTHER_SERVER, SERVER] }],
  ['all servers', { type: 'all' }],
])('a change of %s of which one is being restored is refused', async (_, servers) => {
  const { wings, node, ask } = await open();
  node.service.underRestore.add(SERVER);
  expect((await ask('POST', '/api/servers/power', { action: 'start', servers })).status).toBe(409);
  expect(wings.received).toEqual([]);
});

test('users that the panel takes permissions from lose them here, too', async () => {
  const { wings, node, ask } = await open();
  const changes: unknown[] = [];
  node.denylist.onChange((change) => changes.push(change));
  const user = 'ffffffff-0000-4000-8000-000000000000';
  const body = { user_permissions: [{ user, permissions: ['backups.read'], ignored_files: [] }] };
  await ask('POST', `/api/servers/${SERVER}/ws/permissions`, body);
  await ask('POST', '/api/deauthorize-user', { user, servers: [] });
  expect(changes).toHaveLength(2);
  const sent = [body, { user, servers: [] }].map((each) => encode(each));
  expect(wings.received.map((each) => each.body?.sha256)).toEqual(sent.map(sha256));
});

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

test('the address is taken out of a configuration that is pushed packed', () => {
  const api = { host: '0.0.0.0', port: 8080, ssl: { enabled: true }, upload_limit: 100 };
  const pushed = withoutAddress(encode({ debug: false, api }), true);
  expect(decode(pushed?.body ?? [])).toEqual({ debug: false, api: { upload_limit: 100 } });
  expect(pushed?.wanted).toMatchObject({ port: 8080, tls: true });
  expect(withoutAddress(Buffer.from('{"api":{"port":1}}'), true)).toBeUndefined();
});
