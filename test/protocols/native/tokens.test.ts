import { describe, expect, test } from 'vitest';
import { PERMISSIONS } from '../../../src/config/types.ts';
import { ADMIN, openNativeApp, tokenWith } from '../../support/native-app.ts';
import { OTHER_SERVER, SERVER, UNKNOWN } from '../../support/scripted-service.ts';
import { bodyFor, GUARDED_ROUTES, nameOf, type GuardedRoute } from './routes.ts';

const SECRET = 'some-secret-some-secret';

function named(wanted: (route: GuardedRoute) => boolean) {
  return GUARDED_ROUTES.filter(wanted).map((route) => ({ name: nameOf(route), route }));
}

describe.each(named(() => true))('$name', ({ route }) => {
  test.each([
    ['no token', {}],
    ['an unknown token', { authorization: 'Bearer nobody-nobody-nobody' }],
    ['an empty token', { authorization: 'Bearer ' }],
    ['the secret without a scheme', { authorization: ADMIN }],
    ['another scheme', { authorization: `Basic ${ADMIN}` }],
    ['a token that only begins like a known one', { authorization: `Bearer ${ADMIN.slice(0, -1)}` }],
    ['a token that goes on after a known one', { authorization: `Bearer ${ADMIN}x` }],
    ['a token of 100 KB', { authorization: `Bearer ${'a'.repeat(100_000)}` }],
  ])('answers 401 to %s', async (_, headers) => {
    const { call, service } = openNativeApp();
    const { id } = service.add();
    const answer = await call(route.method, route.path(SERVER, id), { token: '', headers, body: bodyFor(route, id) });
    expect(answer.status).toBe(401);
    expect(answer.body).toMatchObject({ code: 'unauthorized', requestId: 'request-1' });
    expect(answer.headers.get('www-authenticate')).toMatch(/^Bearer/);
    expect(service.calls).toEqual([]);
  });

  test.each(PERMISSIONS.map((permission) => ({ permission })))(
    `asks for ${route.permission}: $permission alone`,
    async ({ permission }) => {
      const { call, service } = openNativeApp({ tokens: [tokenWith('t', SECRET, { permissions: [permission] })] });
      const { id } = service.add();
      const answer = await call(route.method, route.path(SERVER, id), { token: SECRET, body: bodyFor(route, id) });
      if (permission === route.permission || permission === route.orPermission) {
        expect(answer.status).toBe(route.success);
      } else {
        expect(answer).toMatchObject({ status: 403, body: { code: 'forbidden' } });
        expect(service.calls).toEqual([]);
      }
    },
  );

  test('a token for this server is enough', async () => {
    const { call, service } = openNativeApp({ tokens: [tokenWith('t', SECRET, { servers: [SERVER] })] });
    const { id } = service.add();
    const answer = await call(route.method, route.path(SERVER, id), { token: SECRET, body: bodyFor(route, id) });
    expect(answer.status).toBe(route.success);
  });
});

test.each(named((route) => route.ofServer))(
  '$name answers a server that the token does not hold like an unknown one',
  async ({ route }) => {
    const { call, service } = openNativeApp({
      tokens: [tokenWith('t', SECRET, { servers: [OTHER_SERVER] }), tokenWith('admin', ADMIN)],
      newRequestId: () => 'same',
    });
    const { id } = service.add();
    const body = bodyFor(route, id);
    const foreign = await call(route.method, route.path(SERVER, id), { token: SECRET, body });
    const unknown = await call(route.method, route.path(UNKNOWN, id), { token: SECRET, body });
    const malformed = await call(route.method, route.path('..%2f..%2fetc', id), { token: SECRET, body });
    expect(foreign.status).toBe(404);
    expect(foreign.body).toMatchObject({ code: 'server_not_found' });
    expect(unknown).toEqual(foreign);
    expect(malformed).toEqual(foreign);
    expect(service.calls).toEqual([]);
    if (!route.ofBackup) {
      // And in the same words as to a token that holds every server there is.
      const missing = await call(route.method, route.path(UNKNOWN, id), { body });
      expect(missing.text).toBe(foreign.text);
    }
  },
);

test.each(named((route) => route.ofBackup))(
  '$name answers another server’s backup like an unknown one',
  async ({ route }) => {
    const { call, service } = openNativeApp({ newRequestId: () => 'same' });
    const { id } = service.add({ server: OTHER_SERVER });
    const foreign = await call(route.method, route.path(SERVER, id), { body: bodyFor(route, id) });
    const unknown = await call(route.method, route.path(SERVER, UNKNOWN), { body: bodyFor(route, UNKNOWN) });
    const malformed = await call(route.method, route.path(SERVER, 'nightly'), { body: bodyFor(route, 'nightly') });
    expect(foreign.status).toBe(404);
    expect(foreign.body).toMatchObject({ code: 'backup_not_found' });
    expect(unknown).toEqual(foreign);
    expect(malformed).toEqual(foreign);
  },
);

describe('lists', () => {
  test('hold only the servers of the token', async () => {
    const { call } = openNativeApp({ tokens: [tokenWith('t', SECRET, { servers: [OTHER_SERVER] })] });
    const answer = await call('GET', '/api/servers', { token: SECRET });
    expect(answer.body).toMatchObject([{ id: OTHER_SERVER }]);
  });
});

describe('credentials', () => {
  test('the scheme is case-insensitive and secrets may hold any byte', async () => {
    const secret = 'geheim-ü-密-sixteen';
    const { call } = openNativeApp({ tokens: [tokenWith('t', secret)] });
    // A header carries bytes; latin1 is how Node and fetch show them.
    const bytes = Buffer.from(secret, 'utf8').toString('latin1');
    const answer = await call('GET', '/api/servers', { token: '', headers: { authorization: `bEARER  ${bytes}` } });
    expect(answer.status).toBe(200);
  });

  test('a token with an empty secret lets nobody in', async () => {
    const { call } = openNativeApp({ tokens: [tokenWith('t', '')] });
    expect((await call('GET', '/api/servers', { token: '' })).status).toBe(401);
    expect((await call('GET', '/api/servers', { token: '', headers: { authorization: 'Bearer ' } })).status).toBe(401);
  });

  test('a refused credential is logged, its secret is not', async () => {
    const { call, logged } = openNativeApp();
    await call('GET', '/api/servers', { token: 'wrong-wrong-wrong-wrong' });
    const lines = logged.join('');
    expect(lines).toContain('Unknown credential');
    expect(lines).not.toContain('wrong-wrong');
  });
});
