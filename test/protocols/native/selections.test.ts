import { describe, expect, test } from 'vitest';
import { openNativeApp, tokenWith } from '../../support/native-app.ts';
import { OTHER_SERVER, SERVER } from '../../support/scripted-service.ts';

const BACKUPS = `/api/servers/${SERVER}/backups`;
const SECRET = 'an-owners-secret-an-owners-secret';

type Node = ReturnType<typeof openNativeApp>;

async function address(node: Node, paths: readonly string[], token?: string): Promise<string> {
  const { id } = node.service.add();
  const asked = await node.call('POST', `${BACKUPS}/download-token`, {
    body: { id, paths },
    ...(token === undefined ? {} : { token }),
  });
  expect(asked.status).toBe(200);
  return (asked.body as { downloadUrl: string }).downloadUrl;
}

const get = (node: Node, url: string, method = 'GET') => node.call(method, url, { token: '' });

describe('a signed address', () => {
  test('of one file gives the file itself, as an attachment that no browser opens', async () => {
    const node = openNativeApp();
    const answer = await get(node, await address(node, ['world/index.html']));
    expect(answer).toMatchObject({ status: 200, text: 'content' });
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      'content-type': 'application/octet-stream',
      'content-disposition': 'attachment; filename="index.html"',
      'content-length': '7',
      'x-content-type-options': 'nosniff',
    });
  });

  test('of several says no length, which is not known, and HEAD frees what was opened', async () => {
    const node = openNativeApp();
    const url = await address(node, ['a', 'b']);
    const answer = await get(node, url);
    expect(answer).toMatchObject({ status: 200, text: 'content' });
    expect(answer.headers.get('content-length')).toBeNull();
    expect(answer.headers.get('content-disposition')).toBe('attachment; filename="selection.tar.gz"');
    expect(node.service.lastCall('selected')?.[2]).toEqual(['a', 'b']);
    expect(await get(node, url, 'HEAD')).toMatchObject({ status: 200, text: '' });
  });

  test('works again and again until its last second', async () => {
    const node = openNativeApp();
    const url = await address(node, ['a']);
    node.time.advance(299_000);
    expect((await get(node, url)).status).toBe(200);
    expect((await get(node, url)).status).toBe(200);
    node.time.advance(1000);
    expect(await get(node, url)).toMatchObject({ status: 401, body: { code: 'unauthorized' } });
  });

  test('is of its server alone', async () => {
    const node = openNativeApp();
    const url = await address(node, ['a']);
    expect(await get(node, url.replace(SERVER, OTHER_SERVER))).toMatchObject({ status: 403 });
  });

  test('is of no other daemon, and of none that was started since', async () => {
    const [node, other] = [openNativeApp(), openNativeApp()];
    const url = await address(node, ['a']);
    expect(await get(other, url)).toMatchObject({ status: 401, body: { code: 'unauthorized' } });
    const keys = { downloads: Buffer.alloc(32, 9), sockets: () => Buffer.alloc(32, 8) };
    expect(await get(openNativeApp({ keys }), url)).toMatchObject({ status: 401 });
  });

  test('ends with the session that asked for it', async () => {
    const node = openNativeApp({ tokens: [tokenWith('owner', SECRET, { servers: [SERVER] })] });
    const signedIn = await node.call('POST', '/api/session', { token: '', body: { token: SECRET } });
    const { secret } = signedIn.body as { secret: string };
    const url = await address(node, ['a'], secret);
    const others = await address(node, ['a'], SECRET);
    expect((await get(node, url)).status).toBe(200);
    await node.call('DELETE', '/api/session', { token: secret });
    expect(await get(node, url)).toMatchObject({ status: 401, body: { code: 'unauthorized' } });
    expect((await get(node, others)).status).toBe(200);
    expect(node.service.calls.filter(({ method }) => method === 'selected')).toHaveLength(2);
  });

  test.each([
    ['is gone', []],
    ['holds less', [tokenWith('owner', SECRET, { servers: [SERVER], permissions: ['backup.read'] })]],
    ['has another secret', [tokenWith('owner', `${SECRET}-new`, { servers: [SERVER] })]],
  ])('ends when the token that asked for it %s', async (_, tokens) => {
    const node = openNativeApp({ tokens: [tokenWith('owner', SECRET, { servers: [SERVER] })] });
    const url = await address(node, ['a'], SECRET);
    node.app.setTokens(tokens);
    expect(await get(node, url)).toMatchObject({ status: 401, body: { code: 'unauthorized' } });
  });

  test('is given out sixteen times to one caller within five minutes, whoever else asks', async () => {
    const node = openNativeApp({ tokens: [tokenWith('owner', SECRET), tokenWith('other', `${SECRET}-2`)] });
    for (let count = 0; count < 16; count++) await address(node, ['a'], SECRET);
    const { id } = node.service.add();
    const refused = await node.call('POST', `${BACKUPS}/download-token`, { body: { id, paths: ['a'] }, token: SECRET });
    expect(refused).toMatchObject({ status: 429, body: { code: 'server_busy' } });
    await address(node, ['a'], `${SECRET}-2`);
    node.time.advance(300_000);
    await address(node, ['a'], SECRET);
  });
});

