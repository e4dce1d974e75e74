import { createHmac } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { Failure } from '../../../src/base/failure.ts';
import { Secret } from '../../../src/config/secret.ts';
import { stellarStackOssDialect } from '../../../src/protocols/stellar/stellarstack-oss.ts';
import { openNativeApp } from '../../support/native-app.ts';
import { SERVER, UNKNOWN } from '../../support/scripted-service.ts';
import { StillClock } from '../../support/still-clock.ts';

const KEY = 'ab'.repeat(32);
const NODE = 'node-7';
const BACKUPS = `/api/servers/${SERVER}/backups`;

function openApp() {
  const clock = new StillClock();
  const connection = { url: 'https://panel.test', tokenId: NODE, token: new Secret(KEY) };
  const app = openNativeApp({ dialects: [stellarStackOssDialect(connection, clock)], clock });
  const second = (): number => Math.floor(clock.now() / 1000);
  const run = (op: string, body: unknown, headers = signed(second())) =>
    app.call('POST', `${BACKUPS}?op=${op}`, { token: '', headers, body });
  return { ...app, clock, second, run };
}

function signed(timestamp: number | string, node = NODE, key = KEY): Record<string, string> {
  const mac = createHmac('sha256', Buffer.from(key, 'hex')).update(`${node}|${timestamp}`).digest('hex');
  return { 'x-stellar-node-id': node, 'x-stellar-timestamp': `${timestamp}`, authorization: `Bearer ${mac}` };
}

describe('operations by name', () => {
  test('create waits, and answers with name, bytes and hash', async () => {
    const { run, service } = openApp();
    expect(await run('create', { name: 'nightly' })).toMatchObject({
      status: 200,
      body: { name: 'nightly', bytes: 1000, sha256: 'cd'.repeat(32) },
    });
    expect(service.lastCall('create')).toEqual([{ server: SERVER, name: 'nightly', whenBusy: 'queue' }]);
  });

  test('restore takes the newest good backup of the name', async () => {
    const { run, service } = openApp();
    service.add({ name: 'nightly', status: 'FAILED' });
    const newest = service.add({ name: 'nightly' });
    service.add({ name: 'nightly' });
    expect(await run('restore', { name: 'nightly' })).toMatchObject({ status: 200, body: { ok: true } });
    expect(service.lastCall('restore')).toMatchObject([{ backup: newest.id }]);
  });

  test('delete of a name that was used twice leaves the newer backup', async () => {
    const { run, service } = openApp();
    const failed = service.add({ name: 'nightly', status: 'FAILED' });
    const newest = service.add({ name: 'nightly' });
    const oldest = service.add({ name: 'nightly' });
    const other = service.add({ name: 'other' });
    expect(await run('delete', { name: 'nightly' })).toMatchObject({ status: 200, body: { ok: true } });
    expect([...service.backupViews.keys()]).toEqual([newest.id, other.id]);
    expect([failed.id, oldest.id].some((id) => service.backupViews.has(id))).toBe(false);
  });

  test('delete of an absent name is no fault', async () => {
    const { run } = openApp();
    expect(await run('delete', { name: 'gone' })).toMatchObject({ status: 200, body: { ok: true } });
  });

  test('failures carry the documented codes', async () => {
    const { run, service } = openApp();
    expect(await run('restore', { name: 'gone' })).toMatchObject({
      status: 404,
      body: { error: { code: 'backups.restore_failed', params: { reason: 'backup_not_found' } } },
    });
    service.failWith('create', new Failure('internal', 'Cannot write the archive: EIO'));
    expect(await run('create', { name: 'a' })).toMatchObject({
      status: 500,
      body: { error: { code: 'backups.create_failed' } },
    });
    service.failWith('backups', new Failure('server_not_found', 'There is no such server'));
    expect(await run('delete', { name: 'a' })).toMatchObject({
      status: 404,
      body: { error: { code: 'backups.delete_failed' } },
    });
  });

  test.each([
    ['no JSON', '{"name":'],
    ['no name', {}],
    ['an empty name', { name: '' }],
    ['a slash', { name: 'a/b' }],
    ['a backslash', { name: String.raw`a\b` }],
    ['dots', { name: '..' }],
    ['a number', { name: 5 }],
    ['a long name', { name: 'x'.repeat(256) }],
  ])('%s is backups.bad_request', async (_, body) => {
    const { run, service } = openApp();
    expect(await run('create', body)).toMatchObject({
      status: 400,
      body: { error: { code: 'backups.bad_request' } },
    });
    expect(service.calls).toEqual([]);
  });

  test('10 MB are refused, another operation is not found, a server that is no UUID is unknown', async () => {
    const { run, call, second } = openApp();
    expect((await run('create', { name: 'x'.repeat(10_000_000) })).status).toBe(413);
    expect((await run('explode', { name: 'a' })).status).toBe(404);
    const strange = await call('POST', '/api/servers/..%2f..%2fetc/backups?op=create', {
      token: '',
      headers: signed(second()),
      body: { name: 'a' },
    });
    expect(strange.status).toBe(404);
  });
});

