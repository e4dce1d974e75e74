/** Check 11: what the front refuses while a server is being restored, and what it lets through. */
import { describe, expect, test } from 'vitest';
import { encode } from '@msgpack/msgpack';
import { UNDER_RESTORE } from '../../../../src/protocols/wings/front/lock.ts';
import { eventually } from '../../../support/eventually.ts';
import { signToken } from '../../../support/panel/jwt.ts';
import { Page } from '../../../support/panel-node.ts';
import { OTHER_SERVER, SERVER } from '../../../support/scripted-service.ts';
import { openFrontNode } from '../../../support/wings/front-node.ts';
import { headerOf, rawRequest } from '../../../support/wings/raw-request.ts';
import { openWings, WINGS_TOKEN } from '../../../support/wings/wings.ts';

const FLAVOURS = ['pterodactyl', 'pelican', 'calagopus'] as const;
type Flavour = (typeof FLAVOURS)[number];
type Route = readonly [method: string, target: string, body?: string];

const EXPIRES = Math.floor(Date.now() / 1000) + 600;
const OF = `/api/servers/${SERVER}`;
const LOCKED: readonly Route[] = [
  ['POST', `${OF}/power`, '{"action":"start"}'],
  ['POST', `${OF}/power`, '{"action":"kill"}'],
  ['POST', `/api/servers/${SERVER.toUpperCase()}/power`, '{"action":"start"}'],
  ['POST', `/api/servers/${SERVER.replace('0', '%30')}/power`, '{"action":"start"}'],
  ['POST', `${OF}/install`],
  ['POST', `${OF}/reinstall`],
  ['POST', `${OF}/script`, '{}'],
  ['POST', `${OF}/transfer`, '{}'],
  ['POST', `${OF}/files/write?file=a`, 'text'],
  ['PUT', `${OF}/files/rename`, '{}'],
  ['POST', `${OF}/files/delete`, '{}'],
  ['DELETE', `${OF}/files/pull/1`],
  ['POST', `/upload/file?token=${uploadToken(SERVER)}`, 'x'],
  ['POST', `/upload/file?token=${uploadToken(OTHER_SERVER)}&token=${uploadToken(SERVER)}`, 'x'],
  ['POST', '/api/servers/power', JSON.stringify({ action: 'start', servers: [OTHER_SERVER, SERVER] })],
];
const OPEN: readonly Route[] = [
  ['GET', OF],
  ['GET', `${OF}/logs`],
  ['GET', `${OF}/files/contents?file=a`],
  ['POST', `${OF}/commands`, '{"commands":["say hi"]}'],
  ['POST', `${OF}/sync`],
  ['POST', `${OF}/ws/deny`, '{"jtis":["x"]}'],
  ['GET', '/download/file?token=x'],
  ['GET', '/api/system'],
  ['POST', '/api/transfers', JSON.stringify({ uuid: 'ffffffff-0000-4000-8000-000000000000' })],
  ['POST', `/api/servers/${OTHER_SERVER}/power`, '{"action":"start"}'],
  ['POST', `/api/servers/${OTHER_SERVER}/files/write?file=a`, 'text'],
  ['POST', `/upload/file?token=${uploadToken(OTHER_SERVER)}`, 'x'],
];

function uploadToken(server: string, key = WINGS_TOKEN): string {
  return signToken({ server_uuid: server, exp: EXPIRES, unique_id: 'x' }, key);
}

function text([method, target, body = '']: Route, token: string | null = WINGS_TOKEN): string {
  const proof = token === null ? [] : [`Authorization: Bearer ${token}`];
  const lines = [`${method} ${target} HTTP/1.1`, 'Host: node.test', ...proof, `Content-Length: ${body.length}`];
  return `${[...lines, 'Connection: close'].join('\r\n')}\r\n\r\n${body}`;
}

async function restoring(flavour: Flavour = 'pterodactyl') {
  const wings = await openWings({ flavour, servers: [SERVER, OTHER_SERVER] });
  const node = await openFrontNode(wings);
  node.service.underRestore.add(SERVER);
  return { wings, node };
}

describe.each(FLAVOURS)('while a server of %s is restored', (flavour) => {
  // What this daemon's router would not match is refused for that, and of many at once there is one daemon.
  const known = LOCKED.filter(([, target]) =>
    flavour === 'calagopus' ? !target.includes('%30') : target !== '/api/servers/power',
  );

  test('each route that would change it is 409, with the reason, and reaches no Wings', async () => {
    const { wings, node } = await restoring(flavour);
    for (const route of known) {
      const answer = await rawRequest(node.port, text(route));
      expect([route, answer.status]).toEqual([route, 409]);
      expect(JSON.parse(answer.body)).toMatchObject({ error: UNDER_RESTORE });
      expect(headerOf(answer, 'access-control-allow-origin')).toBe('https://panel.test');
    }
    expect(wings.received).toEqual([]);
  });

  test('each open route is answered by Wings, and after the restore all are', async () => {
    const { wings, node } = await restoring(flavour);
    for (const route of OPEN)
      expect([route, (await rawRequest(node.port, text(route))).status]).not.toEqual([route, 409]);
    expect(wings.received).toHaveLength(OPEN.length);
    node.service.underRestore.clear();
    for (const route of known) expect((await rawRequest(node.port, text(route))).status).not.toBe(409);
    expect(wings.received).toHaveLength(OPEN.length + known.length);
  });

  test('strangers hear of it from nobody: Wings refuses them in its own words', async () => {
    const { wings, node } = await restoring(flavour);
    for (const route of known) {
      const forged = [route[0], route[1].replaceAll(uploadToken(SERVER), uploadToken(SERVER, 'another')), route[2]];
      for (const token of [null, 'another']) {
        const { status, body } = await rawRequest(node.port, text(forged as unknown as Route, token));
        expect([route[1], status]).not.toEqual([route[1], 409]);
        expect(body).not.toContain('restored');
      }
    }
    expect(wings.received).toHaveLength(known.length * 2);
  });
});

