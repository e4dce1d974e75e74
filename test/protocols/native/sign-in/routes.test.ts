import { describe, expect, test } from 'vitest';
import { type Answer, ADMIN, openNativeApp, tokenWith } from '../../../support/native-app.ts';
import { OTHER_SERVER, SERVER, UNKNOWN } from '../../../support/scripted-service.ts';
import { knownSecret } from '../../../support/secret-shapes.ts';

const NARROW = knownSecret('narrow-secret-narrow-secret');
const TOKENS = [
  tokenWith('admin', ADMIN),
  tokenWith('narrow', NARROW, { permissions: ['backup.read', 'backup.restore'], servers: [SERVER] }),
];

interface Signed {
  readonly secret: string;
  readonly session: { readonly id: string; readonly permissions: string[]; readonly servers: string[] };
}

interface Made {
  readonly id: string;
  readonly code: string;
  readonly url: string;
}

function open() {
  const node = openNativeApp({ tokens: TOKENS });
  const signIn = async (body: unknown): Promise<Signed> => {
    const { secret, session } = (await node.call('POST', '/api/session', { token: '', body })).body as Signed;
    return { secret: knownSecret(secret), session };
  };
  const link = async (body: unknown, token = ADMIN): Promise<Made> => {
    const made = (await node.call('POST', '/api/session/links', { token, body })).body as Made;
    knownSecret(made.code);
    return made;
  };
  return { ...node, signIn, link };
}

const refusal = ({ status, body }: Answer) => {
  const { error, code } = body as { error: string; code: string };
  return [status, code, error];
};

describe('signing in', () => {
  test('a token opens a session that may what the token may, and is shown by its id only', async () => {
    const { call, signIn } = open();
    const { secret, session } = await signIn({ token: NARROW });
    expect(session).toMatchObject({
      token: 'narrow',
      permissions: ['backup.read', 'backup.restore'],
      servers: [SERVER],
    });
    const who = (await call('GET', '/api/session', { token: secret })).body;
    expect(who).toMatchObject({ token: 'narrow', servers: [SERVER], session: { id: session.id, current: true } });
    expect((await call('GET', `/api/servers/${SERVER}`, { token: secret })).status).toBe(200);
    expect((await call('GET', `/api/servers/${OTHER_SERVER}`, { token: secret })).status).toBe(404);
    expect((await call('GET', '/api/system', { token: secret })).status).toBe(403);
  });

  test('a token asks who it is, without a session', async () => {
    const { body } = await open().call('GET', '/api/session');
    expect(body).toMatchObject({ token: 'admin', permissions: ['*'], servers: ['*'], version: '1.2.3' });
    expect(body).not.toHaveProperty('session');
  });

  test.each([
    [{ token: 'wrong-wrong-wrong' }, [401, 'unauthorized', 'Cannot sign in: there is no such token']],
    [{ code: 'A'.repeat(22) }, [401, 'unauthorized', 'Cannot sign in: this link is not known']],
    [{}, [400, 'invalid_request', 'Cannot read the request: either a token or a code must be given']],
    [
      { token: ADMIN, code: 'A'.repeat(22) },
      [400, 'invalid_request', 'Cannot read the request: either a token or a code must be given'],
    ],
  ])('%j is refused with its reason', async (body, expected) => {
    expect(refusal(await open().call('POST', '/api/session', { token: '', body }))).toEqual(expected);
  });

  test('the eleventh failure of an address within a minute is answered 429, a right token too', async () => {
    const { call, time } = open();
    const from = (address: string) => ({ token: '', headers: { 'x-forwarded-for': address } });
    const statuses: number[] = [];
    for (let at = 0; at < 11; at++) {
      statuses.push((await call('POST', '/api/session', { ...from('203.0.113.9'), body: { token: 'x' } })).status);
    }
    expect(statuses).toEqual([...Array<number>(10).fill(401), 429]);
    const barred = await call('POST', '/api/session', { token: '', body: { token: ADMIN } });
    expect([barred.status, barred.headers.get('retry-after')]).toEqual([429, '5']);
    time.advance(60_000);
    expect((await call('POST', '/api/session', { token: '', body: { token: ADMIN } })).status).toBe(201);
  });

  test('signing out ends the session at once; a token cannot be signed out', async () => {
    const { call, signIn } = open();
    const { secret } = await signIn({ token: ADMIN });
    expect((await call('DELETE', '/api/session', { token: secret })).body).toEqual({ success: true });
    expect((await call('GET', '/api/session', { token: secret })).status).toBe(401);
    expect((await call('DELETE', '/api/session')).status).toBe(400);
  });

  test('the log tells of sign-in, link, use and sign-out with session and address, and holds no secret', async () => {
    const { call, signIn, link, logged } = open();
    const { secret, session } = await signIn({ code: (await link({ label: 'owner' })).code });
    await call('GET', '/api/servers', { token: secret });
    await call('DELETE', '/api/session', { token: secret });
    await call('POST', '/api/session', { token: '', body: { token: 'no such token' } });
    const lines = logged.map((line) => JSON.parse(line) as Record<string, unknown>);
    const told = (msg: string) => lines.find((line) => line['msg'] === msg);
    expect(told('One-time link made')).toMatchObject({ caller: 'admin', address: 'unknown', servers: ['*'] });
    expect(told('Signed in')).toMatchObject({ caller: 'admin', session: session.id, by: 'link', address: 'unknown' });
    expect(told('Signed out')).toMatchObject({ caller: 'admin', session: session.id });
    expect(told('Sign-in refused')).toMatchObject({ reason: 'Cannot sign in: there is no such token' });
    expect(lines.find((line) => line['path'] === '/api/servers')).toMatchObject({ session: session.id });
    expect(logged.join('')).not.toContain(secret);
  });
});

