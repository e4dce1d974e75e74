/** Bad input to every route of the client API: the documented error in its JSON:API body, never 500, nothing changed. */
import { Failure } from '../../../src/base/failure.ts';
import { describe, expect, test } from 'vitest';
import type { Permission } from '../../../src/config/types.ts';
import { openNativeApp, tokenWith } from '../../support/native-app.ts';
import { OTHER_SERVER, SERVER, UNKNOWN } from '../../support/scripted-service.ts';

interface Route {
  readonly name: string;
  readonly method: string;
  readonly path: (server: string, backup: string) => string;
  readonly permission: Permission;
  readonly ofServer: boolean;
  readonly ofBackup: boolean;
  /** Reads a body of its own; others take whatever comes, within the limit. */
  readonly readsBody: boolean;
  readonly success: number;
}

function route(method: string, path: string, permission: Permission, success: number, readsBody = false): Route {
  return {
    name: `${method} ${path}`,
    method,
    path: (server, backup) => `/api/client${path.replace('{server}', server).replace('{backup}', backup)}`,
    permission,
    ofServer: path.includes('{server}'),
    ofBackup: path.includes('{backup}'),
    readsBody,
    success,
  };
}

const BACKUPS = '/servers/{server}/backups';
const ROUTES: readonly Route[] = [
  route('GET', '', 'backup.read', 200),
  route('GET', '/servers/{server}', 'backup.read', 200),
  route('GET', BACKUPS, 'backup.read', 200),
  route('POST', BACKUPS, 'backup.create', 200, true),
  route('GET', `${BACKUPS}/{backup}`, 'backup.read', 200),
  route('GET', `${BACKUPS}/{backup}/download`, 'backup.download', 200),
  route('POST', `${BACKUPS}/{backup}/restore`, 'backup.restore', 202, true),
  route('POST', `${BACKUPS}/{backup}/lock`, 'backup.delete', 204),
  route('DELETE', `${BACKUPS}/{backup}`, 'backup.delete', 204),
];

const READS = new Set(['servers', 'server', 'backupPage', 'backup']);
const SECRET = 'secret-of-sixteen-or-more';

type App = ReturnType<typeof openNativeApp>;

function expectUnchanged({ service }: App): void {
  expect(service.calls.filter(({ method }) => !READS.has(method))).toEqual([]);
}

function refusal(status: number, code: string) {
  return { status, body: { errors: [{ code, status: `${status}`, detail: expect.stringMatching(/./) }] } };
}

function routes(chosen: (route: Route) => boolean = () => true) {
  return ROUTES.filter(chosen).map((route) => ({ name: route.name, route }));
}

test.each(routes())('$name answers $route.success to good input', async ({ route }) => {
  const { call, service } = openNativeApp();
  const answer = await call(route.method, route.path(SERVER, service.add().id));
  expect(answer.status).toBe(route.success);
  if (route.success === 204 || route.success === 202) expect(answer.text).toBe('');
});

test.each(routes())('$name without a key, and with a wrong one', async ({ route }) => {
  const app = openNativeApp();
  const path = route.path(SERVER, app.service.add().id);
  for (const token of ['', 'wrong-wrong-wrong-wrong', 'x'.repeat(5000)]) {
    const answer = await app.call(route.method, path, { token });
    expect(answer).toMatchObject(refusal(401, 'InvalidCredentialsException'));
    expect(answer.headers.get('www-authenticate')).toMatch(/^Bearer/);
  }
  expect(app.service.calls).toEqual([]);
});

test.each(routes())('$name with every permission but its own', async ({ route }) => {
  const all: Permission[] = ['backup.read', 'backup.create', 'backup.download', 'backup.restore', 'backup.delete'];
  const permissions = all.filter((permission) => permission !== route.permission);
  const app = openNativeApp({ tokens: [tokenWith('t', SECRET, { permissions })] });
  const answer = await app.call(route.method, route.path(SERVER, app.service.add().id), { token: SECRET });
  expect(answer).toMatchObject(refusal(403, 'InsufficientPermissionsException'));
  expect(app.service.calls).toEqual([]);
});

test.each(routes(({ ofServer }) => ofServer))(
  '$name of a foreign, unknown and malformed server: one answer',
  async ({ route }) => {
    const app = openNativeApp({ tokens: [tokenWith('t', SECRET, { servers: [OTHER_SERVER] })] });
    const { id } = app.service.add();
    const texts = new Set<string>();
    for (const server of [
      SERVER,
      UNKNOWN,
      SERVER.slice(0, 8),
      'ffffffff',
      'x',
      '..%2f..%2fetc',
      '%00',
      'a'.repeat(3000),
    ]) {
      const answer = await app.call(route.method, route.path(server, id), { token: SECRET });
      expect(answer).toMatchObject(refusal(404, 'NotFoundHttpException'));
      texts.add(answer.text);
    }
    expect(texts.size).toBe(1);
    expectUnchanged(app);
  },
);