describe('a selection', () => {
  test.each([[[]], [['']], [['a\0b']], [['\ud800']], ['a'], [Array.from({ length: 10_001 }, () => 'a')]])(
    'of %j is refused',
    async (paths) => {
      const node = openNativeApp();
      const { id } = node.service.add();
      expect((await node.call('POST', `${BACKUPS}/download-token`, { body: { id, paths } })).status).toBe(400);
      expect(node.service.lastCall('select')).toBeUndefined();
    },
  );

  test('of ten thousand paths is looked for as they are spelt', async () => {
    const node = openNativeApp();
    const paths = Array.from({ length: 10_000 }, (_, at) => `world/[${at}]*`);
    await address(node, paths);
    expect(node.service.lastCall('select')?.[2]).toEqual(paths);
  });

  test('of ten megabytes is refused unread', async () => {
    const node = openNativeApp();
    const { id } = node.service.add();
    const body = JSON.stringify({ id, paths: ['x'.repeat(10_000_000)] });
    expect((await node.call('POST', `${BACKUPS}/download-token`, { body })).status).toBe(413);
  });

  test('that the backup does not hold is told before an address is made', async () => {
    const node = openNativeApp();
    const { id } = node.service.add();
    node.service.failWithCode('select', 'path_not_found');
    const refused = await node.call('POST', `${BACKUPS}/download-token`, { body: { id, paths: ['a'] } });
    expect(refused).toMatchObject({ status: 404, body: { code: 'path_not_found' } });
  });

  test('of a backup of another server, or with too narrow a scope, is refused', async () => {
    const narrow = tokenWith('narrow', `${SECRET}-2`, { servers: [SERVER], permissions: ['backup.read'] });
    const node = openNativeApp({ tokens: [tokenWith('owner', SECRET, { servers: [SERVER] }), narrow] });
    const foreign = node.service.add({ server: OTHER_SERVER });
    const ask = (token: string, server = SERVER) =>
      node.call('POST', `/api/servers/${server}/backups/download-token`, {
        body: { id: foreign.id, paths: ['a'] },
        token,
      });
    expect(await ask(SECRET)).toMatchObject({ status: 404, body: { code: 'backup_not_found' } });
    expect(await ask(SECRET, OTHER_SERVER)).toMatchObject({ status: 404, body: { code: 'server_not_found' } });
    expect(await ask(`${SECRET}-2`)).toMatchObject({ status: 403, body: { code: 'forbidden' } });
  });

  test.each([
    ['IN_PROGRESS', 'backup_not_ready'],
    ['FAILED', 'backup_failed'],
  ] as const)('of a backup that is %s is refused', async (status, code) => {
    const node = openNativeApp();
    const { id } = node.service.add({ status });
    const refused = await node.call('POST', `${BACKUPS}/download-token`, { body: { id, paths: ['a'] } });
    expect(refused).toMatchObject({ status: 400, body: { code } });
  });
});
