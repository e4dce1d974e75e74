import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Failure, unlessAborted } from '../../../../src/base/failure.ts';
import { TokenDenylist, RESUME_SECONDS } from '../../../../src/protocols/wings/tokens/denylist.ts';
import { eventually } from '../../../support/eventually.ts';
import { openPanelNode, USER } from '../../../support/panel-node.ts';
import { memorySource, OTHER_SERVER, SERVER, UNKNOWN } from '../../../support/scripted-service.ts';
import { ALL_FLAVOURS, NODE_TOKEN } from '../../../support/wings-app.ts';

const UNEXPECTED =
  /^\{"error":"An unexpected error was encountered while processing this request","request_id":"[^"]+"\}$/;
const RESOURCE = '{"error":"The requested resource was not found on this server."}';
const GO = {
  invalid: [500, UNEXPECTED],
  denied: [404, RESOURCE],
  used: [404, RESOURCE],
  server: [404, RESOURCE],
  missing: [404, '{"error":"The requested backup was not found on this server."}'],
  broken: [500, UNEXPECTED],
} as const;
const RUST = {
  // W src/remote/jwt.rs: the reason follows where there is one.
  invalid: [401, /^\{"error":"invalid token(: token (is expired|is not yet valid|has invalid issued at time))?"\}$/],
  denied: [401, /^\{"error":"invalid token(: token has been denied)?"\}$/],
  used: [401, '{"error":"token has already been used"}'],
  server: [404, '{"error":"server not found"}'],
  missing: [404, '{"error":"backup not found"}'],
  broken: [417, '{"error":"failed to download backup"}'],
} as const;

const ARCHIVE = randomBytes(3_000_000);

async function openDownloads(flavour: (typeof ALL_FLAVOURS)[number]) {
  const node = await openPanelNode(flavour);
  node.service.sourceOf = () => memorySource(ARCHIVE);
  const backup = node.service.add();
  const get = (token: string | undefined, headers: Record<string, string> = {}, method = 'GET') =>
    fetch(`${node.url}/download/backup${token === undefined ? '' : `?token=${token}`}`, {
      headers,
      method,
      redirect: 'manual',
    });
  const told = async (token: string | undefined, headers?: Record<string, string>) => {
    const answer = await get(token, headers);
    return [answer.status, await answer.text()] as const;
  };
  const refusals = flavour === 'calagopus' ? RUST : GO;
  const refused = (kind: keyof typeof GO) => {
    const [status, body] = refusals[kind];
    return [status, typeof body === 'string' ? body : expect.stringMatching(body)];
  };
  return { ...node, backup, get, told, refused, link: (more = {}) => node.downloadToken(backup.id, more) };
}

async function bytesOf(answer: Response): Promise<Buffer> {
  return Buffer.from(await answer.arrayBuffer());
}

