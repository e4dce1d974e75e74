/** Every route of a Wings, asked directly and through the front. */
import { describe, expect, test } from 'vitest';
import { SERVER } from '../../../support/scripted-service.ts';
import { openFrontNode } from '../../../support/wings/front-node.ts';
import { headerOf, rawRequest } from '../../../support/wings/raw-request.ts';
import { AUTHORIZED, headOf } from '../../../support/wings/heads.ts';
import { openWings } from '../../../support/wings/wings.ts';

const BACKUP = '7a1c7b52-1f0a-4a7e-8f8e-2d9b7f6c5a41';
const FLAVOURS = ['pterodactyl', 'pelican', 'calagopus'] as const;

describe('check 1: every route through the front as direct', () => {
  const routes: readonly (readonly [string, string, string?])[] = [
    ['GET', '/api/system'],
    ['GET', '/api/system?v=2'],
    ['GET', '/api/servers'],
    ['GET', `/api/servers/${SERVER}`],
    ['GET', `/api/servers/${BACKUP}`],
    ['GET', `/api/servers/${SERVER}/logs`],
    ['POST', `/api/servers/${SERVER}/power`, '{"action":"start"}'],
    ['POST', `/api/servers/${SERVER}/power`, '{"action":"fly"}'],
    ['POST', `/api/servers/${SERVER}/commands`, '{"commands":["say hi"]}'],
    ['POST', `/api/servers/${SERVER}/install`],
    ['POST', `/api/servers/${SERVER}/reinstall`],
    ['POST', `/api/servers/${SERVER}/sync`],
    ['POST', `/api/servers/${SERVER}/transfer`, '{}'],
    ['POST', `/api/servers/${SERVER}/ws/deny`, '{"jtis":["x"]}'],
    ['POST', '/api/deauthorize-user', '{"user":"u","servers":[]}'],
    ['GET', `/api/servers/${SERVER}/files/contents?file=a`],
    ['POST', `/api/servers/${SERVER}/files/write?file=a`, 'text'],
    ['PUT', `/api/servers/${SERVER}/files/rename`, '{}'],
    ['GET', '/download/file?token=x'],
    ['POST', '/upload/file?token=x', 'x'],
    ['OPTIONS', '/upload/file'],
    ['GET', '/nowhere'],
    ['GET', '/'],
    ['POST', '/api/servers', `{"uuid":"${BACKUP}"}`],
    ['DELETE', '/api/servers/99999999-0000-4000-8000-000000000000'],
    ['POST', '/api/update', '{"debug":true}'],
    ['POST', '/api/transfers', `{"uuid":"${BACKUP}"}`],
    ['GET', `/api/servers/${SERVER}/ws`],
    ['GET', `/api/servers/${SERVER}/install-logs`],
    ['GET', `/api/servers/${SERVER}/jobs`],
    ['DELETE', `/api/servers/${SERVER}/jobs/7`],
    ['GET', '/api/system/utilization'],
    ['GET', '/api/system/ips'],
    ['GET', '/api/system/docker/disk'],
    ['GET', '/api/diagnostics'],
    ...['list-directory', 'contents', 'pull'].map((name) => ['GET', `/api/servers/${SERVER}/files/${name}`] as const),
    ...['copy', 'create-directory', 'delete', 'compress', 'decompress', 'chmod', 'pull', 'write'].map(
      (name) => ['POST', `/api/servers/${SERVER}/files/${name}`, '{"root":"/"}'] as const,
    ),
    ['DELETE', `/api/servers/${SERVER}/files/pull/x`],
  ];
  /** That only the newest Calagopus has. */
  const newest: readonly (readonly [string, string, string?])[] = [
    ...['config', 'logs', 'logs/latest.log', 'overview', 'stats'].map(
      (name) => ['GET', `/api/system/${name}`] as const,
    ),
    ...['upgrade', 'restic/prune', 'restic/stats', 'restic/unlock'].map(
      (name) => ['POST', `/api/system/${name}`, '{}'] as const,
    ),
    ['GET', '/api/ports/used'],
    ['GET', '/api/servers/utilization'],
    ['POST', '/api/servers/power', `{"action":"start","servers":["${SERVER}"]}`],
    ...['utilization', 'version', 'logs/install', 'schedules', 'ws/query?protocol=tcp&port=1'].map(
      (name) => ['GET', `/api/servers/${SERVER}/${name}`] as const,
    ),
    ...['script', 'install/abort', 'schedules/x/trigger', 'ws/permissions', 'ws/broadcast'].map(
      (name) => ['POST', `/api/servers/${SERVER}/${name}`, '{}'] as const,
    ),
    ...['list', 'search', 'fingerprints', 'largest-directories', 'operations', 'revisions/1', 'pull/query'].map(
      (name) => ['GET', `/api/servers/${SERVER}/files/${name}`] as const,
    ),
    ...['copy-many', 'copy-remote', 'create-symlink', 'sqlite-query'].map(
      (name) => ['POST', `/api/servers/${SERVER}/files/${name}`, '{}'] as const,
    ),
    ['POST', `/api/backups/${BACKUP}/export`, '{}'],
    ['GET', `/api/backups/${BACKUP}/query?adapter=wings`],
    ...['capabilities', 'files', 'query'].map((name) => ['GET', `/api/transfers/${name}`] as const),
    ['GET', '/openapi.json'],
  ];

  test.each(FLAVOURS)('of %s: status, reason, headers and body are equal', async (flavour) => {
    const wings = await openWings({ flavour, servers: [SERVER] });
    const { port } = await openFrontNode(wings);
    for (const [method, target, body] of flavour === 'calagopus' ? [...routes, ...newest] : routes) {
      for (const headers of [[AUTHORIZED], [], ['Authorization: Bearer another']]) {
        const framed = body === undefined ? headers : [...headers, `Content-Length: ${body.length}`];
        const text = `${headOf(method, target, framed)}${body ?? ''}`;
        const direct = await rawRequest(wings.port, text);
        const through = await rawRequest(port, text);
        expect([target, comparable(through)]).toEqual([target, comparable(direct)]);
        // And Wings heard the same.
        const [one, other] = wings.received
          .slice(-2)
          .map(({ method: sent, target: to, body: text }) => [sent, to, text]);
        expect(other).toEqual(one);
      }
    }
  });

  test.each(FLAVOURS)('of %s: backup routes never reach Wings', async (flavour) => {
    const wings = await openWings({ flavour, servers: [SERVER] });
    const { port, service } = await openFrontNode(wings);
    const body = JSON.stringify({ adapter: 'wings', uuid: BACKUP, ignore: '' });
    const headers = [AUTHORIZED, 'Content-Type: application/json', `Content-Length: ${body.length}`];
    const made = await rawRequest(port, `${headOf('POST', `/api/servers/${SERVER}/backup`, headers)}${body}`);
    expect(made.status).toBe(202);
    expect(service.calls.map(({ method }) => method)).toContain('create');
    const preflight = await rawRequest(port, headOf('OPTIONS', '/download/backup'));
    expect(preflight.status).toBe(204);
    expect(headerOf(preflight, 'access-control-allow-origin')).toBe('https://panel.test');
    expect((await rawRequest(port, headOf('GET', '/download/backup?token=x'))).status).toBeGreaterThan(399);
    expect(wings.received).toEqual([]);
  });

  test('of Calagopus: an encoded path that its router would not match is refused', async () => {
    const wings = await openWings({ flavour: 'calagopus', servers: [SERVER] });
    const { port } = await openFrontNode(wings);
    const text = JSON.stringify({ adapter: 'wings', uuid: BACKUP, ignore: '' });
    const headers = [AUTHORIZED, 'Content-Type: application/json', `Content-Length: ${text.length}`];
    const target = `/api/servers/${SERVER}/%62ackup`;
    const { status, body } = await rawRequest(port, `${headOf('POST', target, headers)}${text}`);
    expect(body).toContain('its path is encoded where it need not be');
    expect([status, wings.received]).toEqual([400, []]);
  });
});

type Raw = Awaited<ReturnType<typeof rawRequest>>;

function comparable({ status, reason, headers, body }: Raw) {
  const kept = headers
    .filter(([name]) => !['connection', 'keep-alive'].includes(name.toLowerCase()))
    .map(([name, value]) => [name, /^(date|x-request-id)$/i.test(name) ? '' : value] as const);
  return { status, reason, headers: kept, body: body.replace(/"request_id":"[^"]*"/, '') };
}
