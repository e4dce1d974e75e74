import { beforeEach, describe, expect, test } from 'vitest';
import { signDownloadToken } from '../../../src/protocols/download-token.ts';
import { openNativeApp } from '../../support/native-app.ts';
import { memoryContent, memorySource, OTHER_SERVER, SERVER } from '../../support/scripted-service.ts';

const BACKUPS = `/api/servers/${SERVER}/backups`;
const KEY = Buffer.alloc(32, 7);

let node: ReturnType<typeof openNativeApp>;
beforeEach(() => {
  node = openNativeApp();
});

interface Issued {
  readonly token: string;
  readonly expiresAt: number;
  readonly downloadUrl: string;
}

async function issue(id: string): Promise<Issued> {
  const answer = await node.call('POST', `${BACKUPS}/download-token`, { body: { id } });
  expect(answer.status).toBe(200);
  return answer.body as Issued;
}

describe('a download token', () => {
  test('is base64url text with its expiry in Unix seconds and a URL that works without a bearer token', async () => {
    const { id } = node.service.add();
    const issued = await issue(id);
    expect(issued).toEqual({
      token: expect.stringMatching(/^[A-Za-z0-9_-]+$/),
      expiresAt: Math.floor(node.time.now() / 1000) + 300,
      downloadUrl: `${BACKUPS}/download?token=${issued.token}`,
    });
    const answer = await node.call('GET', issued.downloadUrl, { token: '' });
    expect(answer).toMatchObject({ status: 200, text: 'archive' });
  });

  test('saves the archive under the names of server and backup, where that is asked for', async () => {
    const { id } = node.service.add({ name: 'vor "1.22"', createdAt: Date.UTC(2026, 10, 29, 20, 41) });
    const answer = await node.call('POST', `${BACKUPS}/download-token`, { body: { id, named: true } });
    const { downloadUrl } = answer.body as Issued;
    const { headers } = await node.call('GET', downloadUrl, { token: '' });
    const { name: server } = await node.service.server(SERVER);
    expect(headers.get('content-disposition')).toBe(
      `attachment; filename="${server}-2026-11-29-20-41-vor-_1.22_.tar.gz"`,
    );
  });

  test('asks the bucket for such a name in ASCII', async () => {
    node.service.elsewhere = 'https://bucket.example.com/archive?X-Amz-Signature=abc';
    const { id } = node.service.add({ name: 'für', createdAt: Date.UTC(2026, 10, 29, 20, 41) });
    const answer = await node.call('POST', `${BACKUPS}/download-token`, { body: { id, named: true } });
    expect((await node.call('GET', (answer.body as Issued).downloadUrl, { token: '' })).status).toBe(302);
    expect(node.service.lastCall('downloadUrl')?.at(-1)).toMatch(/-2026-11-29-20-41-f_r\.tar\.gz$/);
  });

  test('starts its URL with the public address where there is one', async () => {
    node = openNativeApp({ api: { publicUrl: 'https://node.example', trustedProxies: [], tls: null } });
    const { downloadUrl } = await issue(node.service.add().id);
    expect(downloadUrl).toMatch(/^https:\/\/node\.example\/api\/servers\/.*\/backups\/download\?token=/);
  });

  test('opens any number of downloads until its last second, and none after', async () => {
    const { downloadUrl } = await issue(node.service.add().id);
    node.time.advance(299_999);
    expect((await node.call('GET', downloadUrl, { token: '' })).status).toBe(200);
    expect((await node.call('GET', downloadUrl, { token: '', headers: { range: 'bytes=2-' } })).status).toBe(206);
    node.time.advance(1);
    const late = await node.call('GET', downloadUrl, { token: '' });
    expect(late).toMatchObject({
      status: 401,
      body: { code: 'unauthorized', error: 'Invalid or expired download token' },
    });
  });

  test.each([
    ['IN_PROGRESS', 400, 'backup_not_ready'],
    ['FAILED', 400, 'backup_failed'],
  ] as const)('is refused for a backup that is %s', async (status, expected, code) => {
    const { id } = node.service.add({ status });
    const answer = await node.call('POST', `${BACKUPS}/download-token`, { body: { id } });
    expect(answer).toMatchObject({ status: expected, body: { code } });
  });

  test('may be asked for while the backup is being restored', async () => {
    await issue(node.service.add({ status: 'RESTORING' }).id);
  });
});

