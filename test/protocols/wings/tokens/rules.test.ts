import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { BackupId } from '../../../../src/base/ids.ts';
import { FLAVOURS, type WingsFlavour } from '../../../../src/protocols/wings/flavours/flavours.ts';
import { type Objection, permits, type TokenUse } from '../../../../src/protocols/wings/tokens/panel-token.ts';
import { objectionTo, readToken } from '../../../../src/protocols/wings/tokens/rules.ts';
import { signToken } from '../../../support/panel/jwt.ts';
import { OTHER_SERVER, SERVER, UNKNOWN } from '../../../support/scripted-service.ts';
import { ALL_FLAVOURS, NODE_TOKEN } from '../../../support/wings-app.ts';

const KEY = Buffer.from(NODE_TOKEN);
const START = 1_800_000_000;
const BACKUP = UNKNOWN as BackupId;
const NO_DENIALS = { startedAt: START, isDenied: () => false };

const GOOD = {
  iss: 'https://panel.test',
  aud: ['https://node.test'],
  jti: 'jti',
  iat: START,
  nbf: START - 300,
  exp: START + 600,
  user_uuid: UNKNOWN,
  server_uuid: SERVER,
  permissions: ['*'],
  scope: 'websocket backup-download',
  backup_uuid: BACKUP,
  unique_id: 'unique',
};

interface Asked {
  readonly flavour: WingsFlavour;
  readonly use: TokenUse;
  readonly now?: number;
  readonly denied?: boolean;
  readonly startedAt?: number;
}

/** Calagopus puts a comma between scopes, the others a space. */
function scopedFor(flavour: WingsFlavour, claims: object): Readonly<Record<string, unknown>> {
  const { scope } = claims as { readonly scope?: unknown };
  return {
    ...claims,
    ...(flavour === 'calagopus' && scope === GOOD.scope ? { scope: 'websocket, backup-download' } : {}),
  };
}

/** @param now in seconds. */
function verdict(
  claims: object,
  { flavour, use, now = START + 1, denied = false, startedAt = START }: Asked,
): Objection | 'malformed' | undefined {
  const token = readToken(signToken(scopedFor(flavour, claims), NODE_TOKEN), KEY, use, FLAVOURS[flavour].tokens);
  if (token === undefined) return 'malformed';
  return objectionTo(token, SERVER, now * 1000, { startedAt, isDenied: () => denied }, FLAVOURS[flavour].tokens);
}

const USES: readonly TokenUse[] = ['socket', 'download'];
const EACH = ALL_FLAVOURS.flatMap((flavour) => USES.map((use) => ({ flavour, use })));

