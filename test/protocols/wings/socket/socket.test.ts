import { describe, expect, test } from 'vitest';
import { Failure } from '../../../../src/base/failure.ts';
import type { BackupId, JobId } from '../../../../src/base/ids.ts';
import { printableText } from '../../../../src/base/files/paths.ts';
import type { JobView } from '../../../../src/jobs/contract.ts';
import { eventually } from '../../../support/eventually.ts';
import type { ManualTime } from '../../../support/manual-time.ts';
import { openPanelNode, USER, type Page } from '../../../support/panel-node.ts';
import { OTHER_SERVER, SERVER, UNKNOWN } from '../../../support/scripted-service.ts';
import { ALL_FLAVOURS, NODE_TOKEN, PANEL_URL } from '../../../support/wings-app.ts';

const BACKUP = 'bbbbbbbb-0000-4000-8000-000000000001' as BackupId;
const JOB = 'cccccccc-0000-4000-8000-000000000001' as JobId;
const tell = { server: SERVER, backup: BACKUP, data: {} } as const;
const made = { sha256: 'ab'.repeat(32), size: 700, files: 3 };

const ERROR_ID = '[0-9a-f-]{36}';
const GO = ['pterodactyl', 'pelican'] as const;

/** Lets time pass as a page sees it that answers each ping; what it heard is taken. */
async function grow(page: Page, time: ManualTime, seconds: number): Promise<void> {
  for (let passed = 0; passed < seconds; passed += 30) {
    time.advance(30_000);
    await page.heard();
  }
}

function wrapped(text: string): unknown {
  return expect.stringMatching(new RegExp(`^Error Event \\[${ERROR_ID}\\]: ${text.replace(/[()]/g, '\\$&')}$`));
}

describe('who may connect', () => {
  test.each(GO)('%s: pages of the panel, of this node and of allowed origins, and no others', async (flavour) => {
    const { connect, url } = await openPanelNode(flavour, { allowedOrigins: ['https://friend.test'] });
    for (const origin of [PANEL_URL, url, 'https://friend.test']) {
      expect([origin, await connect({ origin }).opened]).toEqual([origin, undefined]);
    }
    const strangers = [null, 'null', `${PANEL_URL}.evil.test`, `${PANEL_URL}/`, PANEL_URL.replace('https', 'http')];
    for (const origin of [...strangers, 'https://friend.test:444', url.replace('127.0.0.1', 'localhost')]) {
      expect([origin, await connect({ origin }).opened]).toEqual([origin, 403]);
    }
  });

  test('calagopus does not ask; nor do the others when every origin is allowed', async () => {
    const anywhere = [null, 'https://evil.test'];
    const { connect } = await openPanelNode('calagopus');
    for (const origin of anywhere) expect(await connect({ origin }).opened).toBeUndefined();
    const open = await openPanelNode('pelican', { allowedOrigins: ['*'] });
    for (const origin of anywhere) expect(await open.connect({ origin }).opened).toBeUndefined();
  });

  test('the address that the operator made public counts as this node’s', async () => {
    const api = { publicUrl: 'https://node.test:8443/roost', trustedProxies: [], tls: null };
    const { connect } = await openPanelNode('pterodactyl', {}, { api });
    expect(await connect({ origin: 'https://node.test:8443' }).opened).toBeUndefined();
  });

  test.each(ALL_FLAVOURS)('%s: an unknown server is 404, as is a name that is no UUID', async (flavour) => {
    const { connect } = await openPanelNode(flavour);
    expect(await connect({ server: UNKNOWN }).opened).toBe(404);
    expect(await connect({ server: 'no-uuid' }).opened).toBe(404);
    expect(await connect({ server: SERVER.toUpperCase() }).opened).toBeUndefined();
  });

  test('asked for without an upgrade it says which it wants', async () => {
    const { call } = await openPanelNode('pterodactyl');
    const answer = await call('GET', `/api/servers/${SERVER}/ws`, { token: '' });
    expect([answer.status, answer.headers.get('upgrade')]).toEqual([426, 'websocket']);
  });

  test('a catalogue that cannot be read is an error of the request, not of the daemon', async () => {
    const { connect, service } = await openPanelNode('pelican');
    service.failWith('server', new Failure('internal', 'Cannot read'));
    expect(await connect().opened).toBe(500);
  });
});

