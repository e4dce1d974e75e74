import { OpenAPIHono } from '@hono/zod-openapi';
import { describe, expect, test } from 'vitest';
import { Failure } from '../../src/base/failure.ts';
import type { AppEnv, Dialect } from '../../src/protocols/dialect.ts';
import { ADMIN, openNativeApp } from '../support/native-app.ts';
import { OTHER_SERVER, SERVER } from '../support/scripted-service.ts';

/** A dialect with a credential and words of its own, on a path that the native one has too. */
const panel: Dialect = {
  name: 'wings',
  identify: (headers) =>
    headers.get('authorization') === 'Bearer panel'
      ? { id: 'panel', dialect: 'wings', permissions: ['*'], servers: ['*'] }
      : undefined,
  mount(app, { service }) {
    const own = new OpenAPIHono<AppEnv>();
    own.onError((error, c) => c.json({ errors: [{ detail: error.message }] }, 418));
    own.get('/api/servers', async (c, next) => {
      if (c.get('caller')?.dialect !== 'wings') return next();
      return c.json({ data: (await service.servers()).map(({ id }) => id) });
    });
    own.post('/api/servers/:uuid', (c, next) => {
      if (c.get('caller')?.dialect !== 'wings') return next();
      throw new Failure('internal', 'no such thing');
    });
    app.route('/', own);
  },
  speaksSocket: (path) => path === '/panel/ws',
};

describe('a second dialect', () => {
  test('answers a shared route in its own words when its credential is presented', async () => {
    const { call } = openNativeApp({ dialects: [panel] });
    expect((await call('GET', '/api/servers', { token: 'panel' })).body).toEqual({ data: [SERVER, OTHER_SERVER] });
    expect((await call('GET', '/api/servers', { token: ADMIN })).body).toMatchObject([{ id: SERVER }, {}]);
    expect((await call('GET', '/api/servers', { token: '' })).body).toMatchObject({ code: 'unauthorized' });
  });

  test('tells its errors in its own words', async () => {
    const { call } = openNativeApp({ dialects: [panel] });
    const answer = await call('POST', `/api/servers/${SERVER}`, { token: 'panel' });
    expect(answer).toMatchObject({ status: 418, body: { errors: [{ detail: 'no such thing' }] } });
    expect(answer.headers.get('x-request-id')).toBe('request-1');
  });

  test('does not change what a native caller may send', async () => {
    const { call } = openNativeApp({ dialects: [panel] });
    const answer = await call('POST', `/api/servers/${SERVER}`, { token: ADMIN });
    expect(answer).toMatchObject({ status: 405, body: { code: 'method_not_allowed' } });
    expect((await call('GET', `/api/servers/${SERVER}`)).status).toBe(200);
  });

  test('has no key to native routes', async () => {
    const { call } = openNativeApp({ dialects: [panel] });
    expect((await call('GET', `/api/servers/${SERVER}/backups`, { token: 'panel' })).status).toBe(401);
    expect((await call('GET', '/api/system', { token: 'panel' })).status).toBe(401);
  });

  test('names the paths on which it speaks websocket', () => {
    const { app } = openNativeApp({ dialects: [panel] });
    expect(['/panel/ws', '/api/events', `/api/servers/${SERVER}/events`].map(app.speaksSocket)).toEqual([
      true,
      true,
      true,
    ]);
    expect(['/health', '/api/events/', '/api/servers/a/b/events'].map(app.speaksSocket)).toEqual([false, false, false]);
  });
});

test('reads are logged at debug unless they are refused, changes at info', async () => {
  const { call, logged } = openNativeApp();
  await call('GET', '/api/servers');
  await call('GET', '/api/servers', { token: 'wrong' });
  await call('POST', `/api/servers/${SERVER}/backups`);
  const lines = logged.map((text) => JSON.parse(text) as { msg: string; level: string; status: number });
  expect(lines.filter(({ msg }) => msg === 'Request').map(({ level, status }) => [level, status])).toEqual([
    ['debug', 200],
    ['info', 401],
    ['info', 201],
  ]);
});

test('the failure of a job, which its runner logs, is no error of the request again', async () => {
  const { call, logged, service } = openNativeApp();
  service.holdJobs = true;
  const begun = service.nextJob();
  const answer = call('POST', `/api/servers/${SERVER}/backups`);
  (await begun).fail(new Failure('insufficient_storage', 'Cannot store the archive'));
  expect(await answer).toMatchObject({ status: 507 });
  const lines = logged.map((text) => JSON.parse(text) as { msg: string; level: string });
  expect(lines.filter(({ level }) => level === 'warn' || level === 'error')).toEqual([]);
  expect(lines).toContainEqual(expect.objectContaining({ msg: 'Request failed with its job', level: 'debug' }));
});

test('a request is logged once, with its caller, address and status', async () => {
  const { call, logged } = openNativeApp({
    api: { publicUrl: null, trustedProxies: ['127.0.0.1'], tls: null },
  });
  await call('POST', `/api/servers/${SERVER}/backups`);
  const [line = '', ...others] = logged.filter((text) => text.includes('"Request"'));
  expect(others).toEqual([]);
  expect(JSON.parse(line)).toMatchObject({
    level: 'info',
    requestId: 'request-1',
    caller: 'admin',
    address: 'unknown',
    method: 'POST',
    path: `/api/servers/${SERVER}/backups`,
    status: 201,
    milliseconds: 0,
  });
});
