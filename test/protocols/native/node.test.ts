import { describe, expect, test } from 'vitest';
import { newBackupId, newJobId } from '../../../src/base/ids.ts';
import type { JobView } from '../../../src/jobs/contract.ts';
import { CreateBody, ErrorObject, RestoreBody } from '../../../src/protocols/native/schemas.ts';
import { openNativeApp, tokenWith } from '../../support/native-app.ts';
import { OTHER_SERVER, SERVER, UNKNOWN } from '../../support/scripted-service.ts';

const SECRET = 'some-secret-some-secret';

const NOT_SHOWN = { secret: 'not shown' };

function jobView({ kind = 'backup', ...change }: Partial<Omit<JobView, 'request'>> = {}): JobView {
  return {
    id: newJobId(),
    kind,
    server: SERVER,
    backup: newBackupId(),
    state: 'queued',
    phase: 'queued',
    request: NOT_SHOWN,
    error: null,
    createdAt: 0,
    startedAt: null,
    endedAt: null,
    progress: null,
    position: null,
    ...change,
  } as JobView;
}

const PROGRESS = {
  phase: 'write',
  bytesDone: 5,
  bytesTotal: 10,
  filesDone: 1,
  filesTotal: 2,
  bytesPerSecond: 5,
  etaSeconds: null,
};

describe('servers', () => {
  const shown = { id: SERVER, name: 'survival', status: 'READY', suspended: false, backups: 0, bytes: 0 };

  test('the list is a bare array', async () => {
    const { call } = openNativeApp();
    const answer = await call('GET', '/api/servers');
    expect(answer).toMatchObject({ status: 200, body: [shown, { ...shown, id: OTHER_SERVER }] });
  });

  test('one server has the same fields, and can be suspended', async () => {
    const { call } = openNativeApp();
    expect((await call('GET', `/api/servers/${SERVER}`)).body).toEqual(shown);
    const changed = await call('PATCH', `/api/servers/${SERVER}`, { body: { suspended: true } });
    expect(changed).toMatchObject({ status: 200, body: { ...shown, suspended: true } });
  });
});

test('a server of which only backups are left is shown as such', async () => {
  const { call, service } = openNativeApp();
  const view = service.serverViews.get(SERVER);
  if (view !== undefined) service.serverViews.set(SERVER, { ...view, directory: false, backups: 2 });
  const { body } = await call('GET', '/api/servers');
  expect(body).toContainEqual(expect.objectContaining({ id: SERVER, state: 'no directory', backups: 2 }));
  expect(body).toContainEqual(expect.not.objectContaining({ state: expect.anything() }));
});

test('one job can be read by whoever may begin such jobs of its server, and by no one else', async () => {
  const tokens = [
    tokenWith('restores', SECRET, { servers: [SERVER], permissions: ['backup.restore'] }),
    tokenWith('other', `${SECRET}-2`, { servers: [OTHER_SERVER], permissions: ['backup.restore'] }),
    tokenWith('downloads', `${SECRET}-3`, { servers: [SERVER], permissions: ['backup.download'] }),
  ];
  const { call, service } = openNativeApp({ tokens });
  const job = jobView({ kind: 'restore' });
  service.jobViews = [job];
  const status = async (token: string): Promise<number> => (await call('GET', `/api/jobs/${job.id}`, { token })).status;
  expect(await Promise.all([SECRET, `${SECRET}-2`, `${SECRET}-3`].map(status))).toEqual([200, 404, 403]);
  expect((await call('GET', '/api/jobs', { token: SECRET })).status).toBe(403);
});

