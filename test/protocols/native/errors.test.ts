import { describe, expect, test } from 'vitest';
import { Failure, FAILURE_CODES, type FailureCode } from '../../../src/base/failure.ts';
import { openNativeApp } from '../../support/native-app.ts';
import { SERVER } from '../../support/scripted-service.ts';
import { bodyFor, GUARDED_ROUTES, nameOf } from './routes.ts';

const BACKUPS = `/api/servers/${SERVER}/backups`;

const STATUSES: Record<FailureCode, number> = {
  invalid_request: 400,
  backup_not_ready: 400,
  backup_failed: 400,
  server_suspended: 400,
  too_many_backups: 400,
  unauthorized: 401,
  forbidden: 403,
  backup_locked: 403,
  server_not_found: 404,
  backup_not_found: 404,
  path_not_found: 404,
  job_not_found: 404,
  backup_exists: 409,
  server_busy: 409,
  preview_outdated: 409,
  not_running: 409,
  cancelled: 409,
  too_large: 413,
  archive_damaged: 422,
  draining: 503,
  store_unreachable: 503,
  insufficient_storage: 507,
  interrupted: 500,
  config_invalid: 500,
  internal: 500,
};

describe('what the service refuses', () => {
  test.each(FAILURE_CODES.map((code) => ({ code, status: STATUSES[code] })))(
    '$code is answered $status with its sentence and hint',
    async ({ code, status }) => {
      const { call, service } = openNativeApp();
      service.failWithCode('create', code);
      const answer = await call('POST', BACKUPS);
      expect(answer.status).toBe(status);
      expect(answer.body).toMatchObject({ code, requestId: 'request-1', error: expect.any(String) });
      if (!code.endsWith('_not_found') || code === 'path_not_found') {
        expect(answer.body).toMatchObject({ error: `Cannot do it: ${code}`, hint: 'Do something else.' });
      }
      expect(Object.keys(answer.body as object).sort()).toEqual(
        'hint' in (answer.body as object) ? ['code', 'error', 'hint', 'requestId'] : ['code', 'error', 'requestId'],
      );
    },
  );

  const methods = {
    list: ['GET', BACKUPS, 'backups'],
    restore: ['POST', `${BACKUPS}/restore?id=ID`, 'restore'],
    delete: ['DELETE', `${BACKUPS}/delete?id=ID`, 'remove'],
    lock: ['PATCH', `${BACKUPS}/lock?id=ID`, 'setLocked', { locked: true }],
    'download-token': ['POST', `${BACKUPS}/download-token`, 'backup', { id: 'ID' }],
    details: ['GET', `${BACKUPS}/ID`, 'backup'],
    cancel: ['POST', `${BACKUPS}/ID/cancel`, 'cancel'],
    verify: ['POST', `${BACKUPS}/ID/verify`, 'verify'],
    estimate: ['POST', `${BACKUPS}/estimate`, 'estimate'],
    files: ['GET', `${BACKUPS}/ID/files`, 'files'],
    content: ['GET', `${BACKUPS}/ID/files/content?path=a`, 'content'],
    servers: ['GET', '/api/servers', 'servers'],
    server: ['GET', `/api/servers/${SERVER}`, 'server'],
    setServer: ['PATCH', `/api/servers/${SERVER}`, 'setServer', { suspended: true }],
    system: ['GET', '/api/system', 'system'],
  } as const;

  test.each(Object.entries(methods))('reaches the caller of %s', async (_, [method, path, scripted, body]) => {
    const { call, service } = openNativeApp();
    const { id } = service.add();
    service.failWithCode(scripted, 'store_unreachable');
    const sent = body === undefined ? undefined : JSON.stringify(body).replace('ID', id);
    const answer = await call(method, path.replace('ID', id), { body: sent });
    expect(answer).toMatchObject({ status: 503, body: { code: 'store_unreachable' } });
    expect(answer.headers.get('retry-after')).toBe('30');
  });

  test('control characters in a message cannot forge a line', async () => {
    const { call, service } = openNativeApp();
    service.failWith('create', new Failure('internal', 'Cannot read a\nb\u001b[2J'));
    expect((await call('POST', BACKUPS)).body).toMatchObject({ error: String.raw`Cannot read a\nb\x1b[2J` });
  });
});

describe('what nobody foresaw', () => {
  test.each([
    ['an Error', new TypeError('secret detail at /var/lib')],
    ['a string', 'secret detail'],
    ['nothing', undefined],
  ])('%s becomes 500 internal without its text; the log has it', async (_, thrown) => {
    const { call, service, logged } = openNativeApp();
    service.failWith('create', thrown ?? null);
    const answer = await call('POST', BACKUPS);
    expect(answer.status).toBe(500);
    expect(answer.body).toEqual({
      error: 'Cannot answer the request: an unexpected error occurred',
      code: 'internal',
      requestId: 'request-1',
    });
    if (thrown instanceof Error) expect(logged.join('')).toContain('secret detail');
  });
});

