import { beforeEach, describe, expect, test } from 'vitest';
import { newBackupId, newJobId } from '../../../../src/base/ids.ts';
import { EventSession, type EventSessionOptions } from '../../../../src/protocols/native/events/session.ts';
import type { JobView } from '../../../../src/jobs/contract.ts';
import type { Caller } from '../../../../src/protocols/access.ts';
import { ManualTime } from '../../../support/manual-time.ts';
import { ScriptedNode } from '../../../support/scripted-node.ts';
import { ManualEvents, OTHER_SERVER, ScriptedService, SERVER, UNKNOWN } from '../../../support/scripted-service.ts';

const BACKUP = newBackupId();
const JOB = newJobId();
const CALLER: Caller = { id: 'panel', dialect: 'native', permissions: ['*'], servers: ['*'] };

interface Frame {
  readonly seq: number;
  readonly type: string;
  readonly data: Record<string, unknown>;
  readonly [key: string]: unknown;
}

/** A socket whose buffer empties when the test says so. */
class ScriptedWire {
  readonly frames: Frame[] = [];
  readonly closes: { readonly code: number; readonly reason: string }[] = [];
  bufferedAmount = 0;
  pings = 0;
  terminated = false;
  #flushed: (() => void)[] = [];

  send(text: string, flushed: () => void): void {
    this.frames.push(JSON.parse(text) as Frame);
    this.#flushed.push(flushed);
  }

  ping(): void {
    this.pings++;
  }

  close(code: number, reason: string): void {
    this.closes.push({ code, reason });
  }

  terminate(): void {
    this.terminated = true;
  }

  drain(left = 0): void {
    this.bufferedAmount = left;
    // What is left in the buffer is the newest frame: its callback is still to come.
    const leaving = left === 0 ? this.#flushed.splice(0) : [...this.#flushed];
    for (const flushed of leaving) flushed();
  }

  take(): Frame[] {
    return this.frames.splice(0);
  }
}

let wire: ScriptedWire;
let service: ScriptedService;
let events: ManualEvents;
let node: ScriptedNode;
let time: ManualTime;

beforeEach(() => {
  wire = new ScriptedWire();
  service = new ScriptedService();
  events = new ManualEvents();
  node = new ScriptedNode();
  time = new ManualTime();
});

function session(change: Partial<EventSessionOptions> = {}): EventSession {
  return new EventSession({
    wire,
    service,
    events,
    node,
    besides: [],
    clock: time,
    timers: time,
    checkToken: (token) => (token === 'sesame' ? CALLER : undefined),
    admit: () => true,
    onSessionEnd: () => () => undefined,
    ...change,
  });
}

/** A session of everything, after its snapshot. */
function opened(change: Partial<EventSessionOptions> = {}): EventSession {
  const made = session(change);
  made.begin(CALLER, true);
  expect(wire.take()).toMatchObject([{ type: 'snapshot' }]);
  return made;
}

function emitProgress(bytesDone: number, ids: { server?: typeof SERVER; backup?: typeof BACKUP } = {}): void {
  const data = { phase: 'write', bytesDone, bytesTotal: 100, filesDone: 0, filesTotal: 0 };
  events.emit({ type: 'backup.progress', server: SERVER, backup: BACKUP, job: JOB, data, ...ids });
}

const runningJob = (change: Partial<Omit<JobView, 'kind' | 'request'>> = {}): JobView => ({
  id: JOB,
  kind: 'backup',
  server: SERVER,
  backup: BACKUP,
  state: 'running',
  phase: 'write',
  request: {},
  error: null,
  createdAt: 0,
  startedAt: 0,
  endedAt: null,
  progress: {
    phase: 'write',
    bytesDone: 40,
    bytesTotal: 100,
    filesDone: 0,
    filesTotal: 0,
    bytesPerSecond: 1,
    etaSeconds: 60,
  },
  position: null,
  ...change,
});

