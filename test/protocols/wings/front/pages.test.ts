/** Pages of the panel whose sockets go through the front. */
import sockette from 'sockette';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { WebSocket } from 'ws';
import { BACKUP_DATA, FAILURE_DATA } from '../../../support/events.ts';
import { eventually } from '../../../support/eventually.ts';
import { freePort } from '../../../support/free-port.ts';
import { Page } from '../../../support/panel-node.ts';
import { OTHER_SERVER, SERVER } from '../../../support/scripted-service.ts';
import { openFrontNode, PAGE_USER } from '../../../support/wings/front-node.ts';
import { openWings, type Wings } from '../../../support/wings/wings.ts';
import type { BackupId } from '../../../../src/base/ids.ts';

const BACKUP = '7a1c7b52-1f0a-4a7e-8f8e-2d9b7f6c5a41' as BackupId;
const OTHER_BACKUP = '8b2d8c63-2a1b-4b8f-9a9f-3eac8a7d6b52' as BackupId;
const PANEL = 'https://panel.test';

interface Told {
  readonly is_successful: boolean;
  readonly checksum: string;
  readonly checksum_type: string;
  readonly file_size: number;
}

/** What the page makes of it (pterodactyl/panel BackupRow.tsx). */
function turned({ is_successful: isSuccessful, checksum, checksum_type: type, file_size: bytes }: Told) {
  return { isSuccessful, checksum: `${type || ''}:${checksum || ''}`, bytes: bytes || 0 };
}

type Node = Awaited<ReturnType<typeof openFrontNode>>;

async function opened(flavour: Wings['flavour'] = 'pterodactyl') {
  const wings = await openWings({ flavour, servers: [SERVER, OTHER_SERVER] });
  const node = await openFrontNode(wings);
  return { wings, node };
}

function connect(node: Node, server: string = SERVER, origin: string | null = PANEL): Page {
  return new Page(`${node.url.replace('http', 'ws')}/api/servers/${server}/ws`, origin);
}

async function authenticated(node: Node, token = node.socketToken()): Promise<Page> {
  const page = connect(node);
  await page.send('auth', token);
  await eventually(() => page.frames.some(({ event }) => event === 'stats'));
  page.frames.splice(0);
  return page;
}

function completed(node: Node, server = SERVER): void {
  node.events.emit({ type: 'backup.completed', server, backup: BACKUP, data: BACKUP_DATA });
}

function names(page: Page): string[] {
  return page.frames.map(({ event }) => event);
}

