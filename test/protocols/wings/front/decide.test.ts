import { describe, expect, test } from 'vitest';
import { seededPicks } from '../../../support/seeded-picks.ts';
import { decide, servesPath } from '../../../../src/protocols/wings/front/decide.ts';
import { FLAVOURS } from '../../../../src/protocols/wings/flavours/flavours.ts';
import { isFault, readHead } from '../../../../src/relay/relay.ts';

const S = '0b6b9c2e-6d39-4f6e-9d0e-6f5a6c1d2e3f';
const B = '7a1c7b52-1f0a-4a7e-8f8e-2d9b7f6c5a41';

function decided(method: string, target: string, flavour: keyof typeof FLAVOURS = 'pterodactyl') {
  const head = readHead(method, target, []);
  if (isFault(head)) throw new Error(head.problem);
  const decision = decide(head, FLAVOURS[flavour].routes);
  return 'what' in decision ? `${decision.how} ${decision.what}` : decision.how;
}

describe('check 1: what becomes of each route', () => {
  test.each([
    ['POST', `/api/servers/${S}/backup`, 'serve'],
    ['POST', `/api/servers/${S}/%62ackup?x=1`, 'serve'],
    ['GET', `/api/servers/${S}/backup`, 'pass'],
    ['POST', `/api/servers/${S}/backup/`, 'pass'],
    ['POST', `/api/servers/${S}/backup/${B}/restore`, 'serve'],
    ['POST', `/api/servers/${S}/backup/${B}/restore/x`, 'pass'],
    ['DELETE', `/api/servers/${S}/backup/${B}`, 'serve'],
    ['GET', '/download/backup?token=x', 'serve'],
    ['HEAD', '/download/backup', 'serve'],
    ['POST', '/download/backup', 'pass'],
    ['GET', '/download/file?token=x', 'pass'],
    ['GET', `/api/servers/${S}/ws`, 'watch socket'],
    ['POST', `/api/servers/${S}/ws`, 'pass'],
    ['POST', `/api/servers/${S}/ws/deny`, 'watch deny'],
    ['POST', '/api/update', 'watch update'],
    ['PUT', '/api/update', 'pass'],
    ['POST', '/api/%75pdate', 'watch update'],
    ['POST', '/api/deauthorize-user', 'watch deauthorize'],
    ['DELETE', `/api/servers/${S}`, 'watch delete server'],
    ['GET', `/api/servers/${S}`, 'pass'],
    ['POST', '/api/servers', 'watch new server'],
    ['GET', '/api/servers', 'pass'],
    ['POST', `/api/servers/${S}/sync`, 'watch sync'],
    ['POST', `/api/servers/${S}/transfer`, 'lock transfer'],
    ['DELETE', `/api/servers/${S}/transfer`, 'pass'],
    ['POST', `/api/servers/${S}/power`, 'lock power'],
    ['POST', `/api/servers/${S}/install`, 'lock install'],
    ['POST', `/api/servers/${S}/reinstall`, 'lock install'],
    ['POST', `/api/servers/${S}/commands`, 'pass'],
    ['POST', `/api/servers/${S}/files/write`, 'lock files'],
    ['PUT', `/api/servers/${S}/files/rename`, 'lock files'],
    ['DELETE', `/api/servers/${S}/files/pull/x`, 'lock files'],
    ['GET', `/api/servers/${S}/files/contents`, 'pass'],
    ['OPTIONS', `/api/servers/${S}/files/write`, 'pass'],
    ['POST', '/upload/file?token=x', 'lock upload'],
    ['OPTIONS', '/upload/file', 'pass'],
    ['POST', '/api/transfers', 'pass'],
    ['GET', '/api/system', 'pass'],
    ['GET', '/', 'pass'],
    ['POST', '/Api/update', 'pass'],
    ['GET', '/api/servers/', 'pass'],
    ['POST', '/x/api/update', 'pass'],
  ])('%s %s: %s', (method, target, expected) => {
    expect(decided(method, target)).toBe(expected);
  });

  test('routes that only some daemons have', () => {
    const all = `/api/servers/${S}/deleteAllBackups`;
    expect([decided('DELETE', all), decided('DELETE', all, 'pelican')]).toEqual(['pass', 'serve']);
    const without = `/api/backups/${B}`;
    expect([decided('DELETE', without), decided('DELETE', without, 'calagopus')]).toEqual(['pass', 'serve']);
    const permissions = `/api/servers/${S}/ws/permissions`;
    expect([decided('POST', permissions), decided('POST', permissions, 'calagopus')]).toEqual([
      'pass',
      'watch permissions',
    ]);
    expect(decided('POST', '/api/servers/power', 'calagopus')).toBe('lock power of many');
  });

  test('a preflight of what is served is answered here', () => {
    const facts = FLAVOURS.pterodactyl.routes;
    expect(servesPath({ segments: ['download', 'backup'] }, facts)).toBe(true);
    expect(servesPath({ segments: ['api', 'servers', S, 'backup', B] }, facts)).toBe(true);
    expect(servesPath({ segments: ['upload', 'file'] }, facts)).toBe(false);
  });
});

