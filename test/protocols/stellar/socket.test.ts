import { createHmac } from 'node:crypto';
import { describe, expect, onTestFinished, test } from 'vitest';
import { WebSocket } from 'ws';
import { Secret } from '../../../src/config/secret.ts';
import { stellarStackDialect } from '../../../src/protocols/stellar/stellarstack.ts';
import { eventually } from '../../support/eventually.ts';
import { listeningNode } from '../../support/listening-node.ts';
import { OTHER_SERVER, SERVER, UNKNOWN } from '../../support/scripted-service.ts';
import type { BackupId } from '../../../src/base/ids.ts';

const TOKEN = 'panel-token-of-the-node';
const BACKUP = UNKNOWN as BackupId;
/** The clock under test stands still here. */
const NOW = Date.UTC(2026, 0, 1) / 1000;

function base64url(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

function jwt(claims: object = {}, key = TOKEN, header: object = { alg: 'HS256', typ: 'JWT' }): string {
  const all = { server_uuid: SERVER, user_id: 'u', permissions: ['*'], iat: NOW, exp: NOW + 900, ...claims };
  const text = `${base64url(header)}.${base64url(all)}`;
  return `${text}.${createHmac('sha256', key).update(text).digest('base64url')}`;
}

interface Page {
  readonly frames: { readonly event: string; readonly args: readonly unknown[] }[];
  readonly closed: Promise<number>;
  readonly socket: WebSocket;
}

async function openNode() {
  const connection = { url: 'https://panel.test', tokenId: 'node-id', token: new Secret(TOKEN) };
  const node = await listeningNode({ dialects: [stellarStackDialect(connection)] });
  const before = node.events.listeners;
  const page = (token: string, server: string = SERVER): Page => {
    const socket = new WebSocket(`${node.url.replace('http', 'ws')}/api/servers/${server}/ws?token=${token}`);
    const frames: Page['frames'] = [];
    socket.on('message', (data: Buffer) => frames.push(JSON.parse(data.toString('utf8')) as Page['frames'][number]));
    socket.on('error', () => undefined);
    onTestFinished(() => socket.terminate());
    return { frames, socket, closed: new Promise((resolve) => socket.on('close', (code) => resolve(code))) };
  };
  const listeners = () => node.events.listeners - before;
  return { ...node, page, listeners };
}

const tell = { server: SERVER, backup: BACKUP, data: {} } as const;

describe('the panel’s socket', () => {
  test('tells the server’s backups and restores in the panel’s words, and no other server’s', async () => {
    const { page, events } = await openNode();
    const { frames } = page(jwt());
    await eventually(() => frames.length === 1);
    events.emit({ ...tell, type: 'backup.started', server: OTHER_SERVER });
    events.emit({ ...tell, type: 'backup.started' });
    events.emit({ ...tell, type: 'backup.progress' });
    events.emit({ ...tell, type: 'backup.completed', data: { sha256: 'ab', size: 7, name: 'x' } });
    events.emit({ ...tell, type: 'backup.failed' });
    events.emit({ ...tell, type: 'restore.started' });
    events.emit({ ...tell, type: 'restore.completed' });
    events.emit({ ...tell, type: 'restore.failed' });
    await eventually(() => frames.length >= 7);
    expect(frames).toEqual([
      { event: 'auth success', args: [{}] },
      { event: 'backup started', args: [{ uuid: BACKUP }] },
      { event: 'backup completed', args: [{ uuid: BACKUP, successful: true, checksum: 'ab', size: 7 }] },
      { event: 'backup completed', args: [{ uuid: BACKUP, successful: false, checksum: '', size: 0 }] },
      { event: 'backup restore started', args: [{ uuid: BACKUP }] },
      { event: 'backup restore completed', args: [{ uuid: BACKUP, successful: true }] },
      { event: 'backup restore completed', args: [{ uuid: BACKUP, successful: false }] },
    ]);
  });

  test.each([
    ['none', ''],
    ['one of another key', jwt({}, 'another')],
    ['one without signature', `${base64url({ alg: 'none' })}.${base64url({ server_uuid: SERVER, exp: NOW + 9 })}.`],
    ['one of another algorithm', jwt({}, TOKEN, { alg: 'HS512' })],
    ['one for another server', jwt({ server_uuid: OTHER_SERVER })],
    ['an expired one', jwt({ exp: NOW })],
    ['one that never expires', jwt({ exp: undefined })],
    ['one with an expiry in words', jwt({ exp: 'never' })],
    ['a long one', 'x'.repeat(9000)],
  ])('with %s: a jwt error, then it is closed and hears nothing', async (_, token) => {
    const { page, listeners } = await openNode();
    const { frames, closed } = page(token);
    expect(await closed).toBe(1008);
    expect(frames).toEqual([{ event: 'jwt error', args: [{ message: expect.any(String) }] }]);
    expect(listeners()).toBe(0);
  });

  test('hears nothing more when its token has expired', async () => {
    const { page, events, time, listeners } = await openNode();
    const { frames, closed } = page(jwt());
    await eventually(() => frames.length === 1);
    time.advance(900_000);
    events.emit({ ...tell, type: 'backup.started' });
    expect(await closed).toBe(1008);
    expect(frames.at(-1)).toMatchObject({ event: 'jwt error' });
    await eventually(() => listeners() === 0);
  });

  test('what a page sends changes nothing, and a page that goes leaves no listener', async () => {
    const { page, events, service, listeners } = await openNode();
    const { frames, socket } = page(jwt());
    await eventually(() => frames.length === 1);
    socket.send('{"event":"send command","args":["op me"]}');
    socket.send(Buffer.from([0xff]));
    events.emit({ ...tell, type: 'backup.started' });
    await eventually(() => frames.length === 2);
    expect(service.calls).toEqual([]);
    socket.terminate();
    await eventually(() => listeners() === 0);
  });

  test('at most 30 pages of one server', async () => {
    const { page } = await openNode();
    const pages = Array.from({ length: 30 }, () => page(jwt()));
    await eventually(() => pages.every(({ frames }) => frames.length === 1));
    expect(await page(jwt()).closed).toBe(1013);
    const [first] = pages;
    first?.socket.close();
    await first?.closed;
    const another = page(jwt());
    await eventually(() => another.frames[0]?.event === 'auth success');
  });

  test('asked for without an upgrade it says which it wants', async () => {
    const { call } = await openNode();
    const answer = await call('GET', `/api/servers/${SERVER}/ws?token=${jwt()}`);
    expect([answer.status, answer.headers.get('upgrade')]).toEqual([426, 'websocket']);
  });
});