describe('a one-time link', () => {
  test('signs in once; the second use says so', async () => {
    const { call, signIn, link } = open();
    const { code, url } = await link({});
    expect(url).toBe(`/#/in/${code}`);
    expect((await signIn({ code })).session).toMatchObject({ token: 'admin', permissions: ['*'] });
    expect(refusal(await call('POST', '/api/session', { token: '', body: { code } }))).toEqual([
      401,
      'unauthorized',
      'Cannot sign in: this link was used already',
    ]);
  });

  test('expires', async () => {
    const { call, link, time } = open();
    const { code } = await link({ minutes: 10 });
    time.advance(10 * 60_000);
    expect(refusal(await call('POST', '/api/session', { token: '', body: { code } }))[2]).toBe(
      'Cannot sign in: this link has expired',
    );
  });

  test('is as narrow as it was asked for', async () => {
    const { call, signIn, link } = open();
    const { code } = await link({ servers: [SERVER.toUpperCase()], permissions: ['backup.read'], label: 'Ann' });
    const { secret, session } = await signIn({ code });
    expect(session).toMatchObject({ servers: [SERVER], permissions: ['backup.read'], label: 'Ann' });
    expect((await call('GET', '/api/servers', { token: secret })).body).toHaveLength(1);
    expect((await call('POST', `/api/servers/${SERVER}/backups`, { token: secret })).status).toBe(403);
  });

  test.each([
    [{ permissions: ['*'] }, 403],
    [{ permissions: ['backup.delete'] }, 403],
    [{ servers: ['*'] }, 404],
    [{ servers: [OTHER_SERVER] }, 404],
    [{ servers: ['../etc'] }, 400],
    [{ permissions: ['root'] }, 400],
    [{ minutes: 0 }, 400],
    [{ minutes: 100_000 }, 400],
    [{ label: 'two\nlines' }, 400],
    [{ admin: true }, 400],
  ])('%j is refused to a narrow token', async (body, status) => {
    expect((await open().call('POST', '/api/session/links', { token: NARROW, body })).status).toBe(status);
  });

  test('for a server that is not there is refused, and leaves no link', async () => {
    const { call } = open();
    expect((await call('POST', '/api/session/links', { body: { servers: [UNKNOWN] } })).status).toBe(404);
    expect((await call('GET', '/api/sessions')).body).toEqual({ sessions: [], links: [] });
  });
});

