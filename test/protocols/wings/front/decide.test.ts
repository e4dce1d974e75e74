import { describe, expect, test } from 'vitest';
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