describe('authentication', () => {
  test('by header opens at once', () => {
    session().begin(CALLER, true);
    expect(wire.frames).toMatchObject([{ type: 'snapshot', seq: 0, data: { jobs: [] } }]);
  });

  test('by a wrong header closes with 4401', () => {
    session().begin(undefined, true);
    expect(wire.closes).toMatchObject([{ code: 4401 }]);
  });

  test('by the first frame', () => {
    const made = session();
    made.begin(undefined, false);
    expect(wire.frames).toEqual([]);
    made.receive('{"type":"auth","token":"sesame"}');
    expect(wire.frames).toMatchObject([{ type: 'snapshot' }]);
  });

  test.each([
    '{"type":"auth","token":"wrong"}',
    '{"type":"auth"}',
    '{"type":"auth","token":["sesame"]}',
    '{"type":"subscribe","token":"sesame"}',
    'null',
    '"auth"',
    'sesame',
    '{',
    '',
  ])('by %s closes with 4401', (frame) => {
    const made = session();
    made.begin(undefined, false);
    made.receive(frame);
    expect(wire.closes).toMatchObject([{ code: 4401 }]);
    made.receive('{"type":"auth","token":"sesame"}');
    expect(wire.frames).toEqual([]);
    expect(wire.closes).toHaveLength(1);
  });

  test('that does not come within 5 seconds closes with 4401', () => {
    session().begin(undefined, false);
    time.advance(4999);
    expect(wire.closes).toEqual([]);
    time.advance(1);
    expect(wire.closes).toMatchObject([{ code: 4401 }]);
    expect(time.pending).toBe(0);
  });

  test('of a token without backup.read closes with 4403', () => {
    session().begin({ ...CALLER, permissions: ['backup.create', 'node.read'] }, true);
    expect(wire.closes).toMatchObject([{ code: 4403 }]);
  });

  test.each([
    ['that the token does not hold', OTHER_SERVER, [SERVER]],
    ['that does not exist', UNKNOWN, ['*']],
    ['that is no id', 'nonsense', ['*']],
  ] as const)('for a server %s closes with 4403', async (_, server, servers) => {
    session({ server }).begin({ ...CALLER, servers: [...servers] as Caller['servers'] }, true);
    await Promise.resolve();
    await new Promise((resolve) => setImmediate(resolve));
    expect(wire.closes).toEqual([{ code: 4403, reason: 'forbidden' }]);
    expect(events.listeners).toBe(0);
  });

  test('beyond the token’s limit closes with 1013', () => {
    session({ admit: () => false }).begin(CALLER, true);
    expect(wire.closes).toMatchObject([{ code: 1013 }]);
    expect(events.listeners).toBe(0);
  });

  test('of a socket that closed meanwhile opens nothing', async () => {
    const made = session({ server: SERVER });
    made.begin(CALLER, true);
    made.end();
    await new Promise((resolve) => setImmediate(resolve));
    expect(wire.frames).toEqual([]);
    expect(events.listeners).toBe(0);
  });
});

describe('frames', () => {
  test('begin with a snapshot of what runs and waits', () => {
    const queued = runningJob({ id: newJobId(), state: 'queued', progress: null, position: 1 });
    service.jobViews = [runningJob(), queued, runningJob({ state: 'done' })];
    events.lastSeq = 41;
    session().begin(CALLER, true);
    expect(wire.frames).toMatchObject([
      { seq: 41, type: 'snapshot', data: { jobs: [{ id: JOB, progress: { bytesDone: 40 } }, { id: queued.id }] } },
    ]);
  });

  test('tell each event with its ids, date and number', () => {
    opened();
    events.emit({ type: 'backup.locked', server: SERVER, backup: BACKUP, data: { locked: true } });
    expect(wire.take()).toEqual([
      {
        seq: 1,
        at: '2026-01-01T00:00:00.000Z',
        type: 'backup.locked',
        server: SERVER,
        backup: BACKUP,
        data: { locked: true },
      },
    ]);
  });

  test('are of the token’s servers only', () => {
    const made = session();
    service.jobViews = [runningJob({ server: OTHER_SERVER })];
    made.begin({ ...CALLER, servers: [SERVER] }, true);
    events.emit({ type: 'server.status', server: OTHER_SERVER, data: {} });
    emitProgress(5, { server: OTHER_SERVER });
    events.emit({ type: 'server.status', server: SERVER, data: {} });
    time.advance(10_000);
    expect(wire.take()).toMatchObject([
      { type: 'snapshot', data: { jobs: [] } },
      { type: 'server.status', server: SERVER },
    ]);
  });

  test('are of the socket’s server only', async () => {
    const made = session({ server: SERVER });
    service.jobViews = [runningJob({ server: OTHER_SERVER })];
    made.begin(CALLER, true);
    await new Promise((resolve) => setImmediate(resolve));
    events.emit({ type: 'server.status', server: OTHER_SERVER, data: {} });
    events.emit({ type: 'server.status', server: SERVER, data: {} });
    expect(wire.take()).toMatchObject([
      { type: 'snapshot', server: SERVER, data: { jobs: [] } },
      { type: 'server.status', server: SERVER },
    ]);
  });

  test('have numbers that never go back, though progress is held back', () => {
    opened();
    emitProgress(10);
    emitProgress(20);
    events.emit({ type: 'backup.locked', server: SERVER, data: {} });
    time.advance(250);
    const frames = wire.take();
    expect(frames.map(({ type }) => type)).toEqual(['backup.progress', 'backup.locked', 'backup.progress']);
    expect(frames.map(({ seq }) => seq)).toEqual([1, 3, 3]);
  });

  test('bring the last progress of a success before they tell of it', () => {
    opened();
    emitProgress(10);
    emitProgress(100);
    events.emit({ type: 'backup.completed', server: SERVER, backup: BACKUP, data: { size: 5 } });
    expect(wire.take()).toMatchObject([
      { type: 'backup.progress', data: { bytesDone: 10 } },
      { type: 'backup.progress', data: { bytesDone: 100, bytesTotal: 100 } },
      { type: 'backup.completed', data: { size: 5 } },
    ]);
    time.advance(10_000);
    expect(wire.take()).toEqual([]);
  });

  test('repeat what the snapshot said while the job says nothing', () => {
    service.jobViews = [runningJob()];
    session().begin(CALLER, true);
    wire.take();
    time.advance(2000);
    expect(wire.take()).toMatchObject([{ type: 'backup.progress', job: JOB, data: { bytesDone: 40 } }]);
    time.advance(2000);
    expect(wire.take()).toMatchObject([{ type: 'backup.progress', data: { bytesDone: 40 } }]);
  });
});