describe('authentication', () => {
  test.each(GO)('%s: success, then the state of the game', async (flavour) => {
    const { connect, socketToken } = await openPanelNode(flavour);
    const page = connect();
    await page.send('auth', socketToken());
    await eventually(() => page.texts.length === 3);
    expect(page.texts[0]).toBe('{"event":"auth success"}');
    expect(page.texts[1]).toBe('{"event":"status","args":["offline"]}');
    const stats = page.frames[2];
    expect(stats?.event).toBe('stats');
    expect(JSON.parse(stats?.args?.[0] ?? '')).toMatchObject({ state: 'offline', memory_bytes: 0, disk_bytes: 0 });
  });

  test('calagopus: success with the permissions', async () => {
    const { connect, socketToken } = await openPanelNode('calagopus');
    const page = connect();
    await page.send('auth', socketToken({}, ['websocket.connect', 'backup.read']));
    await eventually(() => page.texts.length === 3);
    expect(page.texts[0]).toBe('{"event":"auth success","args":["websocket.connect","backup.read"]}');
    expect(page.texts[1]).toBe('{"event":"status","args":["offline"]}');
  });

  test('arguments in pieces are one token', async () => {
    const { connect, socketToken } = await openPanelNode('pterodactyl');
    const token = socketToken();
    const page = connect();
    await page.send('auth', token.slice(0, 40), null, token.slice(40));
    expect(await page.take(1)).toEqual([{ event: 'auth success' }]);
  });

  test.each(GO)('%s: what is no token is a daemon error', async (flavour) => {
    const { connect, sign, socketToken } = await openPanelNode(flavour);
    const [head = '', body = '', mac = ''] = socketToken().split('.');
    const bad = ['', 'x', `${head}.${body}.`, `${head}.${body}.${mac.slice(0, -2)}AA`, sign({ exp: 1.5 })];
    for (const token of bad) {
      const page = connect();
      await page.send('auth', token);
      expect(await page.take(1)).toEqual([
        { event: 'daemon error', args: [wrapped('an unexpected error was encountered while handling this request')] },
      ]);
    }
  });

  test.each(GO)('%s: says why a token is not taken, in the words that pages compare', async (flavour) => {
    const { connect, socketToken, time } = await openPanelNode(flavour);
    const now = time.now() / 1000;
    const cases = [
      [{ exp: now - 1 }, 'jwt: exp claim is invalid'],
      [{ exp: undefined }, 'jwt: exp claim is invalid'],
      [{ iat: now - 1 }, 'jwt: created too far in past (denylist)'],
      [{ iat: undefined }, 'jwt: created too far in past (denylist)'],
      [{ permissions: ['backup.read'] }, 'jwt: missing connect permission'],
      [{ scope: 'file-upload websocketx' }, 'jwt: missing connect permission'],
    ] as const;
    for (const [claims, text] of cases) {
      const page = connect();
      await page.send('auth', socketToken(claims));
      expect(await page.take(1)).toEqual([{ event: 'jwt error', args: [wrapped(text)] }]);
    }
  });

  test('pelican needs a scope, the others take a token without one', async () => {
    const { connect, socketToken } = await openPanelNode('pelican');
    const page = connect();
    await page.send('auth', socketToken({ scope: undefined }));
    expect(await page.take(1)).toEqual([{ event: 'jwt error', args: [wrapped('jwt: missing connect permission')] }]);
    for (const flavour of ['pterodactyl', 'calagopus'] as const) {
      const node = await openPanelNode(flavour);
      expect((await node.page()).socket.readyState).toBe(1);
    }
  });

  test.each(GO)('%s: a token of another server succeeds, and opens nothing', async (flavour) => {
    const { connect, socketToken, events } = await openPanelNode(flavour);
    const page = connect();
    await page.send('auth', socketToken({ server_uuid: OTHER_SERVER }));
    expect(await page.take(2)).toEqual([
      { event: 'auth success' },
      { event: 'jwt error', args: ['jwt: server uuid mismatch'] },
    ]);
    await page.send('send stats', null);
    events.emit({ ...tell, type: 'backup.completed', data: made });
    events.emit({ ...tell, type: 'backup.progress' });
    const mismatch = { event: 'jwt error', args: ['jwt: server uuid mismatch'] };
    expect(await page.take(2)).toEqual([mismatch, mismatch]);
    expect(await page.heard()).toEqual([]);
  });

  test('calagopus: an expired, old or foreign token is expired; what may not connect is closed', async () => {
    const { connect, socketToken, time } = await openPanelNode('calagopus');
    const now = time.now() / 1000;
    for (const [claims, text] of [
      [{ exp: now - 1 }, 'invalid token: token is expired'],
      [{ iat: now - 1 }, 'invalid token: token has been denied'],
      [{ iat: now + 9 }, 'invalid token: token has invalid issued at time'],
      [{ nbf: now + 9 }, 'invalid token: token is not yet valid'],
      [{ server_uuid: OTHER_SERVER }, 'invalid token'],
    ] as const) {
      const page = connect();
      await page.send('auth', socketToken(claims));
      expect(await page.take(2)).toEqual([
        { event: 'token expired', args: [] },
        { event: 'jwt error', args: [text] },
      ]);
    }
    for (const token of ['x', socketToken({ iss: undefined }), socketToken({}, ['backup.read'])]) {
      const page = connect();
      await page.send('auth', token);
      expect(await page.closed).toEqual([1008, 'permission denied']);
      expect(page.frames).toEqual([]);
    }
  });

  test.each(GO)('%s: whoever speaks before is told that there is no token', async (flavour) => {
    const { connect, events } = await openPanelNode(flavour);
    const page = connect();
    await page.send('send stats', null);
    expect(await page.take(1)).toEqual([{ event: 'jwt error', args: ['jwt: no jwt present'] }]);
    events.emit({ ...tell, type: 'backup.completed', data: made });
    expect(await page.heard()).toEqual([]);
  });

  test('calagopus closes whoever speaks before', async () => {
    const { connect } = await openPanelNode('calagopus');
    const page = connect();
    await page.send('send stats');
    expect((await page.closed)[0]).toBe(1008);
  });

  test.each(ALL_FLAVOURS)('%s: who presents no token for half a minute is closed', async (flavour) => {
    const { connect, time } = await openPanelNode(flavour);
    const page = connect();
    await page.opened;
    await eventually(() => time.pending > 0);
    time.advance(29_999);
    expect(await page.heard()).toEqual([]);
    time.advance(1);
    expect(await page.closed).toEqual([1008, 'no token was presented']);
    expect(time.pending).toBe(0);
  });

  test('a token that was presented is not in the log', async () => {
    const { connect, socketToken, logged } = await openPanelNode('pterodactyl');
    const page = connect();
    const tokens = [socketToken(), socketToken({ exp: 1 }), `${socketToken()}x`];
    for (const token of tokens) await page.send('auth', token);
    await page.take(3);
    for (const token of [...tokens, NODE_TOKEN]) expect(logged.join('\n')).not.toContain(token);
  });
});