describe('signatures', () => {
  test.each<[string, (now: number) => Record<string, string>]>([
    ['of another key', (now) => signed(now, NODE, 'cd'.repeat(32))],
    ['of another node', (now) => signed(now, 'node-8')],
    ['too old', (now) => signed(now - 61)],
    ['too far ahead', (now) => signed(now + 61)],
    ['of no time at all', () => signed('now')],
    ['with a changed time', (now) => ({ ...signed(now), 'x-stellar-timestamp': `${now + 1}` })],
    ['without a signature', (now) => ({ ...signed(now), authorization: 'Bearer ' })],
    ['in upper case', (now) => ({ ...signed(now), authorization: signed(now)['authorization']?.toUpperCase() ?? '' })],
    ['from before this start', (now) => signed(now - 30)],
  ])('%s: 401 in plain text', async (_, headers) => {
    const { run, service, second } = openApp();
    expect(await run('create', { name: 'a' }, headers(second()))).toMatchObject({ status: 401, text: 'unauthorized' });
    expect(service.calls).toEqual([]);
  });

  test('calls of one second share their headers, and all count', async () => {
    const { run, second } = openApp();
    const headers = signed(second());
    for (const name of ['a', 'b', 'c']) expect((await run('create', { name }, headers)).status).toBe(200);
  });

  test('a copy of a used header set is refused soon after, although its minute has not passed', async () => {
    const { run, service, clock, second } = openApp();
    const headers = signed(second());
    expect((await run('create', { name: 'a' }, headers)).status).toBe(200);
    clock.advance(3001);
    expect(await run('delete', { name: 'a' }, headers)).toMatchObject({ status: 401, text: 'unauthorized' });
    expect(service.lastCall('remove')).toBeUndefined();
    expect((await run('delete', { name: 'a' }, signed(second()))).status).toBe(200);
  });

  test('a copy stays refused for as long as its minute lasts, and what is remembered does not grow', async () => {
    const { run, clock, second } = openApp();
    const first = signed(second());
    await run('delete', { name: 'a' }, first);
    for (let passed = 0; passed < 60; passed += 5) {
      clock.advance(5000);
      expect((await run('delete', { name: 'a' }, first)).status).toBe(401);
      expect((await run('delete', { name: 'a' }, signed(second()))).status).toBe(200);
    }
  });

  test('a clock that runs a minute apart is allowed', async () => {
    const { run, clock, second } = openApp();
    clock.advance(100_000);
    expect((await run('delete', { name: 'a' }, signed(second() - 60))).status).toBe(200);
    expect((await run('delete', { name: 'a' }, signed(second() + 60))).status).toBe(200);
  });

  test.each(['', 'no hex at all', 'abc'])('the key "%s" is a fault of the config', (key) => {
    const connection = { url: 'https://panel.test', tokenId: NODE, token: new Secret(key) };
    expect(() => stellarStackOssDialect(connection, new StillClock())).toThrow(/panel\.token/);
  });

  test('a native token keeps the native words on the same path', async () => {
    const { call } = openApp();
    expect(await call('POST', `${BACKUPS}?op=create`, { body: { name: 'mine' } })).toMatchObject({
      status: 201,
      body: { name: 'mine', status: 'COMPLETED' },
    });
    expect((await call('GET', `${BACKUPS}/${UNKNOWN}`)).status).toBe(404);
  });

  test('the panel’s headers open no other route', async () => {
    const { call, second } = openApp();
    expect((await call('GET', BACKUPS, { token: '', headers: signed(second()) })).status).toBe(401);
    expect((await call('GET', '/api/client', { token: '', headers: signed(second()) })).status).toBe(401);
  });
});