const id = '3c9f3a4e-8f0b-4f7a-9a55-0d5f0f2c9b11';
const deep = `${'['.repeat(200_000)}${']'.repeat(200_000)}`;

describe('bad requests', () => {
  test.each<[string, string, string, unknown, number, string]>([
    ['a body that is no JSON', 'POST', BACKUPS, '{"name":', 400, 'invalid_request'],
    ['a body that is no object', 'POST', BACKUPS, '[]', 400, 'invalid_request'],
    ['a body that is null', 'POST', BACKUPS, 'null', 400, 'invalid_request'],
    ['a deeply nested body', 'POST', BACKUPS, deep, 400, 'invalid_request'],
    ['a name of the wrong type', 'POST', BACKUPS, { name: 5 }, 400, 'invalid_request'],
    ['a name that is too long', 'POST', BACKUPS, { name: 'x'.repeat(256) }, 400, 'invalid_request'],
    ['a name with a line break', 'POST', BACKUPS, { name: 'a\nb' }, 400, 'invalid_request'],
    ['patterns as a string', 'POST', BACKUPS, { ignore: '*.log' }, 400, 'invalid_request'],
    ['a pattern that is no string', 'POST', BACKUPS, { ignore: ['a', 5] }, 400, 'invalid_request'],
    ['a pattern of two lines', 'POST', BACKUPS, { ignore: ['a\nb'] }, 400, 'invalid_request'],
    ['a pattern with NUL', 'POST', BACKUPS, { ignore: ['a\0b'] }, 400, 'invalid_request'],
    ['a pattern that is too long', 'POST', BACKUPS, { ignore: ['x'.repeat(4097)] }, 400, 'invalid_request'],
    ['too many patterns', 'POST', BACKUPS, { ignore: Array(10_001).fill('x') }, 400, 'invalid_request'],
    ['a lock that is a string', 'POST', BACKUPS, { locked: 'yes' }, 400, 'invalid_request'],
    ['an id that is no UUID', 'POST', BACKUPS, { uuid: '../../etc' }, 400, 'invalid_request'],
    ['two ids that differ', 'POST', BACKUPS, { id, uuid: id.replace('3', '4') }, 400, 'invalid_request'],
    ['a body over 1 MiB', 'POST', BACKUPS, { name: 'x'.repeat(1024 * 1024) }, 413, 'too_large'],
    ['a restore without an id', 'POST', `${BACKUPS}/restore`, undefined, 400, 'invalid_request'],
    ['a restore with an empty id', 'POST', `${BACKUPS}/restore?id=`, undefined, 400, 'invalid_request'],
    ['a restore with two ids', 'POST', `${BACKUPS}/restore?id=${id}&id=${id}`, undefined, 400, 'invalid_request'],
    ['truncate as a number', 'POST', `${BACKUPS}/restore?id=${id}`, { truncate: 1 }, 400, 'invalid_request'],
    ['no paths to restore', 'POST', `${BACKUPS}/restore?id=${id}`, { paths: [] }, 400, 'invalid_request'],
    ['an empty path to restore', 'POST', `${BACKUPS}/restore?id=${id}`, { paths: [''] }, 400, 'invalid_request'],
    ['paths as a string', 'POST', `${BACKUPS}/restore?id=${id}`, { paths: '**' }, 400, 'invalid_request'],
    ['a delete without an id', 'DELETE', `${BACKUPS}/delete`, undefined, 400, 'invalid_request'],
    ['a lock without an id', 'PATCH', `${BACKUPS}/lock`, { locked: true }, 400, 'invalid_request'],
    ['a lock without a value', 'PATCH', `${BACKUPS}/lock?id=${id}`, {}, 400, 'invalid_request'],
    ['a lock without a body', 'PATCH', `${BACKUPS}/lock?id=${id}`, undefined, 400, 'invalid_request'],
    ['a lock that is null', 'PATCH', `${BACKUPS}/lock?id=${id}`, { locked: null }, 400, 'invalid_request'],
    ['a download token for nothing', 'POST', `${BACKUPS}/download-token`, {}, 400, 'invalid_request'],
    ['a download token without a body', 'POST', `${BACKUPS}/download-token`, undefined, 400, 'invalid_request'],
    ['a download token for a number', 'POST', `${BACKUPS}/download-token`, { id: 5 }, 400, 'invalid_request'],
    ['estimate patterns of the wrong type', 'POST', `${BACKUPS}/estimate`, { ignore: {} }, 400, 'invalid_request'],
    ['a file without a path', 'GET', `${BACKUPS}/${id}/files/content`, undefined, 400, 'invalid_request'],
    ['a file with an empty path', 'GET', `${BACKUPS}/${id}/files/content?path=`, undefined, 400, 'invalid_request'],
    [
      'a path that is too long',
      'GET',
      `${BACKUPS}/${id}/files?path=${'x'.repeat(4097)}`,
      undefined,
      400,
      'invalid_request',
    ],
    ['two paths', 'GET', `${BACKUPS}/${id}/files?path=a&path=b`, undefined, 400, 'invalid_request'],
    ['a path out of the archive', 'GET', `${BACKUPS}/${id}/files?path=../x`, undefined, 404, 'path_not_found'],
    ['a path with NUL', 'GET', `${BACKUPS}/${id}/files/content?path=a%00b`, undefined, 404, 'path_not_found'],
    ['a server change without a field', 'PATCH', `/api/servers/${SERVER}`, {}, 400, 'invalid_request'],
    ['a server change of a status', 'PATCH', `/api/servers/${SERVER}`, { status: 'READY' }, 400, 'invalid_request'],
    [
      'a server change of the wrong type',
      'PATCH',
      `/api/servers/${SERVER}`,
      { suspended: 'no' },
      400,
      'invalid_request',
    ],
    ['jobs of an unknown kind', 'GET', '/api/jobs?kind=nap', undefined, 400, 'invalid_request'],
    ['jobs of a malformed server', 'GET', '/api/jobs?server=x', undefined, 404, 'server_not_found'],
  ])('%s: %s %s', async (_, method, path, body, status, code) => {
    const { call, service } = openNativeApp();
    service.add({ id: id as never });
    const answer = await call(method, path, { body });
    expect(answer).toMatchObject({ status, body: { code, requestId: 'request-1' } });
    expect((answer.body as { error: string }).error.length).toBeLessThan(700);
    const asked = service.calls.map((entry) => entry.method);
    expect(asked.filter((name) => name !== 'backup')).toEqual([]);
  });

  test('a missing backup id is told in the words that panels know', async () => {
    const { call } = openNativeApp();
    const [inAddress, inBody] = [/^Add \?id= /, /^Send \{"id": "…"\} /];
    for (const [method, path, hint] of [
      ['POST', 'restore', inAddress],
      ['DELETE', 'delete?id=', inAddress],
      ['POST', 'download-token', inBody],
      ['POST', `download-token?id=${SERVER}`, inBody],
    ] as const) {
      const { body } = await call(method, `${BACKUPS}/${path}`);
      expect(body).toMatchObject({ error: 'Backup ID required', hint: expect.stringMatching(hint) as string });
    }
  });

  test.each([
    ['?state=foo', 'state must be one of queued, running, done, failed, cancelled'],
    ['?kind=', 'kind must be one of backup, restore, verify, delete'],
    [`?before=${'x'.repeat(65)}`, 'before must have at most 64 characters'],
    ['?limit=1.5', 'limit must be a whole number from 1 to 1000'],
  ])('/api/jobs%s is refused without the words of a schema library', async (query, fault) => {
    const { call } = openNativeApp();
    const { body } = await call('GET', `/api/jobs${query}`);
    expect(body).toMatchObject({ error: `Cannot read the request: ${fault}` });
  });

  test('a choice in a list is refused in the same words', async () => {
    const { call } = openNativeApp();
    const { body } = await call('POST', '/api/session/links', { body: { permissions: ['backup.reed'] } });
    expect(body).toMatchObject({
      error: expect.stringMatching(/: permissions\.0 must be one of backup\.read, /) as string,
    });
  });

  test('a fault is named with its place', async () => {
    const { call } = openNativeApp();
    const answer = await call('POST', BACKUPS, { body: { ignore: ['ok', 'a\nb'], locked: 1 } });
    expect(answer.body).toMatchObject({
      error: 'Cannot read the request: ignore.1 must be one line; locked must be true or false',
    });
  });

  test.each(GUARDED_ROUTES.filter(({ method }) => method !== 'GET').map((route) => ({ name: nameOf(route), route })))(
    '$name refuses a body over 1 MiB, and one that is not UTF-8',
    async ({ route }) => {
      const { app, call, service } = openNativeApp();
      const { id } = service.add();
      const large = await call(route.method, route.path(SERVER, id), { body: ' '.repeat(1024 * 1024 + 1) });
      expect(large).toMatchObject({ status: 413, body: { code: 'too_large' } });
      const answer = await app.fetch(
        new Request(`http://node.test${route.path(SERVER, id)}`, {
          method: route.method,
          headers: { authorization: 'Bearer admin-secret-admin-secret' },
          body: Buffer.from([0x22, 0xff, 0x22]),
        }),
        {},
      );
      expect(answer.status).toBe(400);
      expect(service.calls).toEqual([]);
    },
  );

  test('a body of exactly 1 MiB is read', async () => {
    const { call, service } = openNativeApp();
    const body = JSON.stringify({ locked: true }).padEnd(1024 * 1024);
    expect((await call('POST', BACKUPS, { body })).status).toBe(201);
    expect(service.lastCall('create')).toEqual([{ server: SERVER, locked: true }]);
  });

  test.each(GUARDED_ROUTES.map((route) => ({ name: nameOf(route), route })))(
    '$name answers 401 before it reads a body',
    async ({ route }) => {
      const { call } = openNativeApp();
      const body = route.method === 'GET' ? undefined : (bodyFor(route, 'x') ?? 'not JSON');
      expect((await call(route.method, route.path(SERVER, 'x'), { token: '', body })).status).toBe(401);
    },
  );
});