describe('check 9: frames of Wings in order, and backup events between', () => {
  test('two pages hear all lines, and the one that may read backups hears of them', async () => {
    const { wings, node } = await opened();
    const reader = await authenticated(node);
    const player = await authenticated(node, node.socketToken({}, ['websocket.connect', 'control.console']));
    for (let line = 0; line < 200; line++) {
      for (const socket of wings.sockets) socket.publish('console output', `line ${line}`);
      if (line === 99) {
        await eventually(() => reader.frames.length === 100 && player.frames.length === 100);
        completed(node);
      }
    }
    await eventually(() => reader.frames.length === 202 && player.frames.length === 200);
    const lines = Array.from({ length: 200 }, (_, line) => `line ${line}`);
    for (const page of [reader, player]) {
      expect(page.frames.filter(({ event }) => event === 'console output').map(({ args }) => args?.[0])).toEqual(lines);
    }
    expect(names(reader).slice(100, 102)).toEqual([`backup completed:${BACKUP}`, 'backup completed']);
    expect(names(player)).not.toContain('backup completed');
  });

  test('what a page sends reaches Wings as it came, text and bytes', async () => {
    const { wings, node } = await opened();
    const page = await authenticated(node);
    const texts = ['{"EVENT":"send command","ARGS":["x"]}', 'no json', '{"event":"send command","args":["say hi"]}'];
    for (const text of texts) page.socket.send(text);
    page.socket.send(Buffer.from([1, 2, 3]));
    await eventually(() => wings.sockets[0]?.heard.length === 5);
    expect(wings.sockets[0]?.heard.slice(1)).toEqual([...texts, 'binary 010203']);
  });

  test('nothing of Roost before Wings takes the token, nor for a token of another server', async () => {
    const { wings, node } = await opened();
    const silent = connect(node);
    const other = connect(node, OTHER_SERVER);
    const forged = connect(node);
    await other.send('auth', node.socketToken());
    await forged.send('auth', node.socketToken().slice(0, -4));
    await silent.opened;
    await eventually(() => other.frames.length > 0 && forged.frames.length > 0);
    // A Wings that takes what Roost does not read as a token opens nothing here.
    wings.sockets.at(-1)?.send('auth success');
    await eventually(() => wings.sockets.length === 3);
    completed(node);
    completed(node, OTHER_SERVER);
    for (const page of [silent, other, forged]) {
      await page.heard();
      expect(names(page).filter((name) => name.startsWith('backup'))).toEqual([]);
    }
  });

  test('nothing after a deny, with Wings there or away from it', async () => {
    const { node } = await opened();
    const page = await authenticated(node);
    await fetch(`${node.url}/api/deauthorize-user`, {
      method: 'POST',
      headers: node.authorized,
      body: JSON.stringify({ user: PAGE_USER.uuid, servers: [] }),
    });
    completed(node);
    expect((await page.heard()).map(({ event }) => event)).not.toContain('backup completed');
  });

  test('nothing after its token has expired; another one on the same socket hears again', async () => {
    onTestFinished(() => void vi.useRealTimers());
    vi.setSystemTime(Date.now());
    const { node } = await opened();
    const exp = Math.floor(Date.now() / 1000) + 60;
    const page = await authenticated(node, node.socketToken({ exp }));
    vi.setSystemTime((exp + 1) * 1000);
    completed(node);
    expect((await page.heard()).map(({ event }) => event)).toEqual([]);
    await page.send('auth', node.socketToken());
    await eventually(() => names(page).includes('auth success'));
    completed(node);
    await eventually(() => names(page).includes('backup completed'));
  });

  test('a page of Pelican is told once that its token has expired, in the words that it listens to', async () => {
    const { wings, node } = await opened('pelican');
    const page = await authenticated(node);
    for (let count = 0; count < 2; count++) wings.sockets[0]?.send('jwt error', 'jwt: exp claim is invalid');
    await eventually(() => page.frames.length === 3);
    expect(names(page)).toEqual(['jwt error', 'token expired', 'jwt error']);
  });

  test('a page of Calagopus hears that it can look into a backup which stays here', async () => {
    const { node } = await opened('calagopus');
    const page = await authenticated(node);
    completed(node);
    const [, facts = ''] =
      (await eventually(() => page.frames.find(({ event }) => event === 'backup completed'))).args ?? [];
    expect(JSON.parse(facts)).toMatchObject({ successful: true, browsable: true, streaming: false });
  });

  test('the row of a backup at Pterodactyl’s page turns complete by its own event', async () => {
    const { node } = await opened();
    const page = await authenticated(node);
    node.events.emit({ type: 'backup.failed', server: SERVER, backup: OTHER_BACKUP, data: FAILURE_DATA });
    completed(node);
    await eventually(() => page.frames.length === 4);
    const rows = [OTHER_BACKUP, BACKUP].map((uuid) => {
      const { args } = page.frames.find(({ event }) => event === `backup completed:${uuid}`) ?? {};
      return turned(JSON.parse(args?.[0] ?? '') as Told);
    });
    expect(rows).toEqual([
      { isSuccessful: false, checksum: 'sha1:', bytes: 0 },
      { isSuccessful: true, checksum: `sha256:${BACKUP_DATA.sha256}`, bytes: BACKUP_DATA.size },
    ]);
  });

  test('nothing after its token alone was denied, and Wings tells the page why', async () => {
    const { wings, node } = await opened();
    const page = await authenticated(node, node.socketToken({ jti: 'of-this-page' }));
    const other = await authenticated(node, node.socketToken({ jti: 'of-another-page' }));
    await fetch(`${node.url}/api/servers/${SERVER}/ws/deny`, {
      method: 'POST',
      headers: node.authorized,
      body: JSON.stringify({ jtis: ['of-this-page'] }),
    });
    completed(node);
    await eventually(() => names(other).includes('backup completed'));
    for (const socket of wings.sockets) socket.publish('console output', 'a line');
    await eventually(() => page.frames.length > 0);
    expect(names(page)).toEqual(['jwt error']);
  });

  test('a refusal of Wings is the answer', async () => {
    const { node, wings } = await opened();
    expect(await connect(node, SERVER, 'https://evil.test').opened).toBe(403);
    expect(await connect(node, '11111111-0000-4000-8000-000000000000').opened).toBe(404);
    await wings.kill();
    expect(await connect(node).opened).toBe(503);
  });
});