describe('a presented token', () => {
  const open = (server: string, token: string) =>
    node.call('GET', `/api/servers/${server}/backups/download?token=${token}`, { token: '' });
  const sign = (change: object = {}, key = KEY) =>
    signDownloadToken(
      { purpose: 'backup', server: SERVER, backup: node.service.add().id, expiresAt: node.time.now(), ...change },
      key,
    );

  test('leads to the storage itself where that gives out archives, for GET alone', async () => {
    const { id } = node.service.add();
    node.service.elsewhere = 'https://bucket.example.com/archive?X-Amz-Signature=abc';
    const path = `${BACKUPS}/download?token=${sign({ backup: id })}`;
    const answer = await node.call('GET', path, { token: '' });
    expect(answer.status).toBe(302);
    expect(answer.headers.get('location')).toBe(node.service.elsewhere);
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect((await node.call('HEAD', path, { token: '' })).status).toBe(200);
  });

  test('is required', async () => {
    for (const query of ['', '?token=', '?token=a&token=b', '?other=1']) {
      const answer = await node.call('GET', `${BACKUPS}/download${query}`);
      expect(answer).toMatchObject({ status: 401, body: { code: 'unauthorized', error: 'Download token required' } });
    }
  });

  test('of another server is 403, whether or not that server exists', async () => {
    const refusal = { status: 403, body: { code: 'forbidden', error: 'Token not valid for this server' } };
    expect(await open(OTHER_SERVER, sign())).toMatchObject(refusal);
    expect(await open('nonsense', sign())).toMatchObject(refusal);
  });

  test('of another purpose is 400', async () => {
    const answer = await open(SERVER, sign({ purpose: 'upload' }));
    expect(answer).toMatchObject({ status: 400, body: { code: 'invalid_request', error: 'Invalid token type' } });
  });

  test.each([
    ['signed with another key', () => sign({}, Buffer.alloc(32, 8))],
    ['cut short', () => sign().slice(0, -2)],
    ['with one bit changed in its claims', () => sign().replace(/^./, 'e')],
    ['no token at all', () => 'abc'],
    ['not base64url', () => `${sign()}=`],
    ['with a colon only', () => Buffer.from(':').toString('base64url')],
    ['far too long', () => 'A'.repeat(10_000)],
  ])('%s is 401 in the words for an expired one', async (_, make) => {
    const answer = await open(SERVER, make());
    expect(answer).toMatchObject({
      status: 401,
      body: { code: 'unauthorized', error: 'Invalid or expired download token' },
    });
    expect(node.service.lastCall('download')).toBeUndefined();
  });

  test('every single character counts', async () => {
    const token = sign();
    for (let index = 0; index < token.length - 1; index++) {
      const other = token[index] === 'A' ? 'B' : 'A';
      const changed = token.slice(0, index) + other + token.slice(index + 1);
      expect((await open(SERVER, changed)).status).toBe(401);
    }
  });

  test('opens the server in any case', async () => {
    expect((await open(SERVER.toUpperCase(), sign())).status).toBe(200);
  });

  test('of a backup that was deleted since is 404', async () => {
    const { id } = node.service.add();
    const { downloadUrl } = await issue(id);
    node.service.backupViews.delete(id);
    const answer = await node.call('GET', downloadUrl, { token: '' });
    expect(answer).toMatchObject({ status: 404, body: { code: 'backup_not_found' } });
  });

  test('shows its holder no inside of this host', async () => {
    const { downloadUrl } = await issue(node.service.add().id);
    node.service.failWithCode('download', 'internal');
    const answer = await node.call('GET', downloadUrl, { token: '' });
    expect(answer.status).toBe(500);
    expect(answer.body).toMatchObject({ error: 'Cannot answer the request: an unexpected error occurred' });
  });
});