describe('jobs', () => {
  test('carry what is known of them, dates as ISO 8601, and nothing of their request', async () => {
    const { call, service } = openNativeApp();
    const queued = jobView({ position: 1 });
    const running = jobView({ state: 'running', phase: 'write', startedAt: 1000, progress: PROGRESS });
    const error = { code: 'internal' as const, message: 'Cannot read', facts: {}, retry: false };
    const failed = jobView({ kind: 'restore', state: 'failed', startedAt: 1000, endedAt: 2000, error });
    service.jobViews = [queued, running, failed];
    const answer = await call('GET', '/api/jobs');
    const { id, backup } = queued;
    const common = { server: SERVER, createdAt: '1970-01-01T00:00:00.000Z' };
    expect(answer.body).toEqual({
      jobs: [
        { ...common, id, kind: 'backup', backup, state: 'queued', phase: 'queued', position: 1 },
        {
          ...common,
          id: running.id,
          kind: 'backup',
          backup: running.backup,
          state: 'running',
          phase: 'write',
          progress: PROGRESS,
          startedAt: '1970-01-01T00:00:01.000Z',
        },
        {
          ...common,
          id: failed.id,
          kind: 'restore',
          backup: failed.backup,
          state: 'failed',
          phase: 'queued',
          startedAt: '1970-01-01T00:00:01.000Z',
          endedAt: '1970-01-01T00:00:02.000Z',
          error: { code: 'internal', message: 'Cannot read' },
        },
      ],
    });
  });

  test('are filtered by server and kind', async () => {
    const { call, service } = openNativeApp();
    service.jobViews = [jobView(), jobView({ kind: 'verify' }), jobView({ server: OTHER_SERVER })];
    const ids = async (query: string): Promise<unknown> =>
      ((await call('GET', `/api/jobs${query}`)).body as { jobs: { id: string }[] }).jobs.map(({ id }) => id);
    expect(await ids('')).toEqual(service.jobViews.map(({ id }) => id));
    expect(await ids('?kind=verify')).toEqual([service.jobViews[1]?.id]);
    expect(await ids(`?server=${OTHER_SERVER}`)).toEqual([service.jobViews[2]?.id]);
  });

  test('of servers that the token does not hold are not there', async () => {
    const tokens = [tokenWith('t', SECRET, { servers: [SERVER] })];
    const { call, service } = openNativeApp({ tokens, newRequestId: () => 'same' });
    const foreign = jobView({ server: OTHER_SERVER });
    service.jobViews = [foreign];
    expect((await call('GET', '/api/jobs', { token: SECRET })).body).toEqual({ jobs: [] });
    const answer = await call('GET', `/api/jobs/${foreign.id}`, { token: SECRET });
    expect(answer).toMatchObject({ status: 404, body: { code: 'job_not_found' } });
    expect(await call('GET', `/api/jobs/${UNKNOWN}`, { token: SECRET })).toEqual(answer);
    expect(await call('GET', '/api/jobs/nightly', { token: SECRET })).toEqual(answer);
  });

  test('are found one by one', async () => {
    const { call, service } = openNativeApp();
    service.jobViews = [jobView({ state: 'done' })];
    const id = service.jobViews[0]?.id;
    expect(await call('GET', `/api/jobs/${id}`)).toMatchObject({ status: 200, body: { id, state: 'done' } });
  });
});

test('system tells the state of the node', async () => {
  const { call } = openNativeApp();
  const answer = await call('GET', '/api/system');
  expect(answer.status).toBe(200);
  expect(answer.body).toEqual({
    version: '1.2.3',
    node: 'v24.0.0',
    engine: 'zlib',
    uptimeSeconds: 60,
    servers: 2,
    jobs: { running: 0, queued: 0 },
    stores: [{ name: 'local', type: 'local', freeBytes: null, error: null }],
  });
});

test('health answers without a token, and without asking the service', async () => {
  const { call, service } = openNativeApp();
  expect(await call('GET', '/health', { token: '' })).toMatchObject({ status: 200, body: { status: 'ok' } });
  expect(service.calls).toEqual([]);
});

test('the OpenAPI document names every route with its schemas and security', async () => {
  const { call } = openNativeApp();
  const answer = await call('GET', '/openapi.json', { token: '' });
  expect(answer.status).toBe(200);
  const document = answer.body as {
    openapi: string;
    paths: Record<string, Record<string, { security: readonly unknown[] }>>;
  };
  expect(document.openapi).toBe('3.1.0');
  const routes = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { security }]) => `${method} ${path}${security.length === 0 ? '' : ' *'}`),
  );
  expect(routes.sort()).toEqual([
    'delete /api/client/servers/{server}/backups/{backup} *',
    'delete /api/panel/reports/{id} *',
    'delete /api/servers/{server} *',
    'delete /api/servers/{server}/backups/delete *',
    'delete /api/servers/{server}/backups/{id} *',
    'delete /api/session *',
    'delete /api/sessions/{id} *',
    'get /api/client *',
    'get /api/client/servers/{server} *',
    'get /api/client/servers/{server}/backups *',
    'get /api/client/servers/{server}/backups/{backup} *',
    'get /api/client/servers/{server}/backups/{backup}/download *',
    'get /api/client/servers/{server}/websocket *',
    'get /api/doctor *',
    'get /api/jobs *',
    'get /api/jobs/{id} *',
    'get /api/notify/channels *',
    'get /api/panel/reports *',
    'get /api/report *',
    'get /api/schedules *',
    'get /api/servers *',
    'get /api/servers/{server} *',
    'get /api/servers/{server}/backups *',
    'get /api/servers/{server}/backups/download',
    'get /api/servers/{server}/backups/{id} *',
    'get /api/servers/{server}/backups/{id}/compare *',
    'get /api/servers/{server}/backups/{id}/files *',
    'get /api/servers/{server}/backups/{id}/files/content *',
    'get /api/servers/{server}/backups/{id}/find *',
    'get /api/servers/{server}/backups/{id}/places *',
    'get /api/servers/{server}/backups/{id}/warnings *',
    'get /api/servers/{server}/comparisons/{id} *',
    'get /api/servers/{server}/find *',
    'get /api/servers/{server}/history *',
    'get /api/servers/{server}/retention *',
    'get /api/session *',
    'get /api/sessions *',
    'get /api/system *',
    'get /api/vaults *',
    'get /health',
    'get /metrics *',
    'patch /api/jobs/{id} *',
    'patch /api/servers/{server} *',
    'patch /api/servers/{server}/backups/lock *',
    'patch /api/servers/{server}/backups/{id} *',
    'post /api/client/servers/{server}/backups *',
    'post /api/client/servers/{server}/backups/{backup}/lock *',
    'post /api/client/servers/{server}/backups/{backup}/restore *',
    'post /api/notify/test *',
    'post /api/panel/reports/retry *',
    'post /api/servers/{server}/backups *',
    'post /api/servers/{server}/backups/download-token *',
    'post /api/servers/{server}/backups/estimate *',
    'post /api/servers/{server}/backups/restore *',
    'post /api/servers/{server}/backups/{id}/accept *',
    'post /api/servers/{server}/backups/{id}/cancel *',
    'post /api/servers/{server}/backups/{id}/preview *',
    'post /api/servers/{server}/backups/{id}/undo *',
    'post /api/servers/{server}/backups/{id}/verify *',
    'post /api/servers/{server}/retention/apply *',
    'post /api/session',
    'post /api/session/links *',
    'post /api/vaults/adopt *',
    'post /api/vaults/collect *',
    'post /api/vaults/verify *',
  ]);
});