test.each(routes(({ ofBackup }) => ofBackup))(
  '$name of a foreign, unknown and malformed backup: one answer',
  async ({ route }) => {
    const app = openNativeApp();
    const foreign = app.service.add({ server: OTHER_SERVER });
    const texts = new Set<string>();
    for (const backup of [foreign.id, UNKNOWN, foreign.id.slice(0, 8), '..%2f..%2fetc', '%00', 'a'.repeat(3000)]) {
      const answer = await app.call(route.method, route.path(SERVER, backup));
      expect(answer).toMatchObject(refusal(404, 'NotFoundHttpException'));
      texts.add(answer.text);
    }
    expect(texts.size).toBe(1);
    expectUnchanged(app);
    expect(app.service.backupViews.get(foreign.id)).toEqual(foreign);
  },
);

test.each(routes())('$name with another method', async ({ route }) => {
  const app = openNativeApp();
  const path = route.path(SERVER, app.service.add().id);
  for (const method of ['PUT', 'PATCH']) {
    const answer = await app.call(method, path);
    expect(answer).toMatchObject(refusal(405, 'MethodNotAllowedHttpException'));
    expect(answer.headers.get('allow')).toContain(route.method);
  }
  expect(app.service.calls).toEqual([]);
});

test('an address that is none', async () => {
  const { call } = openNativeApp();
  for (const path of ['/api/client/', '/api/client/account', `/api/client/servers/${SERVER}/files/list`]) {
    expect(await call('GET', path)).toMatchObject(refusal(404, 'NotFoundHttpException'));
  }
});

test.each(routes(({ readsBody }) => readsBody))('$name with a body that is no JSON', async ({ route }) => {
  const app = openNativeApp();
  const path = route.path(SERVER, app.service.add().id);
  for (const body of ['{"name":', '{name: 1}', 'name=x', '{"a":1}x', '\u0000', '['.repeat(100_000)]) {
    expect(await app.call(route.method, path, { body })).toMatchObject(refusal(400, 'BadRequestHttpException'));
  }
  expectUnchanged(app);
});

test.each(routes(({ readsBody }) => readsBody))('$name with a body that is no object', async ({ route }) => {
  const app = openNativeApp();
  const path = route.path(SERVER, app.service.add().id);
  for (const body of ['[]', 'null', '5', '"name"', 'true']) {
    expect(await app.call(route.method, path, { body })).toMatchObject(refusal(422, 'ValidationException'));
  }
  expectUnchanged(app);
});

test.each(routes(({ method }) => method !== 'GET'))('$name with a body of 10 MB', async ({ route }) => {
  const app = openNativeApp();
  const body = JSON.stringify({ name: 'x'.repeat(10_000_000) });
  const answer = await app.call(route.method, route.path(SERVER, app.service.add().id), { body });
  expect(answer).toMatchObject(refusal(413, 'PostTooLargeException'));
  expectUnchanged(app);
});