describe('addresses and methods', () => {
  test.each(['/api', '/api/nothing', `${BACKUPS}/${id}/nothing`, '/health/', '/api/servers/', '/favicon.ico'])(
    '%s is answered 404 in JSON',
    async (path) => {
      const { call } = openNativeApp();
      expect(await call('GET', path)).toMatchObject({
        status: 404,
        body: { code: 'not_found', requestId: 'request-1' },
      });
    },
  );

  test.each([
    [BACKUPS, 'GET, HEAD, POST', ['PUT', 'PATCH', 'DELETE', 'OPTIONS']],
    [`${BACKUPS}/restore`, 'POST', ['GET', 'HEAD', 'PUT', 'DELETE']],
    [`${BACKUPS}/download-token`, 'POST', ['GET', 'PUT']],
    [`${BACKUPS}/download`, 'GET, HEAD', ['POST', 'DELETE']],
    [`${BACKUPS}/delete`, 'DELETE', ['GET', 'POST']],
    [`${BACKUPS}/lock`, 'PATCH', ['GET', 'POST', 'PUT']],
    [`${BACKUPS}/estimate`, 'POST', ['GET']],
    [`${BACKUPS}/${id}`, 'DELETE, GET, HEAD, PATCH', ['POST', 'PUT']],
    [`${BACKUPS}/${id}/cancel`, 'POST', ['GET']],
    [`${BACKUPS}/${id}/files/content`, 'GET, HEAD', ['POST']],
    [`/api/servers/${SERVER}`, 'DELETE, GET, HEAD, PATCH', ['POST', 'PUT']],
    ['/api/servers', 'GET, HEAD', ['POST']],
    ['/health', 'GET, HEAD, OPTIONS', ['POST']],
    ['/', 'GET, HEAD, OPTIONS', ['POST']],
    ['/openapi.json', 'GET, HEAD', ['PUT']],
    ['/api/events', 'GET, HEAD', ['POST']],
  ])('%s allows %s only', async (path, allow, others) => {
    const { call } = openNativeApp();
    for (const method of others) {
      const answer = await call(method, path);
      expect(answer.status).toBe(405);
      expect(answer.headers.get('allow')).toBe(allow);
      if (method !== 'HEAD') expect(answer.body).toMatchObject({ code: 'method_not_allowed' });
    }
  });
});