describe('an archive', () => {
  const bytes = Buffer.from(Array.from({ length: 3000 }, (_, index) => index % 251));
  const sources: ReturnType<typeof memorySource>[] = [];
  let url = '';
  let etag = '';

  beforeEach(async () => {
    sources.length = 0;
    node.service.sourceOf = () => {
      const source = memorySource(bytes);
      sources.push(source);
      return source;
    };
    const view = node.service.add();
    etag = `"${view.sha256}"`;
    url = (await issue(view.id)).downloadUrl;
  });

  async function get(headers: Record<string, string> = {}, method = 'GET') {
    const response = await node.app.fetch(new Request(`http://node.test${url}`, { method, headers }), {});
    const body = Buffer.from(await response.arrayBuffer());
    expect(sources.map(({ closes }) => closes)).toEqual([1]);
    return { status: response.status, headers: Object.fromEntries(response.headers), body };
  }

  test('is sent whole, with what a download manager needs to resume it', async () => {
    const answer = await get();
    expect(answer.status).toBe(200);
    expect(answer.body).toEqual(bytes);
    const [id] = [...node.service.backupViews.keys()];
    expect(answer.headers).toMatchObject({
      'content-type': 'application/gzip',
      'content-disposition': `attachment; filename="${id}.tar.gz"`,
      'content-length': '3000',
      'accept-ranges': 'bytes',
      'cache-control': 'private, no-transform',
      etag,
    });
  });

  test('HEAD has the same headers and no body, and ignores ranges', async () => {
    const whole = await get();
    sources.length = 0;
    const head = await get({ range: 'bytes=5-9' }, 'HEAD');
    expect(head.status).toBe(200);
    expect(head.body).toHaveLength(0);
    expect(head.headers).toEqual({ ...whole.headers, 'x-request-id': expect.any(String) });
    expect(sources[0]?.reads).toEqual([]);
  });

  test.each([
    ['bytes=0-0', 0, 1],
    ['bytes=100-199', 100, 200],
    ['bytes=2999-', 2999, 3000],
    ['bytes=2990-5000', 2990, 3000],
    ['bytes=-10', 2990, 3000],
    ['bytes=-99999', 0, 3000],
    ['BYTES= 5-6', 5, 7],
  ])('Range: %s', async (range, start, end) => {
    const answer = await get({ range });
    expect(answer.status).toBe(206);
    expect(answer.body).toEqual(bytes.subarray(start, end));
    expect(answer.headers).toMatchObject({
      'content-range': `bytes ${start}-${end - 1}/3000`,
      'content-length': `${end - start}`,
      etag,
    });
  });

  test.each(['bytes=3000-', 'bytes=-0', 'bytes=9999-10000', 'bytes=5000-,6000-'])('Range: %s is 416', async (range) => {
    const answer = await get({ range });
    expect(answer.status).toBe(416);
    expect(answer.headers['content-range']).toBe('bytes */3000');
    expect(answer.body).toHaveLength(0);
  });

  test.each(['bytes=0-1,5-6', 'bytes=5-1', 'bytes=a-b', 'lines=1-2', 'bytes=', 'bytes 0-5', 'bytes=1-2-3'])(
    'Range: %s counts for nothing',
    async (range) => {
      const answer = await get({ range });
      expect(answer.status).toBe(200);
      expect(answer.body).toHaveLength(3000);
    },
  );

  test('If-Range keeps the range for the same archive only', async () => {
    expect((await get({ range: 'bytes=5-', 'if-range': etag })).status).toBe(206);
    for (const other of ['"other"', `W/${etag}`, 'Mon, 15 Jan 2024 12:00:00 GMT']) {
      sources.length = 0;
      expect((await get({ range: 'bytes=5-', 'if-range': other })).status).toBe(200);
    }
  });

  test.each([
    ['if-none-match', (tag: string) => tag, 304],
    ['if-none-match', (tag: string) => `"x", W/${tag}`, 304],
    ['if-none-match', () => '*', 304],
    ['if-none-match', () => '"x"', 200],
    ['if-match', (tag: string) => tag, 200],
    ['if-match', () => '*', 200],
    ['if-match', () => '"x"', 412],
    ['if-match', (tag: string) => `W/${tag}`, 412],
  ])('%s decides (%#)', async (name, value, status) => {
    const answer = await get({ [name]: value(etag) });
    expect(answer.status).toBe(status);
    if (status !== 200) expect(answer.body).toHaveLength(0);
    if (status === 304) expect(answer.headers['etag']).toBe(etag);
  });

  test('that cannot be read is a clean error, and its source is closed', async () => {
    let closes = 0;
    node.service.sourceOf = () => ({
      size: 10,
      read: () => Promise.reject(new Error('disk on fire at /var/lib')),
      close: async () => void closes++,
    });
    const answer = await node.call('GET', url, { token: '' });
    expect(answer).toMatchObject({ status: 500, body: { code: 'internal' } });
    expect(answer.text).not.toContain('/var/lib');
    expect(closes).toBe(1);
  });

  test('whose source does not close is sent all the same', async () => {
    node.service.sourceOf = () => ({
      ...memorySource(bytes),
      close: () => Promise.reject(new Error('cannot close')),
    });
    expect((await node.call('GET', url, { token: '' })).text).toHaveLength(bytes.toString().length);
    expect(node.logged.join('')).toContain('Cannot close a download');
  });
});