describe('check 10: sockets end so that pages come back', () => {
  test('1012 for every page when Wings ends, and when Roost stops', async () => {
    const { wings, node } = await opened();
    const pages = [await authenticated(node), await authenticated(node)];
    await wings.kill();
    for (const page of pages) expect((await page.closed)[0]).toBe(1012);
    await wings.start();
    const again = await authenticated(node);
    await node.composed.close(1000);
    expect(await again.closed).toEqual([1012, 'shutting down']);
  });

  test('the code and reason of one side reach the other', async () => {
    const { wings, node } = await opened();
    const told = await authenticated(node);
    wings.sockets.at(-1)?.socket.close(1001, 'server deleted');
    expect(await told.closed).toEqual([1001, 'server deleted']);
    const page = await authenticated(node);
    const closed = new Promise((resolve) => wings.sockets.at(-1)?.socket.once('close', (code) => resolve(code)));
    page.socket.close(4000, 'going');
    expect(await closed).toBe(4000);
  });

  test.each(['Wings', 'Roost'])(
    'a page that uses sockette is back with its first try after a restart of %s',
    async (who) => {
      const wings = await openWings({ servers: [SERVER] });
      const node = await openFrontNode(wings, { port: await freePort() });
      let tries = 0;
      class PanelSocket extends WebSocket {
        constructor(url: string) {
          super(url, { origin: PANEL });
          tries++;
        }
      }
      vi.stubGlobal('WebSocket', PanelSocket);
      onTestFinished(() => void vi.unstubAllGlobals());
      let opens = 0;
      const page = sockette(`${node.url.replace('http', 'ws')}/api/servers/${SERVER}/ws`, {
        timeout: 1000,
        onopen: () => void opens++,
      });
      onTestFinished(() => page.close());
      await eventually(() => opens === 1);
      if (who === 'Wings') {
        await wings.kill();
        await wings.start();
      } else {
        await node.composed.close(0);
        await openFrontNode(wings, { port: node.port });
      }
      const before = tries;
      await eventually(() => opens === 2);
      expect(tries - before).toBeLessThanOrEqual(1);
    },
  );
});

test('a page that takes nothing does not make Roost hold what Wings sends', async () => {
  const { wings, node } = await opened();
  const page = await authenticated(node);
  page.socket.pause();
  const line = 'x'.repeat(60_000);
  const [socket] = wings.sockets;
  for (let count = 0; count < 400; count++) socket?.publish('console output', line);
  // 24 MB: Wings is left with what neither Roost nor the kernel takes.
  await eventually(() => (socket?.socket.bufferedAmount ?? 0) > 1024 * 1024);
  page.socket.resume();
  await eventually(() => page.frames.length === 400);
  expect(page.socket.readyState).toBe(WebSocket.OPEN);
});