describe('a token that grows old', () => {
  test.each(ALL_FLAVOURS)('%s: is told of in its last minute, and when it is over', async (flavour) => {
    const { page: open, time } = await openPanelNode(flavour);
    const page = await open();
    for (let passed = 30; passed < 540; passed += 30) {
      time.advance(30_000);
      expect([passed, await page.heard()]).toEqual([passed, []]);
    }
    const args = flavour === 'calagopus' ? { args: [] } : {};
    for (const left of [60, 30]) {
      time.advance(30_000);
      expect([left, await page.heard()]).toEqual([left, [{ event: 'token expiring', ...args }]]);
    }
    const over = { event: 'jwt error', args: ['jwt: exp claim is invalid'] };
    time.advance(30_000);
    expect(await page.heard()).toEqual([
      { event: 'token expired', ...args },
      ...(flavour === 'calagopus' ? [] : [over]),
    ]);
  });

  test.each(GO)(
    '%s: after it an event is an error, progress is silence, and so is what the page asks',
    async (flavour) => {
      const { page: open, time, events } = await openPanelNode(flavour);
      const page = await open();
      await grow(page, time, 630);
      events.emit({ ...tell, type: 'backup.progress' });
      events.emit({ ...tell, type: 'backup.completed', data: made });
      const over = { event: 'jwt error', args: ['jwt: exp claim is invalid'] };
      expect(await page.heard()).toEqual([over]);
      await page.send('send stats', null);
      expect(await page.take(1)).toEqual([over]);
    },
  );

  test('calagopus: after it nothing is told, and whoever speaks is closed', async () => {
    const { page: open, time, events } = await openPanelNode('calagopus');
    const page = await open();
    await grow(page, time, 630);
    events.emit({ ...tell, type: 'backup.completed', data: made });
    expect(await page.heard()).toEqual([]);
    await page.send('send stats');
    expect((await page.closed)[0]).toBe(1008);
  });

  test.each(ALL_FLAVOURS)('%s: a new one is taken on the open socket, and counts from then on', async (flavour) => {
    const { page: open, time, events, socketToken } = await openPanelNode(flavour);
    const page = await open();
    await grow(page, time, 570);
    await page.send('auth', socketToken({}, ['websocket.connect']));
    expect(await page.take(1)).toMatchObject([{ event: 'auth success' }]);
    await grow(page, time, 60);
    // Its permissions count too: these are fewer.
    events.emit({ ...tell, type: 'backup.completed', data: made });
    events.emit({ ...tell, type: 'restore.completed' });
    expect((await page.heard()).map(({ event }) => event)).toEqual([
      'daemon message',
      ...(flavour === 'calagopus' ? [] : ['backup restore completed']),
    ]);
  });

  test.each(GO)('%s: a refused new one leaves the old one in force', async (flavour) => {
    const { page: open, time, socketToken } = await openPanelNode(flavour);
    const page = await open();
    time.advance(30_000);
    await page.heard();
    await page.send('auth', socketToken({ exp: 1 }));
    expect(await page.take(1)).toMatchObject([{ event: 'jwt error' }]);
    await page.send('send stats', null);
    expect(await page.take(1)).toMatchObject([{ event: 'stats' }]);
  });

  test('after a new token of the node, tokens of the old one open nothing', async () => {
    const { page: open, connect, credentials, socketToken } = await openPanelNode('pterodactyl');
    const old = socketToken();
    const page = await open(old);
    credentials.rotate({ tokenId: 'another', token: 'another-token-of-the-node' });
    const late = connect();
    await late.send('auth', old);
    expect(await late.take(1)).toMatchObject([{ event: 'daemon error' }]);
    expect((await open(socketToken())).socket.readyState).toBe(1);
    expect(page.socket.readyState).toBe(1);
  });
});