/** Spellings of a start, of which Wings' parser takes some and Roost's none. */
const STARTS: readonly (string | Buffer)[] = [
  '{"event":"set state","args":["start"]}',
  '{"event":"set state","args":["restart"]}',
  '{"event":"set state","args":["kill"]}',
  '{"EVENT":"set state","ARGS":["start"]}',
  '{"Event":"set state","Args":["start"]}',
  '{"event":"send logs","EVENT":"set state","args":["start"]}',
  '{"EVENT":"set state","event":"send logs","args":["start"]}',
  '{"event":"send logs","event":"set state","args":["start"]}',
  '{"event":"set state","event":"send logs","args":["start"]}',
  '{"event":"send logs","args":["x"],"ARGS":["start"],"EVENT":"set state"}',
  '{"\\u0065vent":"set state","args":["start"]}',
  '{"event":"set\\u0020state","args":["start"]}',
  '{"e\\u0056ent":"set state","args":["start"]}',
  '{"event":"set state","args":["start"],"more":1}',
  '{"event":"send logs","args":["x"],"more":{"event":"set state","args":["start"]}}',
  '{"event":"set state","args":"start"}',
  '{"event":["set state"],"args":["start"]}',
  '{"event":"SET STATE","args":["start"]}',
  '{"event":"set state ","args":["start"]}',
  ' \n{"event":"set state","args":["start"]}\n',
  '{"event":"set state","args":["start"]}{"event":"send logs"}',
  '[{"event":"set state","args":["start"]}]',
  '{"event":"set state","args":["start",null]}',
  '{"event":"set state","args":[null,"start"]}',
  '{"__proto__":{"event":"set state"},"args":["start"]}',
  '{"event":"set state","args":["start"],"args":["x"]}',
  '\ufeff{"event":"set state","args":["start"]}',
  Buffer.from('{"event":"set state","args":["start"]}'),
  Buffer.from('{"EVENT":"set state","ARGS":["start"]}'),
  Buffer.from(encode(['set state', ['start']])),
  Buffer.from(encode(['SET STATE', ['start']])),
];

describe('pages of a server that is being restored', () => {
  async function page(permissions: readonly string[] = ['*']) {
    const scene = await restoring();
    scene.node.service.underRestore.clear();
    const opened = new Page(`${scene.node.url.replace('http', 'ws')}${OF}/ws`, 'https://panel.test');
    await opened.send('auth', scene.node.socketToken({}, permissions));
    await eventually(() => opened.frames.some(({ event }) => event === 'stats'));
    opened.frames.splice(0);
    scene.node.service.underRestore.add(SERVER);
    return { ...scene, page: opened, game: scene.wings.games.get(SERVER) };
  }

  test(`in ${STARTS.length} spellings start no game`, async () => {
    const {
      wings,
      node,
      page: { socket, frames },
      game,
    } = await page();
    for (const start of STARTS) socket.send(start);
    socket.send('{"event":"send command","args":["say the end"]}');
    await eventually(() => game?.commands.length === 1);
    expect([game?.state, game?.history]).toEqual(['offline', []]);
    const refusals = frames.filter(({ event }) => event === 'daemon error');
    expect(refusals.length).toBeGreaterThan(2);
    for (const { args } of refusals) expect(args?.[0]).toMatch(/^Error Event \[[0-9a-f-]{36}\]: This server is being/);
    // Without the lock the same frames do start it.
    node.service.underRestore.clear();
    for (const start of STARTS) socket.send(start);
    await eventually(() => game?.state === 'running');
    expect(wings.sockets).toHaveLength(1);
  });

  test('go on to authenticate, to read logs and to type commands', async () => {
    const {
      page: { socket, frames },
      node,
      game,
    } = await page();
    socket.send(JSON.stringify({ event: 'auth', args: [node.socketToken()] }));
    socket.send('{"event":"send logs"}');
    socket.send('{"event":"send logs","args":[null]}');
    socket.send('{"event":"send command","args":["say hi"]}');
    await eventually(() => game?.commands.length === 1);
    // Two lines of before, what was typed, and what the game says to it.
    await eventually(() => frames.length === 5);
    expect(frames.map(({ event }) => event)).toEqual(['auth success', ...Array(4).fill('console output')]);
  });

  test('whose token does not hold are not told of the restore', async () => {
    const { node, wings } = await restoring();
    const stranger = new Page(`${node.url.replace('http', 'ws')}${OF}/ws`, 'https://panel.test');
    await stranger.send('set state', 'start');
    await stranger.send('send logs');
    await eventually(() => stranger.frames.length === 1);
    expect(stranger.frames[0]?.event).toBe('jwt error');
    expect(wings.games.get(SERVER)?.history).toEqual([]);
  });
});
