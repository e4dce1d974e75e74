import { describe, expect, test } from 'vitest';
import { ADMIN } from '../../support/native-app.ts';
import { OTHER_SERVER, SERVER, UNKNOWN } from '../../support/scripted-service.ts';
import { ALL_FLAVOURS, NODE_TOKEN, NODE_TOKEN_ID, openWingsApp } from '../../support/wings-app.ts';
import type { WingsFlavour } from '../../../src/protocols/wings/flavours/flavours.ts';

type Route = readonly [method: string, path: (server: string, backup: string) => string, body?: object];

const SETTINGS = { uuid: SERVER, suspended: true };

const OF_BACKUPS: readonly Route[] = [
  ['POST', (s, b) => `/api/servers/${s}/backup/${b}/restore`, { adapter: 'wings', truncate_directory: true }],
  ['DELETE', (s, b) => `/api/servers/${s}/backup/${b}`],
];

const OF_SERVERS: readonly Route[] = [
  ['POST', (s) => `/api/servers/${s}/backup`, { adapter: 'wings', uuid: UNKNOWN, ignore: '' }],
  ['POST', (s) => `/api/servers/${s}/sync`, { server: { settings: SETTINGS } }],
  ['POST', (s) => `/api/servers/${s}/ws/deny`, { jtis: ['0'.repeat(32)] }],
];

/** Paths that the native API has too: its callers get its words there. */
const SHARED: readonly Route[] = [
  ['GET', () => '/api/system'],
  ['GET', () => '/api/servers'],
  ['GET', (s) => `/api/servers/${s}`],
  ['DELETE', (s) => `/api/servers/${s}`],
];

const OF_NODE: readonly Route[] = [
  ['POST', () => '/api/servers', { uuid: UNKNOWN, start_on_completion: false }],
  ['POST', () => '/api/deauthorize-user', { user: UNKNOWN, servers: [] }],
  ['POST', () => '/api/update', { token_id: 'another-id', token: 'another-token-of-the-node' }],
  ['POST', (s) => `/api/servers/${s}/power`, { action: 'kill' }],
  ['GET', (s) => `/api/servers/${s}/files/list-directory`],
];

function routesOf(flavour: WingsFlavour): readonly Route[] {
  const all = [...OF_BACKUPS, ...OF_SERVERS, ...OF_NODE];
  if (flavour === 'pelican') return [...all, ['DELETE', (s) => `/api/servers/${s}/deleteAllBackups`]];
  if (flavour === 'calagopus') return [...all, ['DELETE', (_, b) => `/api/backups/${b}`]];
  return all;
}

/** What a caller may present instead of the token, and what it is then taken for. */
const STRANGERS: readonly (readonly [name: string, authorization: string | undefined, known: boolean])[] = [
  ['nothing', undefined, false],
  ['an empty token', 'Bearer ', false],
  ['the token without a scheme', NODE_TOKEN, false],
  ['the scheme in lower case', `bearer ${NODE_TOKEN}`, false],
  ['another scheme', `Basic ${NODE_TOKEN}`, false],
  ['a wrong token', `Bearer ${'y'.repeat(64)}`, true],
  ['the beginning of the token', `Bearer ${NODE_TOKEN.slice(0, -1)}`, true],
  ['the token and more', `Bearer ${NODE_TOKEN}x`, true],
  ['the token behind a second blank', `Bearer  ${NODE_TOKEN}`, true],
  ['the token behind its id', `Bearer ${NODE_TOKEN_ID}.${NODE_TOKEN}`, true],
  ['the id', `Bearer ${NODE_TOKEN_ID}`, true],
  ['a token of the native API', `Bearer ${ADMIN}`, true],
];

const REFUSALS = {
  go: {
    none: [401, '{"error":"The required authorization heads were not present in the request."}'],
    wrong: [403, '{"error":"You are not authorized to access this endpoint."}'],
  },
  rust: {
    none: [401, '{"error":"invalid authorization header"}'],
    wrong: [401, '{"error":"invalid authorization token"}'],
  },
} as const;