describe('a slow reader', () => {
  test('gets the newest progress, not the backlog', () => {
    opened();
    wire.bufferedAmount = 65 * 1024;
    for (let percent = 1; percent <= 90; percent++) {
      emitProgress(percent);
      time.advance(300);
    }
    expect(wire.take()).toEqual([]);
    wire.drain();
    expect(wire.take()).toMatchObject([{ type: 'backup.progress', data: { bytesDone: 90 } }]);
  });

  test('is told what happened meanwhile, in order, once most of its buffer is gone', () => {
    opened();
    events.emit({ type: 'backup.started', server: SERVER, data: {} });
    wire.take();
    wire.bufferedAmount = 65 * 1024;
    events.emit({ type: 'backup.locked', server: SERVER, data: {} });
    wire.drain(17 * 1024);
    expect(wire.take()).toEqual([]);
    // Later events wait behind it, though the buffer would take them now.
    events.emit({ type: 'server.status', server: SERVER, data: {} });
    wire.drain();
    expect(wire.take()).toMatchObject([{ type: 'backup.locked' }, { type: 'server.status' }]);
    events.emit({ type: 'backup.deleted', server: SERVER, data: {} });
    expect(wire.take()).toMatchObject([{ type: 'backup.deleted' }]);
  });

  test('gets a fresh snapshot when too much happened', () => {
    opened();
    emitProgress(1);
    wire.take();
    wire.bufferedAmount = 65 * 1024;
    for (let count = 0; count < 1000; count++) events.emit({ type: 'server.status', server: SERVER, data: { count } });
    service.jobViews = [runningJob()];
    wire.drain();
    const frames = wire.take();
    expect(frames).toMatchObject([{ type: 'snapshot', seq: 1001, data: { jobs: [{ id: JOB }] } }]);
    wire.drain();
    events.emit({ type: 'server.status', server: SERVER, data: {} });
    expect(wire.take()).toMatchObject([{ type: 'server.status', seq: 1002 }]);
  });

  test('that answers no ping is dropped', () => {
    opened();
    time.advance(30_000);
    expect(wire.pings).toBe(1);
    time.advance(30_000);
    expect(wire.terminated).toBe(true);
    expect(events.listeners).toBe(0);
    expect(time.pending).toBe(0);
  });
});