describe('what is taken back', () => {
  test.each(ALL_FLAVOURS)('%s: a denied token closes its socket, and opens none', async (flavour) => {
    const { page: open, connect, denylist, socketToken, time } = await openPanelNode(flavour);
    const denied = await open(socketToken({ jti: 'one' }));
    const other = await open(socketToken({ jti: 'two' }));
    denylist.denyTokens(['one']);
    expect(await denied.closed).toEqual([1008, 'permission revoked']);
    const told = { event: 'jwt error', args: ['jwt: created too far in past (denylist)'] };
    expect(denied.frames).toEqual(flavour === 'calagopus' ? [] : [told]);
    expect(await other.heard()).toEqual([]);
    const again = connect();
    await again.send('auth', socketToken({ jti: 'one' }));
    expect((await again.take(1))[0]?.event).not.toBe('auth success');
    time.advance(1000);
    expect((await open(socketToken({ jti: 'one' }))).socket.readyState).toBe(1);
  });

  test.each(ALL_FLAVOURS)('%s: a user loses the sockets of the servers that are named, or all', async (flavour) => {
    const { page: open, denylist, socketToken } = await openPanelNode(flavour);
    const other = { user_uuid: UNKNOWN, jti: 'other' };
    const [here, elsewhere, others] = [
      await open(),
      await open(socketToken({ server_uuid: OTHER_SERVER }), { server: OTHER_SERVER }),
      await open(socketToken(other)),
    ];
    denylist.denyUser(USER.uuid, [SERVER]);
    expect((await here.closed)[0]).toBe(1008);
    expect(await elsewhere.heard()).toEqual([]);
    denylist.denyUser(USER.uuid, []);
    expect((await elsewhere.closed)[0]).toBe(1008);
    expect(await others.heard()).toEqual([]);
  });

  test.each(ALL_FLAVOURS)('%s: a deleted server says so and closes its sockets', async (flavour) => {
    const { page: open, connect, denylist, socketToken } = await openPanelNode(flavour);
    const [here, elsewhere] = [
      await open(),
      await open(socketToken({ server_uuid: OTHER_SERVER }), { server: OTHER_SERVER }),
    ];
    const stranger = connect();
    await stranger.opened;
    await stranger.heard();
    denylist.serverDeleted(SERVER);
    expect(await here.closed).toEqual([1001, 'server deleted']);
    expect(here.frames).toEqual([{ event: 'deleted', args: ['null'] }]);
    expect(await stranger.closed).toEqual([1001, 'server deleted']);
    expect(stranger.frames).toEqual([]);
    expect(await elsewhere.heard()).toEqual([]);
  });

  test('pelican closes the sockets of a suspended server, also those that come', async () => {
    const { page: open, connect, events, service } = await openPanelNode('pelican');
    const page = await open();
    events.emit({ type: 'server.status', server: SERVER, data: { status: 'READY', suspended: true } });
    expect(await page.closed).toEqual([4409, 'server is suspended']);
    await service.setServer(SERVER, { suspended: true });
    const late = connect();
    expect(await late.closed).toEqual([4409, 'server is suspended']);
    expect(await late.opened).toBeUndefined();
  });

  test.each(['pterodactyl', 'calagopus'] as const)('%s leaves them open', async (flavour) => {
    const { page: open, events, service } = await openPanelNode(flavour);
    const page = await open();
    events.emit({ type: 'server.status', server: SERVER, data: { status: 'READY', suspended: true } });
    expect(await page.heard()).toEqual([]);
    await service.setServer(SERVER, { suspended: true });
    expect((await open()).socket.readyState).toBe(1);
  });

  test('a restore does not close them, whatever the panel', async () => {
    const { page: open, events } = await openPanelNode('pelican');
    const page = await open();
    events.emit({ type: 'server.status', server: SERVER, data: { status: 'RESTORING' } });
    await page.send('send stats', null);
    expect(await page.take(1)).toMatchObject([{ event: 'stats' }]);
  });
});