describe('what a session makes', () => {
  const ofOne = { servers: [SERVER], permissions: ['backup.read'] };
  const post = (call: ReturnType<typeof open>['call'], token: string): Promise<Answer> =>
    call('POST', '/api/session/links', { token, body: {} });

  test('links: fifty that are unused, and none that its token or another session could have made', async () => {
    const { call, signIn, link } = open();
    const [one, other] = [
      await signIn({ code: (await link(ofOne)).code }),
      await signIn({ code: (await link({})).code }),
    ];
    for (let made = 0; made < 50; made++) expect((await post(call, one.secret)).status).toBe(201);
    expect(refusal(await post(call, one.secret))).toEqual([
      429,
      'server_busy',
      'Cannot make the link: too many links of this session are unused',
    ]);
    expect([(await post(call, other.secret)).status, (await post(call, ADMIN)).status]).toEqual([201, 201]);
  });

  test('sessions: the oldest that came about by it gives way, and no other', async () => {
    const { call, signIn, link } = open();
    const [one, other] = [await signIn({ code: (await link(ofOne)).code }), await signIn({ token: ADMIN })];
    const made: Signed[] = [];
    for (let at = 0; at < 51; at++) made.push(await signIn({ code: (await link({}, one.secret)).code }));
    const status = async (signed: Signed | undefined) =>
      (await call('GET', '/api/session', { token: signed?.secret ?? '' })).status;
    expect([await status(made[0]), await status(made[1]), await status(made.at(-1))]).toEqual([401, 200, 200]);
    expect([await status(one), await status(other)]).toEqual([200, 200]);
  });

  test('rows of sessions have an end, and a link names each server once', async () => {
    const { call, signIn, link } = open();
    const { code, ...shown } = await link({ servers: [SERVER, SERVER, SERVER] });
    expect(shown).toMatchObject({ servers: [SERVER] });
    let last = await signIn({ code });
    for (let made = 0; made < 8; made++) last = await signIn({ code: (await link({}, last.secret)).code });
    expect(refusal(await post(call, last.secret))).toEqual([
      403,
      'forbidden',
      'Cannot make the link: its session came about by too many links in a row',
    ]);
  });
});

describe('the sessions of a node', () => {
  test('are listed without secrets, with the links that may be used, and only for who manages the node', async () => {
    const { call, signIn, link } = open();
    const { secret, session } = await signIn({ token: ADMIN, keep: true });
    const { id, code } = await link({ label: 'later' });
    const { body, text } = await call('GET', '/api/sessions', { token: secret });
    expect(body).toMatchObject({
      sessions: [{ id: session.id, kept: true, current: true, address: 'unknown' }],
      links: [{ id, label: 'later' }],
    });
    expect([text.includes(code), text.includes(secret)]).toEqual([false, false]);
    expect((await call('GET', '/api/sessions', { token: NARROW })).status).toBe(403);
  });

  test('taking one away ends it with the links and sessions that came about by it', async () => {
    const { call, signIn, link } = open();
    const first = await signIn({ token: ADMIN });
    const second = await signIn({ code: (await link({}, first.secret)).code });
    const { code } = await link({}, second.secret);
    expect((await call('DELETE', `/api/sessions/${first.session.id}`)).body).toEqual({ success: true });
    expect((await call('GET', '/api/session', { token: second.secret })).status).toBe(401);
    expect(refusal(await call('POST', '/api/session', { token: '', body: { code } }))[2]).toBe(
      'Cannot sign in: this link is not known',
    );
    expect((await call('DELETE', `/api/sessions/${first.session.id}`)).status).toBe(404);
  });

  test('end after 12 hours without use; one that is kept after 30 days', async () => {
    const { call, signIn, time } = open();
    const short = await signIn({ token: ADMIN });
    const kept = await signIn({ token: ADMIN, keep: true });
    const status = async ({ secret }: Signed) => (await call('GET', '/api/session', { token: secret })).status;
    time.advance(11 * 3_600_000);
    expect(await status(short)).toBe(200);
    time.advance(11 * 3_600_000);
    expect(await status(short)).toBe(200);
    time.advance(12 * 3_600_000);
    expect([await status(short), await status(kept)]).toEqual([401, 200]);
    time.advance(29 * 24 * 3_600_000);
    expect(await status(kept)).toBe(401);
  });

  test('end when their token leaves the config or is changed; others stay', async () => {
    const { app, call, signIn } = open();
    const admin = await signIn({ token: ADMIN });
    const narrow = await signIn({ token: NARROW });
    app.setTokens([TOKENS[0] ?? tokenWith('admin', ADMIN), tokenWith('narrow', NARROW, { permissions: ['*'] })]);
    expect((await call('GET', '/api/session', { token: admin.secret })).status).toBe(200);
    expect((await call('GET', '/api/session', { token: narrow.secret })).status).toBe(401);
  });
});