describe('one file out of a backup', () => {
  const content = (id: string, path: string, method = 'GET') =>
    node.call(method, `${BACKUPS}/${id}/files/content?path=${path}`);

  test('is an attachment that no browser opens', async () => {
    const { id } = node.service.add();
    const answer = await content(id, 'plugins/config.yml');
    expect(answer.status).toBe(200);
    expect(answer.text).toBe('content');
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      'content-type': 'application/octet-stream',
      'content-disposition': 'attachment; filename="config.yml"',
      'content-length': '7',
      'x-content-type-options': 'nosniff',
    });
  });

  test.each([
    ['world', 'world'],
    ['/world/', 'world'],
    ['./world', 'world'],
    ['a%20b+c%2Bd', 'a b c+d'],
    ['%C3%A4/%E5%AF%86', 'ä/密'],
    ['a%FFb', String.raw`a\xffb`],
    [String.raw`a\xffb`, String.raw`a\xffb`],
    ['100%25%zz', '100%%zz'],
    ['a%2Fb', 'a/b'],
  ])('path=%s names %j', async (sent, path) => {
    const { id } = node.service.add();
    expect((await content(id, sent)).status).toBe(200);
    expect(node.service.lastCall('content')).toEqual([SERVER, id, path]);
  });

  test.each(['..', 'a/../b', 'a//b', 'a/./b', '%2e%2e%2fetc', 'a%00'])('path=%s is in no archive', async (sent) => {
    const { id } = node.service.add();
    expect(await content(id, sent)).toMatchObject({ status: 404, body: { code: 'path_not_found' } });
    expect(node.service.lastCall('content')).toBeUndefined();
  });

  test('HEAD frees what was opened', async () => {
    const { id } = node.service.add();
    let stopped: AbortSignal | undefined;
    node.service.contentOf = (path, signal) => {
      stopped = signal;
      return memoryContent(path, 'content');
    };
    expect(await content(id, 'a', 'HEAD')).toMatchObject({ status: 200, text: '' });
    expect(stopped?.aborted).toBe(true);
  });

  test('an empty file has an empty answer', async () => {
    const { id } = node.service.add();
    node.service.contentOf = (path) => memoryContent(path, '');
    const answer = await content(id, 'a');
    expect(answer).toMatchObject({ status: 200, text: '' });
    expect(answer.headers.get('content-length')).toBe('0');
  });

  test('that is damaged from its first byte is a clean error', async () => {
    const { id } = node.service.add();
    node.service.contentOf = (path) => ({ ...memoryContent(path, ''), size: 7 });
    expect(await content(id, 'a')).toMatchObject({ status: 422, body: { code: 'archive_damaged' } });
  });
});

test('a directory level is passed on with its cursor', async () => {
  const { id } = node.service.add();
  const answer = await node.call('GET', `${BACKUPS}/${id}/files?path=/world/`);
  expect(answer.body).toEqual({
    path: 'world',
    entries: [
      { name: 'region', kind: 'directory', size: 0, mode: 0o755, mtime: 1_700_000_000 },
      { name: 'now', kind: 'symlink', size: 0, mode: 0o777, mtime: -5, target: 'region' },
    ],
    cursor: 'next',
  });
  const last = await node.call('GET', `${BACKUPS}/${id}/files?cursor=next`);
  expect(last.body).toMatchObject({ path: '' });
  expect(last.body).not.toHaveProperty('cursor');
  expect(node.service.lastCall('files')).toEqual([SERVER, id, '', 'next']);
});