describe('fields', () => {
  test.each<[string, unknown]>([
    ['name', { name: 5 }],
    ['name', { name: ['a'] }],
    ['name', { name: 'x'.repeat(256) }],
    ['name', { name: 'a\nb' }],
    ['name', { name: 'a\0b' }],
    ['ignored', { ignored: ['*.log'] }],
    ['ignored', { ignored: 5 }],
    ['ignored', { ignored: 'a\0b' }],
    ['ignored', { ignored: 'x'.repeat(4097) }],
    ['ignored', { ignored: 'x\n'.repeat(10_001) }],
    ['is_locked', { is_locked: 'yes' }],
    ['is_locked', { is_locked: 2 }],
    ['is_locked', { is_locked: {} }],
  ])('create names the wrong one: %s', async (field, body) => {
    const app = openNativeApp();
    const answer = await app.call('POST', `/api/client/servers/${SERVER}/backups`, { body });
    expect(answer).toMatchObject(refusal(422, 'ValidationException'));
    expect(answer.body).toMatchObject({
      errors: [{ detail: expect.stringContaining(field), meta: { source_field: field, rule: expect.any(String) } }],
    });
    expectUnchanged(app);
  });

  test('create tells each wrong field in an entry of its own', async () => {
    const { call } = openNativeApp();
    const answer = await call('POST', `/api/client/servers/${SERVER}/backups`, { body: { name: 5, is_locked: 'no' } });
    expect((answer.body as { errors: object[] }).errors).toHaveLength(2);
  });

  test('restore takes force, in the words that truncate has', async () => {
    const { call, service } = openNativeApp();
    const path = `/api/client/servers/${SERVER}/backups/${service.add().id}/restore`;
    expect((await call('POST', path, { body: { force: '1' } })).status).toBe(202);
    expect(service.lastCall('restore')).toMatchObject([{ truncate: true, force: true }]);
  });

  test.each([{ force: 'yes' }, { truncate: 'yes' }, { truncate: 2 }, { truncate: [] }])(
    'restore refuses %j',
    async (body) => {
      const app = openNativeApp();
      const path = `/api/client/servers/${SERVER}/backups/${app.service.add().id}/restore`;
      expect(await app.call('POST', path, { body })).toMatchObject(refusal(422, 'ValidationException'));
      expectUnchanged(app);
    },
  );

  test.each<[unknown, boolean]>([
    [{}, true],
    [{ truncate: null }, true],
    [{ truncate: true }, true],
    [{ truncate: 1 }, true],
    [{ truncate: '1' }, true],
    [{ truncate: false }, false],
    [{ truncate: 0 }, false],
    [{ truncate: '0' }, false],
  ])('restore takes %j as truncate %s', async (body, truncate) => {
    const { call, service } = openNativeApp();
    const { id } = service.add();
    expect((await call('POST', `/api/client/servers/${SERVER}/backups/${id}/restore`, { body })).status).toBe(202);
    expect(service.lastCall('restore')).toEqual([{ server: SERVER, backup: id, truncate }]);
  });

  test.each([
    'page=0',
    'page=-1',
    'page=x',
    'page=1.5',
    'page=',
    'per_page=0',
    'per_page=x',
    'page=1&page=2',
    'page=1e9',
  ])('a list refuses ?%s', async (query) => {
    const { call } = openNativeApp();
    for (const path of ['/api/client', `/api/client/servers/${SERVER}/backups`]) {
      expect(await call('GET', `${path}?${query}`)).toMatchObject(refusal(422, 'ValidationException'));
    }
  });
});

describe('what breaks behind it', () => {
  test.each(['an error', 'no error at all'])('%s is told in these words too', async (kind) => {
    const { call, service, logged } = openNativeApp();
    service.failWith('backupPage', kind === 'an error' ? new TypeError('secret detail') : 'secret detail');
    const answer = await call('GET', `/api/client/servers/${SERVER}/backups`);
    expect(answer).toMatchObject(refusal(500, 'DaemonConnectionException'));
    expect(answer.text).not.toContain('secret');
    expect(logged.join('')).toContain('Request failed');
  });

  test('a store that is away is 503, with the time to come back', async () => {
    const { call, service } = openNativeApp();
    service.failWithCode('create', 'store_unreachable');
    const answer = await call('POST', `/api/client/servers/${SERVER}/backups`);
    expect(answer).toMatchObject(refusal(503, 'ServiceUnavailableHttpException'));
    expect(answer.headers.get('retry-after')).toBe('30');
  });

  test('too much at a time is 429, with the time to come back', async () => {
    const { call, service } = openNativeApp();
    service.failWith('backupPage', new Failure('server_busy', 'Cannot look now', { facts: { tooMany: true } }));
    const answer = await call('GET', `/api/client/servers/${SERVER}/backups`);
    expect(answer).toMatchObject(refusal(429, 'TooManyRequestsHttpException'));
    expect(answer.headers.get('retry-after')).toBe('5');
  });

  test('a job that was cancelled is a conflict, not a fault of the daemon', async () => {
    const { call, service, logged } = openNativeApp();
    service.failWithCode('create', 'cancelled');
    const answer = await call('POST', `/api/client/servers/${SERVER}/backups`);
    expect(answer).toMatchObject(refusal(409, 'ConflictingServerStateException'));
    expect(logged.join('')).not.toContain('Request failed');
  });

  test('a job that nobody waits for may fail without consequence', async () => {
    const { call, service } = openNativeApp();
    service.holdJobs = true;
    const unhandled: unknown[] = [];
    const note = (reason: unknown): void => void unhandled.push(reason);
    process.on('unhandledRejection', note);
    const { id } = service.add();
    await call('POST', `/api/client/servers/${SERVER}/backups`);
    await call('POST', `/api/client/servers/${SERVER}/backups/${id}/restore`);
    for (const job of service.running) job.fail(new Error('EIO') as never);
    await new Promise((resolve) => setImmediate(resolve));
    process.off('unhandledRejection', note);
    expect(unhandled).toEqual([]);
  });
});
