import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SERVER } from '../../support/scripted-service.ts';
import { ALL_FLAVOURS, openWingsApp } from '../../support/wings-app.ts';

const ID = '3c9f3a4e-8f0b-4f7a-9a55-0d5f0f2c9b11';
const BACKUP = `/api/servers/${SERVER}/backup`;

/** Routes whose body counts. Of the last two `{}` holds a request. */
const ROUTES = [
  BACKUP,
  `${BACKUP}/${ID}/restore`,
  '/api/servers',
  '/api/deauthorize-user',
  `/api/servers/${SERVER}/ws/deny`,
  '/api/update',
];
const TAKES_NOTHING: ReadonlySet<string> = new Set(ROUTES.slice(4));

const UNPARSABLE = '{"error":"The data passed in the request was not in a parsable format. Please try again."}';

const MISFITS: readonly unknown[] = [
  [],
  'text',
  7,
  true,
  { adapter: 7, uuid: ID },
  { adapter: 'wings', uuid: ID, ignore: ['*.log'] },
  { adapter: 'wings', uuid: { $ne: null } },
  { adapter: 'wings', truncate_directory: 'yes' },
  { uuid: 7, start_on_completion: 'x' },
  { user: 7, servers: 'x' },
  { user: '', servers: [] },
  { json: { user: 'x', servers: [7] } },
  { jtis: [7] },
  { jtis: 'x' },
  { token: '' },
  { token: 7 },
  { token: 'short' },
  { token_id: 'has blanks', token: 'x'.repeat(64) },
  { token: 'ü'.repeat(64) },
];

describe.each(ALL_FLAVOURS)('%s', (flavour) => {
  const isRust = flavour === 'calagopus';

  test('an empty body is a fault of its own', async () => {
    const { call, service } = await openWingsApp(flavour);
    for (const path of ROUTES) {
      for (const body of [undefined, '', ' \r\n']) {
        const answer = await call('POST', path, { body });
        expect([path, answer.status]).toEqual([path, 400]);
        if (!isRust) expect(answer.text).toBe(UNPARSABLE);
      }
    }
    expect(changesOf(service)).toEqual([]);
  });

  test('a body that is no JSON, or cut short, or no text, is refused', async () => {
    const { call, service } = await openWingsApp(flavour);
    for (const path of ROUTES) {
      for (const body of ['{', '{"adapter":"wings"', 'adapter=wings', '{}{}', 'nul', '\u0000']) {
        const answer = await call('POST', path, { body });
        expect([path, body, answer.status]).toEqual([path, body, 400]);
        if (!isRust) {
          expect(answer.body).toEqual({
            error: 'An unexpected error was encountered while processing this request',
            request_id: answer.headers.get('x-request-id'),
          });
        }
      }
    }
    expect(changesOf(service)).toEqual([]);
  });

  test('JSON of another shape is refused', async () => {
    const { call, service, credentials, denylist } = await openWingsApp(flavour);
    const before = credentials.token;
    let changes = 0;
    denylist.onChange(() => changes++);
    for (const path of ROUTES) {
      for (const body of MISFITS) {
        // A new server is its id alone.
        if (path === '/api/servers' && JSON.stringify(body).includes(ID)) continue;
        const answer = await call('POST', path, { body: JSON.stringify(body) });
        if (TAKES_NOTHING.has(path) && answer.status < 300) continue;
        // Some of them ask for a restore, of a backup that is not here.
        expect([400, 404, 422]).toContain(answer.status);
      }
    }
    expect(changesOf(service).filter((method) => method !== 'restore')).toEqual([]);
    expect([changes, credentials.token]).toEqual([0, before]);
  });

  test('an id that is no UUID never gets any further', async () => {
    const { call, service } = await openWingsApp(flavour);
    for (const uuid of ['', 'x', '../../etc/passwd', `${ID}.tar.gz`, ID.replaceAll('-', ''), `{${ID}}`, `${ID}\n`]) {
      const created = await call('POST', BACKUP, { body: { adapter: 'wings', uuid, ignore: '' } });
      expect([uuid, created.status]).toEqual([uuid, 400]);
      if (!isRust) expect(created.text).toBe('{"error":"The backup identifier must be a valid UUID."}');
      if (uuid === '' || uuid.includes('/')) continue;
      const path = `${BACKUP}/${encodeURIComponent(uuid)}`;
      expect((await call('DELETE', path)).status).toBe(400);
      const body = { adapter: 'wings', truncate_directory: true };
      expect((await call('POST', `${path}/restore`, { body })).status).toBe(400);
    }
    expect(changesOf(service)).toEqual([]);
  });

  test('an adapter that is not served is named', async () => {
    const { call, service } = await openWingsApp(flavour);
    const answer = await call('POST', BACKUP, { body: { adapter: 'restic', uuid: ID, ignore: '' } });
    expect(answer).toMatchObject({
      status: 400,
      body: { error: 'The backup adapter "restic" is not served by this node: use wings or s3.' },
    });
    const unknown = await call('POST', BACKUP, { body: { adapter: '\u001b[2J', uuid: ID, ignore: '' } });
    expect(unknown.status).toBe(400);
    expect(unknown.text).not.toContain('\u001b');
    expect(changesOf(service)).toEqual([]);
  });

  test('a body of more than a mebibyte is refused before it is held', async () => {
    const { call, service } = await openWingsApp(flavour);
    const body = JSON.stringify({ adapter: 'wings', uuid: ID, ignore: 'x'.repeat(1024 * 1024) });
    for (const path of ROUTES) expect((await call('POST', path, { body })).status).toBe(413);
    expect(changesOf(service)).toEqual([]);
  });

  test('no body whatever is a fault of this side', async () => {
    const { call, panel } = await openWingsApp(flavour);
    panel.known.set(ID, { suspended: false });
    const json = fc.json({ maxDepth: 3 });
    const near = fc.record(
      {
        adapter: fc.oneof(fc.constantFrom('wings', 's3'), fc.jsonValue()),
        uuid: fc.oneof(fc.constant(ID), fc.jsonValue()),
        ignore: fc.oneof(fc.string(), fc.jsonValue()),
        truncate_directory: fc.oneof(fc.boolean(), fc.jsonValue()),
        download_url: fc.oneof(fc.webUrl(), fc.jsonValue()),
        user: fc.jsonValue(),
        servers: fc.jsonValue(),
        jtis: fc.jsonValue(),
        json: fc.jsonValue(),
        token: fc.jsonValue(),
        server: fc.jsonValue(),
      },
      { requiredKeys: [] },
    );
    const body = fc.oneof(
      fc.string(),
      json,
      near.map((value) => JSON.stringify(value)),
    );
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...ROUTES), body, async (path, text) => {
        expect((await call('POST', path, { body: text })).status).toBeLessThan(500);
      }),
      { numRuns: 150 },
    );
  });
});

test('only Calagopus’ daemon looks at the label of a body', async () => {
  for (const flavour of ALL_FLAVOURS) {
    const { call } = await openWingsApp(flavour);
    const body = { adapter: 'wings', uuid: ID, ignore: '' };
    const form = await call('POST', BACKUP, { headers: { 'content-type': 'text/plain' }, body });
    expect(form.status).toBe(flavour === 'calagopus' ? 400 : 202);
    const labelled = { 'content-type': 'application/json; charset=utf-8' };
    expect((await call('POST', BACKUP, { headers: labelled, body })).status).toBe(202);
  }
});

function changesOf({ calls }: { readonly calls: readonly { readonly method: string }[] }): string[] {
  return calls.map(({ method }) => method).filter((method) => !['server', 'servers', 'backupPage'].includes(method));
}