describe('an open session', () => {
  test('is pinged every 30 seconds, for as long as it answers', () => {
    const made = opened();
    for (let count = 1; count <= 5; count++) {
      time.advance(30_000);
      expect(wire.pings).toBe(count);
      made.noteAlive();
    }
    expect(wire.terminated).toBe(false);
  });

  test('says every ten seconds that it lives, to who asks for it, and not behind what still waits', () => {
    const silent = opened();
    time.advance(25_000);
    expect(wire.take()).toEqual([]);
    silent.end();
    const made = opened({ alive: true });
    time.advance(25_000);
    const frame = { type: 'alive', seq: expect.any(Number), at: expect.any(String), data: {} };
    expect(wire.take()).toEqual([frame, frame]);
    wire.bufferedAmount = 100_000;
    time.advance(10_000);
    made.noteAlive();
    expect(wire.take()).toEqual([]);
    wire.bufferedAmount = 0;
    time.advance(10_000);
    expect(wire.take()).toEqual([frame]);
    made.end();
    expect(time.pending).toBe(0);
  });

  test('ignores what it is told, up to a rate', () => {
    const made = opened();
    for (let count = 0; count < 20; count++) made.receive('{"type":"anything"}');
    expect(wire.closes).toEqual([]);
    time.advance(10_000);
    for (let count = 0; count < 20; count++) made.noteAlive();
    expect(wire.closes).toEqual([]);
    made.receive('one more');
    expect(wire.closes).toMatchObject([{ code: 1008 }]);
  });

  test('leaves nothing behind when the socket closes', () => {
    const made = opened();
    emitProgress(1);
    made.end();
    expect(events.listeners).toBe(0);
    expect(time.pending).toBe(0);
    wire.take();
    events.emit({ type: 'server.status', server: SERVER, data: {} });
    wire.drain();
    expect(wire.take()).toEqual([]);
  });
});

describe('a reader with a session', () => {
  const SIGNED_IN: Caller = { ...CALLER, session: 'one' };

  test('is closed as unauthorized when its session ends, and follows it no longer after its own end', () => {
    const listeners = new Set<() => void>();
    const onSessionEnd = (id: string, listener: () => void) => {
      expect(id).toBe('one');
      listeners.add(listener);
      return () => void listeners.delete(listener);
    };
    session({ onSessionEnd }).begin(SIGNED_IN, true);
    for (const listener of listeners) listener();
    expect(wire.closes).toEqual([{ code: 4401, reason: 'unauthorized' }]);
    expect(listeners.size).toBe(0);
  });

  test('gets nothing when its session has ended before it opens', () => {
    const onSessionEnd = (_: string, listener: () => void) => {
      listener();
      return () => undefined;
    };
    session({ onSessionEnd }).begin(SIGNED_IN, true);
    expect([wire.frames, wire.closes]).toEqual([[], [{ code: 4401, reason: 'unauthorized' }]]);
  });
});

describe('events that a reader asks for besides', () => {
  const queued = (server = SERVER) =>
    ({ type: 'job.queued', server, backup: BACKUP, job: JOB, data: { kind: 'backup' } }) as const;
  const changed = { type: 'store.changed', data: { store: 'local', state: 'full', freeBytes: 7 } } as const;
  const tell = (event: Parameters<(typeof node.followers)[number][1]>[0]): void => {
    const which = event.type === 'job.queued' ? 'queue' : 'stores';
    for (const [followed, listener] of node.followers) if (followed === which) listener(event);
  };

  test('reach nobody else', () => {
    opened();
    expect(node.followers).toEqual([]);
  });

  test('come with numbers that never decrease, those of stores without a server', () => {
    const made = opened({ besides: ['queue', 'stores'] });
    wire.take();
    events.emit({ type: 'backup.started', server: SERVER, backup: BACKUP, job: JOB, data: {} });
    tell(queued());
    tell(changed);
    const [started, ...rest] = wire.take();
    expect(started).toMatchObject({ type: 'backup.started' });
    const head = { seq: started?.seq, at: expect.any(String) };
    expect(rest).toEqual([
      { ...head, ...queued() },
      { ...head, ...changed },
    ]);
    made.end();
    expect(node.followers).toEqual([]);
  });

  test('are of the reader’s own servers', () => {
    const made = session({ besides: ['queue'] });
    made.begin({ ...CALLER, servers: [SERVER] }, true);
    wire.take();
    tell(queued(OTHER_SERVER));
    expect(wire.take()).toEqual([]);
    tell(queued());
    expect(wire.take()).toMatchObject([{ type: 'job.queued', server: SERVER }]);
  });

  test('of stores are for those who may see the node', () => {
    session({ besides: ['stores'] }).begin({ ...CALLER, permissions: ['backup.read'] }, true);
    expect(wire.closes).toEqual([{ code: 4403, reason: 'forbidden' }]);
    expect(node.followers).toEqual([]);
  });
});