describe.each(EACH)('$flavour, $use', ({ flavour, use }) => {
  const asked = { flavour, use };

  test('takes what its panel signs, to the last moment', () => {
    expect(verdict(GOOD, asked)).toBeUndefined();
    expect(verdict(GOOD, { ...asked, now: GOOD.exp })).toBeUndefined();
    expect(verdict(GOOD, { ...asked, now: GOOD.exp + 0.001 })).toBe('expired');
  });

  test('takes no other key, no other algorithm, and no signature that was touched', () => {
    const token = signToken(GOOD, NODE_TOKEN);
    const [head = '', body = '', mac = ''] = token.split('.');
    const resigned = (header: object, hash: string) => {
      const text = `${Buffer.from(JSON.stringify(header)).toString('base64url')}.${body}`;
      return `${text}.${createHmac(hash, KEY).update(text).digest('base64url')}`;
    };
    const bad = [
      '',
      signToken(GOOD, `${NODE_TOKEN} `),
      signToken(GOOD, ''),
      `${head}.${body}`,
      `${head}.${body}.`,
      `${head}.${body}.${mac.slice(1)}A`,
      ` ${token}`,
      `${token}\n`,
      `${token}.${mac}`,
      resigned({ alg: 'none' }, 'sha256'),
      resigned({ alg: 'HS512' }, 'sha512'),
      resigned({ alg: 'HS384' }, 'sha256'),
      resigned({ alg: 'HS256', crit: ['exp'] }, 'sha256'),
      resigned({ alg: 'HS256', crit: [] }, 'sha256'),
      resigned({ alg: 'HS256', crit: null, b64: false }, 'sha256'),
      resigned({}, 'sha256'),
      'x'.repeat(20_000),
    ];
    for (const text of bad)
      expect([text, readToken(text, KEY, use, FLAVOURS[flavour].tokens)]).toEqual([text, undefined]);
  });

  test('takes no claim of another type, and no time with a fraction', () => {
    const wrong = {
      iss: 7,
      jti: ['x'],
      iat: `${START}`,
      exp: START + 0.5,
      nbf: {},
      user_uuid: 7,
      server_uuid: [SERVER],
      permissions: 'websocket.connect',
      scope: ['websocket', 'backup-download'],
      backup_uuid: '../../etc/passwd',
      unique_id: 7,
    };
    for (const [name, value] of Object.entries(wrong)) {
      expect([name, verdict({ ...GOOD, [name]: value }, asked)]).toEqual([name, 'malformed']);
    }
    expect(verdict({ ...GOOD, permissions: ['*', 7] }, asked)).toBe('malformed');
    expect(verdict({ ...GOOD, exp: 1e300 }, asked)).toBe('malformed');
  });

  test('null is as good as absent', () => {
    for (const name of Object.keys(GOOD)) {
      const { [name]: _, ...without } = GOOD as Readonly<Record<string, unknown>>;
      expect([name, verdict({ ...GOOD, [name]: null }, asked)]).toEqual([name, verdict(without, asked)]);
    }
  });

  test('a token without an end has ended, or is none', () => {
    expect(verdict({ ...GOOD, exp: undefined }, asked)).toBe(flavour === 'calagopus' ? 'malformed' : 'expired');
  });

  test('a denied one is denied, an expired one expired first', () => {
    expect(verdict(GOOD, { ...asked, denied: true })).toBe('denied');
    expect(verdict(GOOD, { ...asked, denied: true, now: START + 601 })).toBe('expired');
  });

  test('the second of the start counts; the one before does only for Pterodactyl’s links', () => {
    const old = flavour === 'pterodactyl' && use === 'download' ? undefined : 'denied';
    expect(verdict({ ...GOOD, iat: START - 1 }, asked)).toBe(old);
    expect(verdict({ ...GOOD, iat: START }, { ...asked, startedAt: START })).toBeUndefined();
  });

  test('a scope has to name this use in a word of its own, where one is named', () => {
    const own = use === 'socket' ? 'websocket' : 'backup-download';
    const other = use === 'socket' ? 'backup-download' : 'websocket';
    expect(verdict({ ...GOOD, scope: own }, asked)).toBeUndefined();
    for (const scope of [
      other,
      '',
      `${own}x`,
      `x${own}`,
      own.toUpperCase(),
      `${own}\v${other}`,
      'file-download transfer',
    ]) {
      expect([scope, verdict({ ...GOOD, scope }, asked)]).toEqual([scope, 'not permitted']);
    }
    const listed = flavour === 'calagopus' ? undefined : 'not permitted';
    expect(verdict({ ...GOOD, scope: `other,${own}` }, asked)).toBe(listed);
    expect(verdict({ ...GOOD, scope: `other ${own}` }, asked)).toBe(listed === undefined ? 'not permitted' : undefined);
    const none = flavour !== 'pterodactyl' ? 'not permitted' : undefined;
    expect(verdict({ ...GOOD, scope: undefined }, asked)).toBe(none);
  });

  test('times that are still to come matter to Calagopus alone', () => {
    const objection = (word: Objection) => (flavour === 'calagopus' ? word : undefined);
    expect(verdict({ ...GOOD, iat: START + 7 }, asked)).toBe(objection('issued too early'));
    expect(verdict({ ...GOOD, nbf: START + 7 }, asked)).toBe(objection('too early'));
    expect(verdict({ ...GOOD, iat: START + 6, nbf: START + 6 }, asked)).toBeUndefined();
  });
});

test.each<[WingsFlavour, TokenUse, readonly string[]]>([
  ['pterodactyl', 'socket', ['iat', 'exp', 'permissions']],
  ['pterodactyl', 'download', ['exp']],
  ['pelican', 'socket', ['iat', 'exp', 'permissions', 'user_uuid', 'server_uuid', 'scope']],
  ['pelican', 'download', ['iat', 'exp', 'user_uuid', 'server_uuid', 'scope']],
  ['calagopus', 'socket', ['iss', 'jti', 'iat', 'exp', 'user_uuid', 'server_uuid', 'permissions', 'scope']],
  ['calagopus', 'download', ['iss', 'jti', 'iat', 'exp', 'backup_uuid', 'unique_id', 'scope']],
])('%s, %s: cannot do without %j, and needs nothing else', (flavour, use, needed) => {
  const missing = Object.keys(GOOD).filter(
    (name) => verdict({ ...GOOD, [name]: undefined }, { flavour, use }) !== undefined,
  );
  expect(missing.sort()).toEqual([...needed].sort());
});

test('permissions are listed by name, or by the star, which is no administrator', () => {
  expect(permits({ permissions: ['backup.read'] }, 'backup.read')).toBe(true);
  expect(permits({ permissions: ['backup.*', 'backup.reader', 'BACKUP.READ'] }, 'backup.read')).toBe(false);
  expect(permits({ permissions: ['*'] }, 'backup.read')).toBe(true);
  expect(permits({ permissions: ['*'] }, 'admin.websocket.errors')).toBe(false);
  expect(permits({ permissions: ['admin.websocket.errors'] }, 'admin.websocket.errors')).toBe(true);
});