describe('what happens on the server', () => {
  test.each(GO)('%s: the end of a backup is told under both names, and a failure is one', async (flavour) => {
    const { page: open, events } = await openPanelNode(flavour);
    const page = await open();
    events.emit({ ...tell, type: 'backup.started' });
    events.emit({ ...tell, type: 'backup.completed', data: made });
    const done = `{"uuid":"${BACKUP}","is_successful":true,"checksum":"${made.sha256}","checksum_type":"sha256","file_size":700}`;
    const failed = `{"uuid":"${BACKUP}","is_successful":false,"checksum":"","checksum_type":"sha1","file_size":0}`;
    expect(await page.heard()).toEqual([
      { event: `backup completed:${BACKUP}`, args: [done] },
      { event: 'backup completed', args: [done] },
    ]);
    for (const type of ['backup.failed', 'backup.cancelled'] as const) {
      events.emit({ ...tell, type });
      expect(await page.heard()).toEqual([
        { event: `backup completed:${BACKUP}`, args: [failed] },
        { event: 'backup completed', args: [failed] },
      ]);
    }
  });

  test('calagopus: start, progress and end of a backup', async () => {
    const { page: open, events } = await openPanelNode('calagopus');
    const page = await open();
    events.emit({ ...tell, type: 'backup.started' });
    events.emit({ ...tell, type: 'backup.progress', data: { bytesDone: 5, bytesTotal: 9, filesDone: 2 } });
    events.emit({ ...tell, type: 'backup.completed', data: made });
    events.emit({ ...tell, type: 'backup.failed' });
    events.emit({ ...tell, type: 'backup.deleted' });
    const facts = (values: object) => JSON.stringify({ ...values, browsable: false, streaming: false });
    expect(await page.heard()).toEqual([
      { event: 'backup started', args: [BACKUP] },
      { event: 'backup progress', args: [BACKUP, '{"bytes_processed":5,"bytes_total":9,"files_processed":2}'] },
      {
        event: 'backup completed',
        args: [
          BACKUP,
          facts({ checksum_type: 'sha256', checksum: made.sha256, size: 700, files: 3, successful: true }),
        ],
      },
      {
        event: 'backup completed',
        args: [BACKUP, facts({ checksum_type: '', checksum: '', size: 0, files: 0, successful: false })],
      },
      { event: 'backup deleted', args: [BACKUP, '{"successful":true}'] },
    ]);
  });

  test.each(ALL_FLAVOURS)('%s: progress is told at once, then twice a second, for each backup', async (flavour) => {
    const { page: open, events, time } = await openPanelNode(flavour);
    const page = await open();
    const progress = (done: number, backup = BACKUP) =>
      events.emit({ ...tell, backup, type: 'backup.progress', data: { bytesDone: done, bytesTotal: 9, filesDone: 0 } });
    progress(1);
    time.advance(499);
    progress(2);
    progress(3, UNKNOWN as BackupId);
    time.advance(1);
    progress(4);
    const shown = (done: number): object =>
      flavour === 'calagopus'
        ? { bytes_processed: done, bytes_total: 9, files_processed: 0 }
        : { progress: done, total: 9 };
    const told = (await page.heard()).map(({ args }) => [args?.[0], JSON.parse(args?.[1] ?? '') as object]);
    expect(told).toEqual([
      [BACKUP, shown(1)],
      [UNKNOWN, shown(3)],
      [BACKUP, shown(4)],
    ]);
  });

  test.each([
    ['pterodactyl', 'local', 'S3', [''], ['']],
    ['pelican', 'local', 'S3', [''], ['']],
    ['calagopus', 'wings', 's3', ['true'], ['false']],
  ] as const)('%s: a restore, its progress and its end', async (flavour, local, remote, args, failed) => {
    const { page: open, events, service } = await openPanelNode(flavour);
    const page = await open(undefined);
    const job = (request: object): JobView => ({ id: JOB, kind: 'restore', request }) as unknown as JobView;
    service.jobViews = [job({ download: false })];
    events.emit({ ...tell, job: JOB, type: 'restore.started' });
    events.emit({ ...tell, job: JOB, type: 'restore.progress', data: { bytesDone: 1, bytesTotal: 2, filesDone: 1 } });
    events.emit({ ...tell, job: JOB, type: 'restore.completed' });
    const end = { event: 'backup restore completed', args };
    expect(await page.heard()).toEqual([
      ...(flavour === 'calagopus' ? [{ event: 'backup restore started', args: [] }] : []),
      {
        event: 'backup restore progress',
        args: [
          flavour === 'calagopus'
            ? '{"bytes_processed":1,"bytes_total":2,"files_processed":1}'
            : '{"progress":1,"total":2}',
        ],
      },
      { event: 'daemon message', args: [`Completed server restoration from ${local} backup.`] },
      end,
    ]);
    service.jobViews = [job({ download: true })];
    events.emit({ ...tell, job: JOB, type: 'restore.completed' });
    expect(await page.heard()).toEqual([
      { event: 'daemon message', args: [`Completed server restoration from ${remote} backup.`] },
      end,
    ]);
    events.emit({
      ...tell,
      job: JOB,
      type: 'restore.failed',
      data: { error: { code: 'x', message: 'The disk is full' } },
    });
    expect(await page.heard()).toEqual([
      { event: 'daemon message', args: ['The server was not restored: The disk is full'] },
      { event: 'backup restore completed', args: failed },
    ]);
  });

  test('why a restore failed is told, unless it may name what is the host’s own', async () => {
    const { page: open, events } = await openPanelNode('pterodactyl');
    const page = await open();
    const errors = [
      { code: 'internal', message: 'EIO /var/lib/secret' },
      { code: 'x', message: 'no\u001b[31m' },
    ];
    for (const error of errors) events.emit({ ...tell, type: 'restore.failed', data: { error } });
    const told = (await page.heard()).filter(({ event }) => event === 'daemon message').map(({ args }) => args?.[0]);
    expect(told).toEqual([
      'The server was not restored',
      `The server was not restored: ${printableText('no\u001b[31m')}`,
    ]);
  });

  test.each(ALL_FLAVOURS)('%s: a dry run is not told; a restore whose job is forgotten is', async (flavour) => {
    const { page: open, events, service } = await openPanelNode(flavour);
    const page = await open();
    service.jobViews = [{ id: JOB, kind: 'restore', request: { dryRun: true } } as unknown as JobView];
    for (const type of ['restore.started', 'restore.progress', 'restore.completed'] as const) {
      events.emit({ ...tell, job: JOB, type });
    }
    expect(await page.heard()).toEqual([]);
    service.jobViews = [];
    events.emit({ ...tell, job: JOB, type: 'restore.completed' });
    expect((await page.heard()).map(({ event }) => event)).toEqual(['daemon message', 'backup restore completed']);
  });

  test.each(ALL_FLAVOURS)(
    '%s: no other server’s, no other event’s, and backups only to who may read them',
    async (flavour) => {
      const { page: open, events, socketToken } = await openPanelNode(flavour);
      const [reader, plural, listener] = [
        await open(socketToken({}, ['websocket.connect', 'backup.read'])),
        await open(socketToken({}, ['websocket.connect', 'backups.read'])),
        await open(socketToken({}, ['websocket.connect', 'backup.create', 'admin.websocket.errors'])),
      ];
      events.emit({ ...tell, type: 'backup.completed', data: made, server: OTHER_SERVER });
      for (const type of ['backup.locked', 'backup.verified', 'schedule.missed'] as const) {
        events.emit({ ...tell, type, data: { ok: true } });
      }
      expect([await reader.heard(), await listener.heard()]).toEqual([[], []]);
      for (const type of ['backup.started', 'backup.progress', 'backup.completed', 'backup.failed'] as const) {
        events.emit({ ...tell, type, data: made });
      }
      events.emit({ ...tell, type: 'restore.completed' });
      const told = (await reader.heard()).map(({ event }) => event);
      expect(told).toContain('backup progress');
      expect(told).toContain('backup completed');
      // The name of newer panels, and the older one, which their daemon keeps.
      expect((await plural.heard()).map(({ event }) => event)).toEqual(
        flavour === 'calagopus' ? told : ['daemon message', 'backup restore completed'],
      );
      expect((await listener.heard()).map(({ event }) => event)).toEqual([
        'daemon message',
        ...(flavour === 'calagopus' ? [] : ['backup restore completed']),
      ]);
    },
  );
});