test('the doctor is healthy only when every finding is ok, and is for those who may read the node', async () => {
  const { call, service } = openNativeApp();
  expect((await call('GET', '/api/doctor')).body).toEqual({
    healthy: true,
    findings: [{ check: 'jobs', level: 'ok', message: '0 running, 0 waiting' }],
  });
  service.findings = [{ check: 'store', level: 'fault', message: 'It is away', hint: 'Mount it.' }];
  expect((await call('GET', '/api/doctor')).body).toMatchObject({ healthy: false, findings: service.findings });
});

test('each operation has a name of its own, and an error’s code is one of a list', async () => {
  const { call } = openNativeApp();
  const { body } = await call('GET', '/openapi.json');
  const { paths, components } = body as {
    readonly paths: Record<string, Record<string, { readonly operationId?: string; readonly security?: unknown }>>;
    readonly components: { readonly schemas: { readonly Error: { readonly properties: { readonly code: object } } } };
  };
  const operations = Object.values(paths).flatMap((methods) => Object.values(methods));
  const names = operations.map(({ operationId }) => operationId);
  expect(names.filter((name) => name === undefined)).toEqual([]);
  expect(new Set(names).size).toBe(names.length);
  expect(operations.every(({ security }) => security !== undefined)).toBe(true);
  expect(components.schemas.Error.properties.code).toMatchObject({
    enum: expect.arrayContaining(['backup_not_found', 'not_found']) as unknown,
  });
});

test('the document says which calls may answer at once, and how errors look, with examples that hold', async () => {
  const { call } = openNativeApp();
  const { body, text } = await call('GET', '/openapi.json');
  const { paths, components } = body as {
    readonly paths: Record<string, Record<string, Described>>;
    readonly components: {
      readonly schemas: Record<string, { readonly example?: unknown }>;
      readonly responses: Record<string, { readonly headers: object }>;
    };
  };
  const operations = Object.values(paths).flatMap((methods) => Object.values(methods));
  const waiting = operations.filter(({ parameters = [] }) => parameters.some(({ name }) => name === 'Prefer'));
  expect(waiting.map(({ operationId }) => operationId).sort()).toEqual(
    ['createBackup', 'restoreBackup', 'undoRestore', 'verifyBackup'].sort(),
  );
  for (const { responses } of waiting) expect(responses['202']).toMatchObject({ headers: { Location: {} } });
  for (const { responses } of operations.filter((operation) => operation.responses['4XX'] !== undefined)) {
    const name = /^#\/components\/responses\/(\w+)$/.exec(String(responses['4XX']?.$ref))?.[1] ?? '';
    expect(components.responses[name]).toEqual(responses['default']);
  }
  expect(
    operations.filter(({ responses }) => responses['4XX'] === undefined && responses['default'] !== undefined),
  ).toEqual([]);
  for (const { headers } of Object.values(components.responses)) expect(headers).toHaveProperty('Retry-After');
  for (const code of [4401, 4403, 1012, 1013]) expect(text).toContain(`${code} `);
  const { CreateBackup, RestoreBackup, Error: fault } = components.schemas;
  expect(CreateBody.parse(CreateBackup?.example)).toEqual(CreateBackup?.example);
  expect(RestoreBody.parse(RestoreBackup?.example)).toEqual(RestoreBackup?.example);
  expect(ErrorObject.parse(fault?.example)).toEqual(fault?.example);
});

/** An operation of the document. */
interface Described {
  readonly operationId: string;
  readonly parameters?: readonly { readonly name: string }[];
  readonly responses: Readonly<Record<string, { readonly $ref?: string }>>;
}