describe.each(ALL_FLAVOURS)('%s', (flavour) => {
  test('a link gives the archive under its id, without any further credential', async () => {
    const { get, link, backup } = await openDownloads(flavour);
    const answer = await get(link());
    expect(answer.status).toBe(200);
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      'content-length': `${ARCHIVE.length}`,
      'content-disposition': `attachment; filename="${backup.id}.tar.gz"`,
      'content-type': flavour === 'calagopus' ? 'application/gzip' : 'application/octet-stream',
      'accept-ranges': 'bytes',
    });
    expect((await bytesOf(answer)).equals(ARCHIVE)).toBe(true);
  });

  test('pieces by several connections, HEAD, and a resume after a cut are one download', async () => {
    const { get, link } = await openDownloads(flavour);
    const token = link();
    expect((await get(token, {}, 'HEAD')).headers.get('content-length')).toBe(`${ARCHIVE.length}`);
    const ranges = ['bytes=0-999999', 'bytes=1000000-1999999', 'bytes=2000000-'];
    const pieces = await Promise.all(ranges.map(async (range) => get(token, { range })));
    expect(pieces.map(({ status }) => status)).toEqual([206, 206, 206]);
    expect(Buffer.concat(await Promise.all(pieces.map(bytesOf))).equals(ARCHIVE)).toBe(true);
    const cut = await get(token);
    await cut.body?.cancel();
    const rest = await get(token, { range: 'bytes=1500000-', 'if-range': cut.headers.get('etag') ?? '' });
    expect([rest.status, rest.headers.get('content-range')]).toEqual([206, `bytes 1500000-2999999/${ARCHIVE.length}`]);
    expect((await bytesOf(rest)).equals(ARCHIVE.subarray(1_500_000))).toBe(true);
  });

  test('no more than 16 connections hold one download; who hangs up, ends or asks in vain makes room', async () => {
    const { get, link, told, service } = await openDownloads(flavour);
    // More than one piece, of which the second does not come: what the connections hold cannot hide in their buffers.
    const gate = Promise.withResolvers<void>();
    service.sourceOf = () => {
      const source = memorySource(ARCHIVE);
      const read: typeof source.read = async (offset, length, signal) => {
        if (offset > 1000) await unlessAborted(gate.promise, signal, 'Cannot read');
        return source.read(offset, length, signal);
      };
      return { size: source.size, read, close: () => source.close() };
    };
    const [token, another] = [link(), link({ unique_id: 'another' })];
    const take = () => get(token, { range: 'bytes=1000-' });
    const held = await Promise.all(Array.from({ length: 16 }, take));
    expect(held.map(({ status }) => status)).toEqual(held.map(() => 206));
    expect(await told(token)).toEqual([429, '{"error":"This download has too many open connections."}']);
    expect((await get(another)).status).toBe(200);
    await held[0]?.body?.cancel();
    await eventually(async () => (await get(token, {}, 'HEAD')).status === 200);
    // None of these keeps a place.
    for (let times = 0; times < 20; times++) expect((await get(token, { range: 'bytes=9000000-' })).status).toBe(416);
    gate.resolve();
    await Promise.all(held.slice(1).map(bytesOf));
    const again = await eventually(async () => {
      const all = await Promise.all(Array.from({ length: 16 }, take));
      const ends = await Promise.all(all.map(bytesOf));
      return all.every(({ status }) => status === 206) && ends;
    });
    expect(again.every((bytes) => bytes.equals(ARCHIVE.subarray(1000)))).toBe(true);
  });

  test('what has begun may be resumed for hours after the link expired; what has not may not begin', async () => {
    const { get, told, link, refused, time, backup, downloadToken } = await openDownloads(flavour);
    const [begun, late] = [link(), link({ unique_id: 'late' })];
    await bytesOf(await get(begun, { range: 'bytes=0-9' }));
    time.advance((900 + RESUME_SECONDS) * 1000);
    const rest = await get(begun, { range: 'bytes=10-' });
    expect([rest.status, (await bytesOf(rest)).length]).toEqual([206, ARCHIVE.length - 10]);
    expect(await told(begun)).toEqual(refused('invalid'));
    expect(await told(late, { range: 'bytes=10-' })).toEqual(refused('invalid'));
    expect((await get(downloadToken(backup.id))).status).toBe(200);
    time.advance(1000);
    expect(await told(begun, { range: 'bytes=10-' })).toEqual(refused('invalid'));
  });

  test('a resume asks what a beginning asks: denied, rotated and removed links are over', async () => {
    const { get, told, link, refused, time, backup, denylist, credentials, service } = await openDownloads(flavour);
    const range = { range: 'bytes=10-' };
    const [denied, whole] = [link({ jti: 'denied' }), link({ unique_id: 'whole' })];
    for (const token of [denied, whole]) await bytesOf(await get(token, { range: 'bytes=0-9' }));
    denylist.denyTokens(['denied']);
    time.advance(1_000_000);
    expect(await told(denied, range)).toEqual(refused('denied'));
    expect((await get(whole, range)).status).toBe(206);
    service.backupViews.delete(backup.id);
    expect(await told(whole, range)).toEqual(refused('missing'));
    service.backupViews.set(backup.id, backup);
    credentials.rotate({ tokenId: 'x', token: 'another-token-of-the-node' });
    expect(await told(whole, range)).toEqual(refused('invalid'));
  });

  test('the same unique_id opens no other archive', async () => {
    const { get, told, downloadToken, link, refused, service } = await openDownloads(flavour);
    const other = service.add();
    expect((await get(link({ unique_id: 'one' }))).status).toBe(200);
    expect(await told(downloadToken(other.id, { unique_id: 'one' }))).toEqual(refused('used'));
    expect((await get(link({ unique_id: 'one' }))).status).toBe(200);
    expect((await get(downloadToken(other.id, { unique_id: 'two' }))).status).toBe(200);
  });

  test('a link that finds no archive is not used up', async () => {
    const { get, told, link, refused, service, backup } = await openDownloads(flavour);
    const token = link();
    service.backupViews.set(backup.id, { ...backup, status: 'IN_PROGRESS' });
    expect(await told(token)).toEqual(refused('missing'));
    service.backupViews.set(backup.id, { ...backup, status: 'FAILED' });
    expect(await told(token)).toEqual(refused('missing'));
    service.backupViews.set(backup.id, { ...backup, status: 'RESTORING' });
    expect((await get(token)).status).toBe(200);
  });

  test('missing, broken, foreign, expired and future tokens are told that they are invalid', async () => {
    const { told, link, refused, sign, socketToken, time } = await openDownloads(flavour);
    const now = time.now() / 1000;
    const bad = [
      undefined,
      '',
      'x',
      `${link()}x`,
      NODE_TOKEN,
      sign({}),
      link({ exp: now - 1 }),
      link({ exp: undefined }),
      link({ backup_uuid: '../../../etc/passwd' }),
      ...(flavour === 'calagopus' ? [link({ iat: now + 9 }), link({ backup_uuid: undefined }), socketToken()] : []),
    ];
    for (const token of bad) expect([token, await told(token)]).toEqual([token, refused('invalid')]);
  });

  test('denied ids and users, and a scope for something else, open nothing', async () => {
    const { told, link, refused, denylist, get, time } = await openDownloads(flavour);
    expect(await told(link({ scope: 'websocket' }))).toEqual(refused('denied'));
    denylist.denyTokens(['denied']);
    expect(await told(link({ jti: 'denied' }))).toEqual(refused('denied'));
    const token = link();
    denylist.denyUser(USER.uuid, [SERVER]);
    expect(await told(token)).toEqual(refused('denied'));
    time.advance(1000);
    expect((await get(link())).status).toBe(200);
  });

  test('server and backup of a link belong together, and a foreign backup is as good as none', async () => {
    const { told, downloadToken, refused, service } = await openDownloads(flavour);
    const foreign = service.add({ server: OTHER_SERVER });
    expect(await told(downloadToken(foreign.id, { server_uuid: SERVER }))).toEqual(refused('missing'));
    expect(await told(downloadToken(UNKNOWN, { server_uuid: SERVER }))).toEqual(refused('missing'));
    expect(await told(downloadToken(foreign.id, { server_uuid: UNKNOWN }))).toEqual(refused('server'));
    expect(service.lastCall('download')).toBeUndefined();
  });

  test('a store that is away is an error of the node, and the link is good for the next try', async () => {
    const { told, get, link, refused, service, logged } = await openDownloads(flavour);
    const token = link();
    service.failWith('download', new Failure('store_unreachable', 'Cannot reach the store', { retry: true }));
    expect(await told(token)).toEqual(refused('broken'));
    service.failWith('download', undefined);
    expect((await get(token)).status).toBe(200);
    expect(logged.join('\n')).not.toContain(token);
    expect(logged.filter((line) => line.includes('"level":"error"'))).toHaveLength(1);
  });

  test('goes to the storage itself where the operator wants that', async () => {
    const { get, link, service } = await openDownloads(flavour);
    service.elsewhere = 'https://bucket.test/archive?signed';
    const answer = await get(link());
    expect([answer.status, answer.headers.get('location')]).toEqual([302, 'https://bucket.test/archive?signed']);
    expect((await get(link(), {}, 'HEAD')).status).toBe(200);
  });

  test('random claims never break it, nor open what they do not name', async () => {
    const { call, sign, time, service, backup, link, logged } = await openDownloads(flavour);
    const now = time.now() / 1000;
    const foreign = service.add({ server: OTHER_SERVER });
    const value = fc.oneof(
      fc.constantFrom(SERVER, OTHER_SERVER, backup.id, foreign.id, now, now + 60, now - 60, 'backup-download', null),
      fc.jsonValue(),
    );
    const names = ['iss', 'jti', 'iat', 'nbf', 'exp', 'user_uuid', 'server_uuid', 'backup_uuid', 'unique_id', 'scope'];
    const claims = fc.dictionary(fc.constantFrom(...names, 'permissions', '__proto__'), value, { maxKeys: 3 });
    const good = JSON.parse(Buffer.from(link().split('.')[1] ?? '', 'base64url').toString()) as object;
    await fc.assert(
      fc.asyncProperty(claims, async (changes) => {
        service.calls.length = 0;
        const said: Record<string, unknown> = { ...good, ...changes };
        const answer = await call('HEAD', `/download/backup?token=${sign(said)}`, { token: '' });
        expect(logged.filter((line) => line.includes('"level":"error"'))).toEqual([]);
        expect([200, 401, 404, flavour === 'calagopus' ? 401 : 500]).toContain(answer.status);
        const opened = service.lastCall('download');
        expect(answer.status === 200).toBe(opened !== undefined);
        if (opened === undefined) return;
        const [server, id] = opened;
        expect([id, said['server_uuid'] ?? server]).toEqual([said['backup_uuid'], server]);
        expect(server).toBe(id === foreign.id ? OTHER_SERVER : SERVER);
        expect(said['exp']).toBeGreaterThanOrEqual(now);
      }),
      { numRuns: 150 },
    );
  });
});