describe('what pages ask', () => {
  test.each(ALL_FLAVOURS)('%s: stats are answered, logs are not kept here', async (flavour) => {
    const { page: open } = await openPanelNode(flavour);
    const page = await open();
    await page.send('send stats', null);
    await page.send('send logs', null);
    expect((await page.heard()).map(({ event }) => event)).toEqual(
      flavour === 'calagopus' ? ['stats', 'pending restart'] : ['stats'],
    );
  });

  test.each(ALL_FLAVOURS)('%s: power and commands are not served, to whoever might use them', async (flavour) => {
    const { page: open, socketToken, service } = await openPanelNode(flavour);
    const [owner, guest] = [await open(), await open(socketToken({}, ['websocket.connect']))];
    service.calls.length = 0;
    for (const page of [owner, guest]) {
      await page.send('set state', 'restart');
      await page.send('send command', 'op me');
      await page.send('set state', 'fly');
      await page.send('install output');
    }
    const told = await owner.heard();
    expect(told).toHaveLength(2);
    for (const { args } of told) expect(args?.[0]).toContain('makes and restores backups only');
    expect(await guest.heard()).toEqual([]);
    expect(service.calls).toEqual([]);
  });

  test.each(GO)('%s: what is no frame is passed over', async (flavour) => {
    const { page: open, time } = await openPanelNode(flavour);
    const page = await open();
    for (const text of ['', '{', '7', 'null', '[]', '{}', '{"event":7}', '{"event":"send stats","args":[7]}', '"x"']) {
      time.advance(1000);
      await page.sendText(text);
      expect([text, await page.heard()]).toEqual([text, []]);
    }
    time.advance(1000);
    page.socket.send(Buffer.from('{"event":"send stats"}'));
    expect(await page.heard()).toEqual([]);
    await page.sendText('{"event":"send stats"}');
    expect((await page.take(1))[0]?.event).toBe('stats');
  });

  test('calagopus: what is no frame is passed over too', async () => {
    const { page: open } = await openPanelNode('calagopus');
    const page = await open();
    for (const text of ['{', '{"event":7}', '[]']) await page.sendText(text);
    page.socket.send(Buffer.from('{"event":"send stats"}'));
    page.socket.send(Buffer.of(0xc1));
    expect(await page.heard()).toEqual([]);
  });
});

