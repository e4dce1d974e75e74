/** The bound of open downloads: over all dialects, for as long as the answer is not taken. */
import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { signDownloadToken } from '../../../src/protocols/download-token.ts';
import type { ByteSource } from '../../../src/base/source.ts';
import { eventually } from '../../support/eventually.ts';
import { listeningNode, RawConnection } from '../../support/listening-node.ts';
import { receive } from '../../support/receive.ts';
import { SERVER } from '../../support/scripted-service.ts';

const MEBIBYTE = 1024 * 1024;
const SIZE = 64 * MEBIBYTE;

async function nodeWithBackup(size = SIZE) {
  const node = await listeningNode();
  const seen = { open: 0, bytes: 0 };
  node.service.sourceOf = (): ByteSource => {
    seen.open++;
    return {
      size,
      read: () => Promise.reject(new Error('read where memory was at hand')),
      readInto: async (offset, into) => {
        seen.bytes += into.length;
        for (let at = 0; at < into.length; at += 4096) into[at] = ((offset + at) / 4096) & 0xff;
      },
      close: async () => void seen.open--,
    };
  };
  const { id } = node.service.add();
  const link = (nonce: string): string => {
    const grant = { purpose: 'backup', server: SERVER, backup: id, expiresAt: 4_000_000_000, nonce };
    return `/api/servers/${SERVER}/backups/download?token=${signDownloadToken(grant, Buffer.alloc(32, 7))}`;
  };
  return { ...node, seen, link };
}

/** A client that asks and does not read on after the head. */
async function unread(
  port: number,
  path: string,
  headers = '',
): Promise<{ status: string; connection: RawConnection }> {
  const connection = new RawConnection(port);
  connection.send(`GET ${path} HTTP/1.1\r\nHost: n\r\n${headers}\r\n`);
  const text = await connection.until(/\r\n\r\n/);
  connection.socket.pause();
  return { status: text.split(' ')[1] ?? '', connection };
}

describe('connections that do not read', () => {
  test('hold at most 16 places of a link, which others get back when they hang up', async () => {
    const { port, link, seen } = await nodeWithBackup();
    const path = link('a');
    const clients = [];
    for (let asked = 0; asked < 40; asked++) clients.push(await unread(port, path));
    expect(clients.map(({ status }) => status)).toEqual([
      ...Array<string>(16).fill('200'),
      ...Array<string>(24).fill('429'),
    ]);
    expect(clients[16]?.connection.text).toMatch(/retry-after: 5/i);
    clients[16]?.connection.socket.resume();
    await clients[16]?.connection.until(/"code":"server_busy"/);
    expect(seen.open).toBe(16);
    expect((await unread(port, link('b'))).status).toBe('200');
    for (const { connection } of clients.slice(0, 16)) connection.socket.destroy();
    await eventually(() => seen.open === 1);
    await eventually(async () => (await unread(port, path)).status === '200');
  });

  test('hold at most 64 places of a server, by however many links', async () => {
    const { port, link, seen } = await nodeWithBackup();
    const statuses = [];
    for (let asked = 0; asked < 80; asked++) statuses.push((await unread(port, link(`n${asked}`))).status);
    expect(statuses.filter((status) => status === '200')).toHaveLength(64);
    expect(statuses.slice(64)).toEqual(Array<string>(16).fill('429'));
    expect(seen.open).toBe(64);
  });

  test('keep their place when all was read for them, and the last pieces wait in memory', async () => {
    // As much as the system and two pieces hold: the source is closed at once.
    const { port, link, seen } = await nodeWithBackup(100_000);
    const path = link('small');
    const clients = [];
    for (let asked = 0; asked < 16; asked++) clients.push(await unread(port, path));
    await eventually(() => seen.open === 0);
    for (const { connection } of clients) connection.socket.resume();
    await eventually(async () => (await unread(port, path)).status === '200');
  });

  test('are given no more than what the system buffers and two small pieces', async () => {
    const { port, link, seen, url } = await nodeWithBackup();
    for (let asked = 0; asked < 8; asked++) await unread(port, link('c'));
    for (let before = -1; before !== seen.bytes;) {
      before = seen.bytes;
      for (let asked = 0; asked < 20; asked++) await (await fetch(`${url}/health`)).text();
    }
    // The system's own buffers of a loopback connection hold at most 6 MiB.
    expect(seen.bytes / 8).toBeLessThan(10 * MEBIBYTE);
  });

  test('by pipelined requests on one connection hold 16 places, and none once it is gone', async () => {
    const { port, link, seen } = await nodeWithBackup();
    const path = link('d');
    const connection = new RawConnection(port);
    connection.socket.pause();
    connection.send(`GET ${path} HTTP/1.1\r\nHost: n\r\n\r\n`.repeat(30));
    await eventually(() => seen.open === 16);
    expect((await unread(port, path)).status).toBe('429');
    connection.socket.destroy();
    await eventually(async () => (await unread(port, path)).status === '200');
  });
});

test('a file out of a backup counts for its caller', async () => {
  const { port, authorized, service, seen, link } = await nodeWithBackup();
  const { id } = service.add();
  const path = `/api/servers/${SERVER}/backups/${id}/files/content?path=big`;
  service.content = async () => ({
    name: 'big',
    size: SIZE,
    mtime: 0,
    stream: (async function* pieces() {
      for (let sent = 0; sent < SIZE; sent += MEBIBYTE) yield new Uint8Array(MEBIBYTE);
    })(),
  });
  const header = `Authorization: ${authorized.authorization}\r\n`;
  const statuses = [];
  for (let asked = 0; asked < 66; asked++) statuses.push((await unread(port, path, header)).status);
  expect(statuses.filter((status) => status === '200')).toHaveLength(64);
  expect(statuses.slice(64)).toEqual(['429', '429']);
  expect(seen.open).toBe(0);
  // Links of a server are counted apart from tokens.
  expect((await unread(port, link('e'))).status).toBe('200');
});

test('who reads gets large pieces after the first small ones, and exact bytes', async () => {
  const { url, link } = await nodeWithBackup();
  const expected = Buffer.alloc(SIZE);
  const got = await receive(`${url}${link('f')}`, {});
  expect(got.length).toBe(SIZE);
  // Memory is used again, so only what was set at each offset is compared.
  const marks = (bytes: Uint8Array): string => {
    const hash = createHash('sha256');
    for (let at = 0; at < bytes.length; at += 4096) hash.update(bytes.subarray(at, at + 1));
    return hash.digest('hex');
  };
  for (let at = 0; at < SIZE; at += 4096) expected[at] = (at / 4096) & 0xff;
  expect(marks(got)).toBe(marks(expected));
});