test.each(ALL_FLAVOURS)('%s: what had begun before a restart goes on; a link that had not is old', async (flavour) => {
  const before = await openDownloads(flavour);
  const [begun, unused] = [before.link(), before.link({ unique_id: 'unused' })];
  await bytesOf(await before.get(begun, { range: 'bytes=0-9' }));
  before.time.advance(5000);
  const after = await openPanelNode(flavour, { denylist: TokenDenylist.open(before.catalogue, before.time) });
  after.time.advance(5000);
  after.service.backupViews.set(before.backup.id, before.backup);
  const ask = async (token: string) => (await fetch(`${after.url}/download/backup?token=${token}`)).status;
  expect(await ask(begun)).toBe(200);
  expect(await ask(unused)).toBe({ pterodactyl: 200, pelican: 404, calagopus: 401 }[flavour]);
});

test('Calagopus names the backup alone, also of a server that has left the node', async () => {
  const { get, downloadToken, service } = await openDownloads('calagopus');
  const left = service.add({ server: UNKNOWN as typeof SERVER });
  const token = downloadToken(left.id);
  expect((await get(token)).status).toBe(200);
});

test('the others need the server’s name', async () => {
  const { told, link, refused } = await openDownloads('pterodactyl');
  expect(await told(link({ server_uuid: undefined }))).toEqual(refused('server'));
});
