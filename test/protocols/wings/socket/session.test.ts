/** What needs no network: a page that does not read, and how many pages there may be. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { BackupId, ServerId } from '../../../../src/base/ids.ts';
import { FLAVOURS, type WingsFlavour } from '../../../../src/protocols/wings/flavours/flavours.ts';
import type { CloseReason } from '../../../../src/protocols/wings/socket/messages.ts';
import { SocketRegistry } from '../../../../src/protocols/wings/socket/registry.ts';
import { SocketSession } from '../../../../src/protocols/wings/socket/session.ts';
import { ManualTime } from '../../../support/manual-time.ts';
import { signToken, socketClaims } from '../../../support/panel/jwt.ts';
import { ScriptedService, SERVER, UNKNOWN } from '../../../support/scripted-service.ts';
import { ALL_FLAVOURS, NODE_TOKEN, PANEL_URL } from '../../../support/wings-app.ts';

function openSession(flavour: WingsFlavour = 'pterodactyl', server = SERVER) {
  const time = new ManualTime();
  const sent: string[] = [];
  const wire = {
    bufferedAmount: 0,
    terminated: false,
    closed: Array.from<number>([]),
    send: (text: string) => void sent.push((JSON.parse(text) as { event: string }).event),
    ping: () => undefined,
    close: (code: number) => void wire.closed.push(code),
    terminate: () => void (wire.terminated = true),
  };
  const session = new SocketSession({
    wire,
    server,
    facts: FLAVOURS[flavour],
    key: () => Buffer.from(NODE_TOKEN),
    denylist: { startedAt: 0, isDenied: () => false },
    game: { state: 'offline', stats: '{}' },
    suspended: false,
    clock: time,
    timers: time,
    newErrorId: () => UNKNOWN,
  });
  const subject = { flavour, panelUrl: PANEL_URL, daemonUrl: '', user: { id: 1, uuid: UNKNOWN }, server };
  const claims = socketClaims({ ...subject, now: time.now(), scoped: true }, ['*']);
  const auth = (): void => session.receive(JSON.stringify({ event: 'auth', args: [signToken(claims, NODE_TOKEN)] }));
  session.begin();
  return { session, wire, sent, time, auth };
}

const event = { seq: 1, at: 0, server: SERVER, backup: UNKNOWN as BackupId, data: {} } as const;

describe('a page that does not read', () => {
  test('is spared progress, then told the end, and dropped when it is too far behind', () => {
    const { session, wire, sent, time, auth } = openSession();
    auth();
    sent.length = 0;
    const progress = { frame: ['backup progress'], progress: true } as const;
    const end = { frame: ['backup completed'] } as const;
    wire.bufferedAmount = 64 * 1024;
    session.notify([progress]);
    wire.bufferedAmount++;
    session.notify([progress]);
    session.notify([end]);
    expect(sent).toEqual(['backup progress', 'backup completed']);
    wire.bufferedAmount = 256 * 1024 + 1;
    session.notify([progress]);
    expect(wire.terminated).toBe(false);
    session.notify([end]);
    expect([wire.terminated, time.pending]).toEqual([true, 0]);
    wire.bufferedAmount = 0;
    session.notify([end]);
    session.receive('{"event":"send stats"}');
    expect(sent).toHaveLength(2);
  });

  test('is closed once, whatever comes after', () => {
    const { session, wire } = openSession('calagopus');
    session.receive('{"event":"send stats"}');
    session.receive('{"event":"send stats"}');
    session.deleted();
    expect(wire.closed).toEqual([1008]);
  });
});

const ERRORS = new Set(['jwt error', 'daemon error', 'throttled', 'token expired']);
const ANSWERS = new Set([
  ...ERRORS,
  'auth success',
  'status',
  'stats',
  'pending restart',
  'daemon message',
  'token expiring',
]);

describe.each(ALL_FLAVOURS)('%s: whatever a page sends', (flavour) => {
  const names = ['auth', 'send stats', 'send logs', 'set state', 'send command', 'backup completed', '__proto__', ''];
  const message = fc.record(
    {
      event: fc.oneof(fc.constantFrom(...names), fc.jsonValue()),
      args: fc.oneof(fc.array(fc.string()), fc.jsonValue()),
    },
    { requiredKeys: [] },
  );
  const frame = fc.oneof(
    fc.string(),
    message.map((value) => JSON.stringify(value)),
  );
  const tellings = [{ frame: ['backup completed', 'secret'] as const, permission: 'backup.read' }];

  test('breaks nothing, and tells it nothing of the server without a token', () => {
    fc.assert(
      fc.property(fc.array(frame), (frames) => {
        const { session, sent, time } = openSession(flavour);
        for (const text of frames) {
          time.advance(1000);
          session.receive(text);
          session.notify(tellings);
        }
        expect(sent.filter((event) => !ERRORS.has(event))).toEqual([]);
        session.end();
        expect(time.pending).toBe(0);
      }),
      { numRuns: 300 },
    );
  });

  test('with one, is answered by what it may hear', () => {
    fc.assert(
      fc.property(fc.array(frame), (frames) => {
        const { session, sent, time, auth } = openSession(flavour);
        auth();
        for (const text of frames) {
          time.advance(1000);
          session.receive(text);
        }
        expect(sent.filter((event) => !ANSWERS.has(event))).toEqual([]);
        expect(sent[0]).toBe('auth success');
      }),
      { numRuns: 300 },
    );
  });
});

describe('the room', () => {
  const serverOf = (number: number) => `00000000-0000-4000-8000-${String(number).padStart(12, '0')}` as ServerId;

  function page(server: ServerId, idle: boolean) {
    const told: string[] = [];
    const closes: CloseReason[] = [];
    const tell = (word: string) => (): void => void told.push(word);
    const close = (reason: CloseReason): void => void closes.push(reason);
    const all = {
      notify: tell('event'),
      suspended: tell('suspended'),
      denied: tell('denied'),
      permissionsChanged: tell('permissions changed'),
      deleted: tell('deleted'),
    };
    return { server, idle, close, told, closes, ...all };
  }

  function openRoom(flavour: WingsFlavour = 'calagopus') {
    return new SocketRegistry(new ScriptedService(), new ManualTime(), FLAVOURS[flavour].socket);
  }

  test('holds 1024 pages in all; the first that proved nothing goes for a newcomer', () => {
    const room = openRoom();
    const idle = [page(serverOf(5), true), page(serverOf(6), true)];
    for (const one of idle) room.enter(one);
    for (let count = 2; count < 1024; count++) expect(room.enter(page(serverOf(count % 50), false))).toBeDefined();
    const leave = room.enter(page(serverOf(7), false));
    expect(leave).toBeDefined();
    expect([idle[0]?.closes.length, idle[1]?.closes.length]).toEqual([1, 0]);
    room.enter(page(serverOf(7), false));
    expect(room.hasRoom(serverOf(60))).toBe(false);
    expect(room.enter(page(serverOf(60), false))).toBeUndefined();
    leave?.();
    // Given back once, however often it is said.
    leave?.();
    expect(room.enter(page(serverOf(60), false))).toBeDefined();
    expect(room.enter(page(serverOf(60), false))).toBeUndefined();
  });

  test('tells those who left nothing, and others of their own server alone', () => {
    const room = openRoom();
    const [gone, here, elsewhere] = [page(SERVER, false), page(SERVER, false), page(serverOf(1), false)];
    const leave = [gone, here, elsewhere].map((one) => room.enter(one));
    leave[0]?.();
    room.take({ ...event, type: 'backup.started' });
    room.take({ ...event, type: 'server.status', data: { status: 'READY', suspended: true } });
    room.take({ ...event, type: 'server.status', data: { status: 'RESTORING' } });
    room.change({ kind: 'server deleted', server: SERVER });
    room.change({ kind: 'denied' });
    expect(gone.told).toEqual([]);
    expect(here.told).toEqual(['event', 'suspended', 'deleted', 'denied']);
    expect(elsewhere.told).toEqual(['denied']);
  });
});