/** The rules once more, as one sentence each, to hold against what the code makes of any claims at all. */
function mayOpen(plain: Readonly<Record<string, unknown>>, { flavour, use }: Asked, now: number): boolean {
  const claims = scopedFor(flavour, plain);
  const given = (name: string): unknown => (Object.hasOwn(claims, name) ? (claims[name] ?? undefined) : undefined);
  const whole = (name: string) => Number.isSafeInteger(given(name));
  const text = (name: string) => typeof given(name) === 'string' && given(name) !== '';
  const scope = given('scope');
  const between = flavour === 'calagopus' ? /\s*,\s*/ : / /;
  const words = typeof scope === 'string' ? scope.trim().split(between) : [];
  const permissions = given('permissions');
  const list = Array.isArray(permissions) ? (permissions as unknown[]) : [];
  const strict = flavour !== 'pterodactyl';
  return [
    whole('exp') && (given('exp') as number) >= now,
    scope === undefined
      ? flavour === 'pterodactyl'
      : words.includes(use === 'socket' ? 'websocket' : 'backup-download'),
    use === 'download' || list.includes('*') || list.includes('websocket.connect'),
    (use === 'download' && !strict) || (whole('iat') && (given('iat') as number) >= START),
    flavour !== 'pelican' || (text('user_uuid') && text('server_uuid')),
    flavour !== 'calagopus' ||
      (typeof given('iss') === 'string' &&
        typeof given('jti') === 'string' &&
        (given('iat') as number) <= Math.floor(now) + 5),
  ].every(Boolean);
}

const anyTime = fc.oneof(fc.integer({ min: START - 3, max: START + 3 }), fc.double(), fc.constant(null), fc.string());
const anyText = fc.oneof(
  fc.constantFrom(SERVER, OTHER_SERVER, BACKUP, '', 'websocket', 'backup-download', 'websocket x', '*'),
  fc.string(),
  fc.constant(null),
  fc.integer(),
);
const anyClaims = fc
  .record(
    {
      iss: anyText,
      jti: anyText,
      iat: anyTime,
      nbf: anyTime,
      exp: anyTime,
      user_uuid: anyText,
      server_uuid: anyText,
      backup_uuid: anyText,
      unique_id: anyText,
      scope: anyText,
      permissions: fc.oneof(fc.array(fc.constantFrom('*', 'websocket.connect', 'backup.read', 7)), anyText),
      extra: fc.jsonValue(),
    },
    { requiredKeys: [] },
  )
  // Mostly good ones with a few claims changed: wholly random ones are all refused for their first fault.
  .chain((changes) => fc.subarray(Object.entries(changes)))
  .map((changes) => Object.assign({}, GOOD, Object.fromEntries(changes)));

test('no claims at all break the rules, or get past them', () => {
  let opened = 0;
  fc.assert(
    fc.property(anyClaims, fc.constantFrom(...EACH), fc.integer({ min: -3, max: 3 }), (claims, asked, offset) => {
      const now = START + offset;
      const objection = verdict(claims, { ...asked, now });
      if (objection !== undefined) return;
      opened++;
      expect(mayOpen(claims, asked, now)).toBe(true);
    }),
    { numRuns: 3000 },
  );
  // An oracle that is never asked proves nothing.
  expect(opened).toBeGreaterThan(50);
});

test('no text at all is taken for a token, nor breaks anything', () => {
  const part = fc.oneof(
    fc.base64String().map((text) => text.replace(/[+/=]/g, '_')),
    fc.jsonValue().map((value) => Buffer.from(JSON.stringify(value)).toString('base64url')),
  );
  const anything = fc.oneof(
    fc.string(),
    fc.array(part, { maxLength: 4 }).map((parts) => parts.join('.')),
  );
  fc.assert(
    fc.property(anything, fc.constantFrom(...EACH), (text, { flavour, use }) => {
      expect(readToken(text, KEY, use, FLAVOURS[flavour].tokens)).toBeUndefined();
    }),
    { numRuns: 1000 },
  );
  // Signed, but no object.
  for (const body of ['null', '[]', '7', '"x"', '{', '']) {
    const signed = `${Buffer.from('{"alg":"HS256"}').toString('base64url')}.${Buffer.from(body).toString('base64url')}`;
    const token = `${signed}.${createHmac('sha256', KEY).update(signed).digest('base64url')}`;
    expect([body, readToken(token, KEY, 'socket', FLAVOURS.pterodactyl.tokens)]).toEqual([body, undefined]);
  }
  // The names of every object's own are no claims.
  const token = readToken(signToken({ exp: START }, NODE_TOKEN), KEY, 'socket', FLAVOURS.pterodactyl.tokens);
  expect(token).toMatchObject({ server: undefined, permissions: [] });
  expect(
    token === undefined ? '' : objectionTo(token, SERVER, START * 1000, NO_DENIALS, FLAVOURS.pterodactyl.tokens),
  ).toBe('denied');
});