describe.each(ALL_FLAVOURS)('%s', (flavour) => {
  const answers = flavour === 'calagopus' ? REFUSALS.rust : REFUSALS.go;

  test.each(STRANGERS)('%s opens no route, and is told of no server or backup', async (_, authorization, isToken) => {
    const { call, service, credentials, denylist } = await openWingsApp(flavour);
    let changes = 0;
    denylist.onChange(() => changes++);
    const { id } = service.add();
    const headers: Record<string, string> = authorization === undefined ? {} : { authorization };
    // A Headers object drops the blank at the end, as a server does: what is left is no scheme and token.
    const [status, text] = isToken ? answers.wrong : answers.none;
    const routes = authorization === `Bearer ${ADMIN}` ? routesOf(flavour) : [...routesOf(flavour), ...SHARED];
    for (const [method, path, body] of routes) {
      for (const [server, backup] of [
        [SERVER, id],
        [SERVER, UNKNOWN],
        [OTHER_SERVER, id],
        [UNKNOWN, id],
        ['no-uuid', 'no-uuid'],
      ] as const) {
        const answer = await call(method, path(server, backup), { token: '', headers, body });
        expect([method, path(server, backup), answer.status, answer.text]).toEqual([
          method,
          path(server, backup),
          status,
          text,
        ]);
        expect(answer.headers.get('www-authenticate')).toBe(status === 401 ? 'Bearer' : null);
      }
    }
    expect(service.calls).toEqual([]);
    expect([changes, credentials.token]).toEqual([0, NODE_TOKEN]);
  });

  test('the token opens nothing of the native API', async () => {
    const { call, service } = await openWingsApp(flavour);
    for (const [method, path] of [
      ['GET', `/api/servers/${SERVER}/backups`],
      ['POST', `/api/servers/${SERVER}/backups`],
      ['PATCH', `/api/servers/${SERVER}`],
      ['GET', '/api/jobs'],
      ['GET', `/api/client/servers/${SERVER}/backups`],
    ] as const) {
      expect([path, (await call(method, path, { body: method === 'GET' ? undefined : {} })).status]).toEqual([
        path,
        401,
      ]);
    }
    expect(service.calls).toEqual([]);
  });

  test('an unknown server is told apart from nothing, and nothing is done', async () => {
    const { call, service } = await openWingsApp(flavour);
    const { id } = service.add();
    const text = flavour === 'calagopus' ? '{"error":"server not found"}' : UNKNOWN_SERVER;
    for (const [method, path, body] of [...OF_BACKUPS, ...OF_SERVERS, SHARED[2], SHARED[3]].filter(isRoute)) {
      const answer = await call(method, path(UNKNOWN, id), { body });
      expect([path(UNKNOWN, id), answer.status, answer.text]).toEqual([path(UNKNOWN, id), 404, text]);
    }
    expect(service.calls.filter(({ method }) => method !== 'server' && method !== 'backupPage')).toEqual([]);
  });

  test('a backup of another server is answered like an unknown one', async () => {
    const { call, service } = await openWingsApp(flavour);
    const foreign = service.add({ server: OTHER_SERVER });
    for (const [method, path, body] of OF_BACKUPS) {
      const [known, unknown] = [
        await call(method, path(SERVER, foreign.id), { body: { ...body, download_url: null } }),
        await call(method, path(SERVER, UNKNOWN), { body: { ...body, download_url: null } }),
      ];
      expect([known.status, withoutIds(known.text)]).toEqual([404, withoutIds(unknown.text)]);
    }
    expect(service.backupViews.has(foreign.id)).toBe(true);
  });

  test('a server’s id that is none is refused before anybody is asked', async () => {
    const { call, service } = await openWingsApp(flavour);
    const [status, error] =
      flavour === 'calagopus'
        ? [400, 'invalid server uuid']
        : [404, 'The requested resource does not exist on this instance.'];
    for (const server of ['x', '..%2F..%2Fetc', `${SERVER}x`, '%00', "'%20OR%201=1"]) {
      expect(await call('DELETE', `/api/servers/${server}/backup/${UNKNOWN}`)).toMatchObject({
        status,
        body: { error },
      });
    }
    expect(service.calls).toEqual([]);
  });
});

test('where a native token is presented, shared paths answer in the native words', async () => {
  const { call } = await openWingsApp('pterodactyl');
  expect((await call('GET', '/api/servers', { token: ADMIN })).body).toMatchObject([{ id: SERVER }, {}]);
  expect((await call('GET', `/api/servers/${SERVER}`, { token: ADMIN })).body).toMatchObject({ id: SERVER });
  expect((await call('GET', '/api/system', { token: ADMIN })).body).toMatchObject({ engine: 'zlib' });
});

test('no log line holds the token, right or nearly', async () => {
  const { call, logged, service } = await openWingsApp('pelican');
  service.failWith('create', new Error('broken'));
  for (const token of [NODE_TOKEN, `${NODE_TOKEN}x`]) {
    await call('POST', `/api/servers/${SERVER}/backup`, { token, body: { adapter: 'wings', uuid: UNKNOWN } });
  }
  expect(logged.length).toBeGreaterThan(2);
  expect(logged.join('')).not.toContain(NODE_TOKEN);
});

const UNKNOWN_SERVER = '{"error":"The requested resource does not exist on this instance."}';

function isRoute(route: Route | undefined): route is Route {
  return route !== undefined;
}

function withoutIds(text: string): string {
  return text.replace(/"(request_id|requestId)":"[^"]*"/, '');
}