describe('limits', () => {
  test('a frame of more than 4096 bytes closes the socket', async () => {
    const { page: open } = await openPanelNode('pterodactyl');
    const page = await open();
    await page.send('send stats', 'x'.repeat(5000));
    expect((await page.closed)[0]).toBe(1009);
  });

  test('pelican says once that frames come too fast, and hears the page again later', async () => {
    const { page: open, time } = await openPanelNode('pelican');
    const page = await open();
    time.advance(10_000);
    for (let sent = 0; sent < 7; sent++) await page.send('send stats', null);
    const heard = (await page.heard()).map(({ event, args }) => (event === 'throttled' ? args?.[0] : event));
    expect(heard).toEqual(['stats', 'stats', 'stats', 'stats', 'send stats']);
    time.advance(10_000);
    for (let sent = 0; sent < 14; sent++) await page.sendText('');
    expect(await page.heard()).toEqual([{ event: 'throttled', args: ['global'] }]);
    time.advance(1000);
    await page.send('send stats', null);
    expect(await page.take(1)).toMatchObject([{ event: 'stats' }]);
  });

  test.each(ALL_FLAVOURS)('%s: a flood closes the socket', async (flavour) => {
    const { page: open } = await openPanelNode(flavour);
    const page = await open();
    for (let sent = 0; sent < 300; sent++) page.socket.send('{"event":"send stats"}');
    expect(await page.closed).toEqual([1008, 'too many frames']);
    const pinging = await open();
    for (let sent = 0; sent < 300; sent++) pinging.socket.ping();
    // Pings faster than their pongs leave are ended without a word.
    expect([1006, 1008]).toContain((await pinging.closed)[0]);
  });

  test('pelican: at most 30 pages of a server; who proved nothing gives way', async () => {
    const { page: open, connect } = await openPanelNode('pelican');
    const strangers = Array.from({ length: 30 }, () => connect());
    for (const stranger of strangers) await stranger.opened;
    await strangers.at(-1)?.heard();
    const pages = [];
    for (let opened = 0; opened < 30; opened++) pages.push(await open());
    for (const stranger of strangers) expect(await stranger.closed).toEqual([1013, 'too many sockets']);
    expect(await connect().opened).toBe(400);
    const [first] = pages;
    first?.socket.close();
    await first?.closed;
    expect((await open()).socket.readyState).toBe(1);
  });

  test('a page that answers no ping is dropped; one that does stays', async () => {
    const { page: open, time, socketToken } = await openPanelNode('pterodactyl');
    const token = socketToken({ exp: time.now() / 1000 + 9000 });
    const [lively, dead] = [await open(token), await open(token)];
    dead.socket.pause();
    for (let ticks = 0; ticks < 3; ticks++) {
      time.advance(30_000);
      await lively.heard();
    }
    expect(lively.pings).toHaveLength(3);
    dead.socket.resume();
    expect((await dead.closed)[0]).toBe(1006);
  });

  test('pages that go leave no timer', async () => {
    const { page: open, time } = await openPanelNode('calagopus');
    const pages = [await open(), await open()];
    expect(time.pending).toBe(2);
    for (const page of pages) page.socket.terminate();
    await eventually(() => time.pending === 0);
  });
});