describe('every answer', () => {
  test('carries a request id: its own, or a short plain one that came', async () => {
    const { call } = openNativeApp();
    expect((await call('GET', '/health')).headers.get('x-request-id')).toBe('request-1');
    const given = { headers: { 'x-request-id': 'panel_42-a' } };
    expect((await call('GET', '/health', given)).headers.get('x-request-id')).toBe('panel_42-a');
    expect((await call('GET', '/nothing', given)).body).toMatchObject({ requestId: 'panel_42-a' });
  });

  test.each(['a'.repeat(65), 'a b', 'a"b', '<script>', 'ä'])('replaces the request id %j', async (given) => {
    const { call } = openNativeApp();
    const answer = await call('GET', '/health', { headers: { 'x-request-id': given } });
    expect(answer.headers.get('x-request-id')).toBe('request-1');
  });

  test.each(['/health', '/nothing', '/api/servers'])('has security headers (%s)', async (path) => {
    const { call } = openNativeApp();
    const { headers } = await call('GET', path, { token: '' });
    expect(Object.fromEntries(headers)).toMatchObject({
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      'referrer-policy': 'no-referrer',
      'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
      'cache-control': 'no-store',
    });
    expect(headers.has('strict-transport-security')).toBe(false);
  });

  test('asks browsers for https only where the address is https', async () => {
    const { call } = openNativeApp({ api: { publicUrl: 'https://node.example', trustedProxies: [], tls: null } });
    expect((await call('GET', '/health')).headers.get('strict-transport-security')).toBe('max-age=15552000');
  });

  test('is logged without its query', async () => {
    const { call, logged } = openNativeApp();
    await call('GET', `${BACKUPS}/download?token=sesame`);
    expect(logged.join('')).toContain('/backups/download');
    expect(logged.join('')).not.toContain('sesame');
  });
});