/** What Roost acts on, as the routers spell it: `:` is any segment, `*` all that follow; none is empty. */
const ACTED_ON: readonly (readonly [method: string, route: string, how: string])[] = [
  ['POST', '/api/servers/:/backup', 'serve'],
  ['POST', '/api/servers/:/backup/:/restore', 'serve'],
  ['DELETE', '/api/servers/:/backup/:', 'serve'],
  ['GET', '/download/backup', 'serve'],
  ['GET', '/api/servers/:/ws', 'watch'],
  ['POST', '/api/servers/:/ws/deny', 'watch'],
  ['POST', '/api/update', 'watch'],
  ['POST', '/api/deauthorize-user', 'watch'],
  ['DELETE', '/api/servers/:', 'watch'],
  ['POST', '/api/servers', 'watch'],
  ['POST', '/api/servers/:/sync', 'watch'],
  ['POST', '/api/servers/:/power', 'lock'],
  ['POST', '/api/servers/:/install', 'lock'],
  ['POST', '/api/servers/:/reinstall', 'lock'],
  ['POST', '/api/servers/:/transfer', 'lock'],
  ['POST', '/api/servers/:/files/*', 'lock'],
  ['PUT', '/api/servers/:/files/*', 'lock'],
  ['PATCH', '/api/servers/:/files/*', 'lock'],
  ['DELETE', '/api/servers/:/files/*', 'lock'],
  ['POST', '/api/servers/power', 'lock'],
  ['POST', '/upload/file', 'lock'],
];

/** The routes that match these segments of a path. */
function matching(method: string, segments: readonly string[]): string | undefined {
  const found = ACTED_ON.find(([of, route]) => {
    const names = route.slice(1).split('/');
    if (of !== method || segments.includes('')) return false;
    const fixed = names.filter((name) => name !== '*');
    const isLong = names.includes('*') ? segments.length >= fixed.length : segments.length === fixed.length;
    return isLong && fixed.every((name, at) => name === ':' || name === segments[at]);
  });
  return found?.[2];
}

/** Go decodes the path as a whole and once, before its router splits it. */
function asGin(path: string): readonly string[] | undefined {
  try {
    return decodeURIComponent(path).slice(1).split('/');
  } catch {
    return undefined;
  }
}

/** A path near to one that Roost acts on: a letter encoded, a segment more or less, another case, a slash more. */
function randomPath(pick: (below: number) => number): readonly [method: string, path: string] {
  const [method, route] = ACTED_ON[pick(ACTED_ON.length)] ?? ['GET', '/'];
  const segments = route
    .slice(1)
    .split('/')
    .map((name) =>
      name === ':' ? [S, B, 'x', '%30', 'a%2fb', '%2e%2e', '..'][pick(7)] : name === '*' ? 'write' : name,
    )
    .map((name = '') => changed(name, pick));
  if (pick(6) === 0)
    segments.splice(pick(segments.length + 1), pick(2), ['', '.', '..', '%2e', '%c3%a9', 'x'][pick(6)] ?? '');
  return [pick(10) === 0 ? 'PATCH' : method, `/${segments.join('/')}${pick(12) === 0 ? '/' : ''}`];
}

function changed(name: string, pick: (below: number) => number): string {
  const kind = pick(16);
  const at = pick(Math.max(1, name.length));
  const letter = name.charCodeAt(at);
  if (name === '' || name.includes('%')) return name;
  if (kind === 0) return `${name.slice(0, at)}%${letter.toString(16)}${name.slice(at + 1)}`;
  if (kind === 1) return `${name.slice(0, at)}%25${letter.toString(16)}${name.slice(at + 1)}`;
  return kind === 2 ? name.toUpperCase() : name;
}

test.each([
  ['gin', 'pterodactyl'],
  ['axum', 'calagopus'],
] as const)('check 2: 10,000 random paths are decided as %s matches them, or 400', (router, flavour) => {
  const pick = seededPicks(20_261_130);
  const { routes } = FLAVOURS[flavour];
  const seen = new Map<string, number>();
  for (let count = 0; count < 10_000; count++) {
    const [method, target] = randomPath(pick);
    const head = readHead(method, target, []);
    const segments = router === 'gin' ? asGin(target) : target.slice(1).split('/');
    const matched = (segments && matching(method, segments)) ?? 'pass';
    const decision = isFault(head) ? undefined : decide(head, routes);
    // Where the router matches what came, an encoded path is refused unless it is passed (front.ts).
    const isRefused =
      decision === undefined ||
      (!isFault(head) && head.encoded && routes.matchesRawPath === true && decision.how !== 'pass');
    const how = isRefused ? '400' : decision.how;
    seen.set(how, (seen.get(how) ?? 0) + 1);
    if (!isRefused) expect([method, target, how]).toEqual([method, target, matched]);
  }
  for (const how of ['400', 'serve', 'watch', 'lock', 'pass']) expect(seen.get(how), how).toBeGreaterThan(200);
});
