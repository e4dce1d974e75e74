/**
 * Calagopus' page speaks MessagePack from its first frame. Frames here are written byte by byte, after the MessagePack
 * specification, so that the library is not its own oracle. Facts: P frontend/src/plugins/Websocket.ts,
 * frontend/src/pages/server/WebsocketHandler.tsx; W src/server/websocket/message_handler.rs.
 */
import { expect, test } from 'vitest';
import type { BackupId } from '../../../../src/base/ids.ts';
import { openPanelNode, type Page, USER } from '../../../support/panel-node.ts';
import { SERVER } from '../../../support/scripted-service.ts';
import { NODE_TOKEN } from '../../../support/wings-app.ts';
import { fuzzBinaryFrames } from './binary-fuzz.ts';

const BACKUP = 'bbbbbbbb-0000-4000-8000-000000000001' as BackupId;
const progress = {
  type: 'backup.progress',
  server: SERVER,
  backup: BACKUP,
  data: { bytesDone: 5, bytesTotal: 9, filesDone: 2 },
} as const;

/** fixstr, str 8 or str 16. */
function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  if (bytes.length < 32) return Buffer.concat([Buffer.of(0xa0 | bytes.length), bytes]);
  if (bytes.length < 256) return Buffer.concat([Buffer.of(0xd9, bytes.length), bytes]);
  return Buffer.concat([Buffer.of(0xda, bytes.length >> 8, bytes.length & 255), bytes]);
}

/** `[event, [args…]]`, both arrays of fixed size. */
function frame(event: string, ...args: readonly string[]): Buffer {
  return Buffer.concat([Buffer.of(0x92), text(event), Buffer.of(0x90 | args.length), ...args.map(text)]);
}

async function binaryPage(permissions: readonly string[] = ['*']) {
  const node = await openPanelNode('calagopus');
  const page = node.connect();
  const bytes: Buffer[] = [];
  page.socket.removeAllListeners('message');
  const texts: string[] = [];
  page.socket.on('message', (data: Buffer, binary) => {
    if (binary) bytes.push(data);
    else texts.push(data.toString('utf8'));
  });
  await page.opened;
  page.socket.send(frame('auth', node.socketToken({}, permissions)));
  await settle(page);
  return { ...node, page, bytes, texts };
}

/** What was sent before has been answered when the pong comes. */
async function settle(page: Page): Promise<void> {
  const answered = new Promise((resolve) => page.socket.once('pong', resolve));
  page.socket.ping();
  await answered;
}

test('a binary auth succeeds; answers are text until the socket is configured, and binary from then on', async () => {
  const { page, bytes, texts, time } = await binaryPage(['websocket.connect', 'backups.read']);
  expect(texts[0]).toBe('{"event":"auth success","args":["websocket.connect","backups.read"]}');
  expect(texts[1]).toBe('{"event":"status","args":["offline"]}');
  page.socket.send(frame('ping', 'a', ''));
  await settle(page);
  expect(texts[3]).toBe('{"event":"pong","args":["a",""]}');
  expect(bytes).toEqual([]);
  time.advance(1000);
  page.socket.send(frame('configure socket', 'transmission mode', 'binary'));
  page.socket.send(frame('ping', '1732800000000'));
  page.socket.send(frame('send status'));
  page.socket.send(frame('send stats'));
  await settle(page);
  expect(texts).toHaveLength(4);
  expect(bytes[0]).toEqual(frame('pong', '1732800000000'));
  expect(bytes[1]).toEqual(frame('status', 'offline'));
  expect(bytes[2]?.subarray(0, 7)).toEqual(Buffer.concat([Buffer.of(0x92), text('stats')]));
  expect(bytes[3]).toEqual(frame('pending restart', 'false'));
});

test.each([true, false])(
  'configured: %s; a sub-user with backups.read sees progress, one without it none',
  async (binary) => {
    for (const [permissions, sees] of [
      [['websocket.connect', 'backups.read'], true],
      [['websocket.connect', 'backup.read'], true],
      [['*'], true],
      [['websocket.connect', 'backups.create'], false],
    ] as const) {
      const { page, bytes, texts, events } = await binaryPage(permissions);
      if (binary) page.socket.send(frame('configure socket', 'transmission mode', 'binary'));
      await settle(page);
      const before = texts.length;
      events.emit(progress);
      await settle(page);
      const shown = ['backup progress', BACKUP, '{"bytes_processed":5,"bytes_total":9,"files_processed":2}'] as const;
      const [event, ...args] = shown;
      expect([permissions, bytes]).toEqual([permissions, sees && binary ? [frame(...shown)] : []]);
      const heard = texts.slice(before).map((each) => JSON.parse(each) as unknown);
      expect([permissions, heard]).toEqual([permissions, sees && !binary ? [{ event, args }] : []]);
    }
  },
);

test('anything but a token in the first binary frame closes the socket', async () => {
  const { connect } = await openPanelNode('calagopus');
  const page = connect();
  await page.opened;
  page.socket.send(frame('send stats'));
  expect((await page.closed)[0]).toBe(1008);
});

test('permissions that the panel takes away count at once, and without the one to connect the socket is closed', async () => {
  const { page, texts, events, call } = await binaryPage(['websocket.connect', 'backups.read']);
  const change = async (permissions: readonly string[]) => {
    const body = { user_permissions: [{ user: USER.uuid.toUpperCase(), permissions, ignored_files: [] }] };
    const answer = await call('POST', `/api/servers/${SERVER}/ws/permissions`, {
      token: NODE_TOKEN,
      body: JSON.stringify(body),
      headers: { 'content-type': 'application/json' },
    });
    return answer.status;
  };
  const before = texts.length;
  expect(await change(['websocket.connect'])).toBe(200);
  events.emit(progress);
  await settle(page);
  expect(texts).toHaveLength(before);
  expect(await change(['backups.read'])).toBe(200);
  expect(await page.closed).toEqual([1008, 'permission revoked']);
});

test('the hundredth and first socket of a server is 429', async () => {
  const { page: open, connect } = await openPanelNode('calagopus');
  for (let opened = 0; opened < 100; opened++) await open();
  expect(await connect().opened).toBe(429);
});

test('300 fuzzed binary frames: no answer but the documented ones', () => {
  expect(fuzzBinaryFrames(300, 7).answers).toBeGreaterThan(0);
});
