/**
 * Floods of a real daemon by clients of loopback: what it holds is counted in descriptors, bytes and seconds of its CPU,
 * never in times of this machine. At most 1,000 connections at a time, all closed in the end.
 */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { randomFillSync } from 'node:crypto';
import net from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { GAME_SERVER, scratchHost } from '../support/daemon.ts';
import { startDaemon } from '../support/daemon-process.ts';

const MOST = 1000;
const MEBIBYTE = 1024 * 1024;
/** What this kernel queues for any listener at most. */
const QUEUE = Number(readFileSync('/proc/sys/net/core/somaxconn', 'utf8'));
const BACKUPS = `/api/servers/${GAME_SERVER}/backups`;

const clients = new Set<net.Socket>();

afterEach(() => {
  for (const socket of clients) socket.destroy();
  clients.clear();
});

/** A client that sends this, never reads and never closes its side. */
async function connect(port: number, text = ''): Promise<net.Socket> {
  if (clients.size >= MOST) throw new Error(`more than ${MOST} connections`);
  const socket = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  clients.add(socket);
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  socket.pause();
  if (text !== '') socket.write(text);
  return socket;
}

async function connectMany(count: number, port: number, text = ''): Promise<void> {
  for (let made = 0; made < count; made += 50) {
    await Promise.all(Array.from({ length: Math.min(50, count - made) }, () => connect(port, text)));
  }
}

function hangUp(): void {
  for (const socket of clients) socket.destroy();
  clients.clear();
}

async function flooded(nofile?: number) {
  const host = await scratchHost();
  await writeFile(join(host.server, 'world', 'big'), randomFillSync(Buffer.alloc(32 * MEBIBYTE)));
  const through = nofile === undefined ? [] : ['prlimit', `--nofile=${nofile}:${nofile}`];
  const daemon = await startDaemon(host, { through });
  onTestFinished(() => daemon.kill());
  const { pid, url, call } = daemon;
  const proc = (name: string): Promise<string> => readFile(`/proc/${pid}/${name}`, 'utf8');
  return {
    ...daemon,
    port: Number(new URL(url).port),
    descriptors: async () => (await readdir(`/proc/${pid}/fd`)).length,
    /** Resident bytes. */
    memory: async () => Number(/^VmRSS:\s+(\d+)/m.exec(await proc('status'))?.[1]) * 1024,
    /** Seconds of CPU so far, of all threads. */
    cpu: async () => {
      const fields = (await proc('stat')).replace(/^.*\) /, '').split(' ');
      return (Number(fields[11]) + Number(fields[12])) / 100;
    },
    health: async () => (await call('/health')).status,
  };
}

const WAIT = { timeout: 60_000, interval: 250 };

describe('connections that say nothing, or nothing of use (H2)', () => {
  test('are gone after their time limit though their clients keep them open', async () => {
    const { port, descriptors, health, cpu } = await flooded();
    const before = await descriptors();
    const cpuBefore = await cpu();
    await connectMany(300, port);
    await connectMany(300, port, 'GET /health HTTP/1.1\r\nX-');
    await connectMany(300, port, 'garbage\r\n\r\n');
    expect(await health()).toBe(200);
    // The limit for headers is 20 s, looked at every 5.
    await vi.waitUntil(async () => (await descriptors()) <= before + 5, WAIT);
    expect(await health()).toBe(200);
    expect((await cpu()) - cpuBefore).toBeLessThan(10);
  });

  test.skipIf(QUEUE < MOST)(
    'wait their turn by hundreds while the daemon does something else',
    { timeout: 60_000 },
    async () => {
      const { port, pid, health } = await flooded();
      process.kill(pid, 'SIGSTOP');
      try {
        // The kernel takes them for the daemon. Those beyond its queue would have to try again, seconds later.
        await connectMany(900, port);
      } finally {
        process.kill(pid, 'SIGCONT');
      }
      expect(await health()).toBe(200);
    },
  );

  test('never keep a request out, also where few descriptors are left', async () => {
    const { port, call, descriptors, health } = await flooded(400);
    const before = await descriptors();
    await connectMany(900, port);
    // Half of the descriptors is for connections, and half of that for one address.
    expect(await descriptors()).toBeLessThanOrEqual(before + 110);
    for (let asked = 0; asked < 20; asked++) expect(await health()).toBe(200);
    expect((await call(BACKUPS, { body: {} })).status).toBe(201);
  });

  test('pipelined requests whose answers are not read are cut, and what they held is free', async () => {
    const { port, descriptors, memory, health } = await flooded();
    const before = await descriptors();
    const memoryBefore = await memory();
    await connectMany(200, port, 'GET /docs/swagger-ui-bundle.js HTTP/1.1\r\nHost: n\r\n\r\n'.repeat(4));
    expect(await health()).toBe(200);
    hangUp();
    await vi.waitUntil(async () => (await descriptors()) <= before + 5, WAIT);
    expect((await memory()) - memoryBefore).toBeLessThan(2048 * MEBIBYTE);
    expect(await health()).toBe(200);
  });
});

describe('downloads that are not read (H3)', () => {
  test('1,000 of one link hold 16 places and little memory, and nothing once they hang up', async () => {
    const { port, call, descriptors, memory, health, cpu } = await flooded();
    const { body } = await call(BACKUPS, { body: {} });
    const { id } = body as { id: string };
    const token = (await call(`${BACKUPS}/download-token`, { body: { id } })).body as { downloadUrl: string };
    const [before, memoryBefore, cpuBefore] = [await descriptors(), await memory(), await cpu()];
    await connectMany(MOST - 10, port, `GET ${token.downloadUrl} HTTP/1.1\r\nHost: n\r\n\r\n`);
    expect(await health()).toBe(200);
    // One for each connection, and one file for each of 16 downloads.
    expect(await descriptors()).toBeLessThanOrEqual(before + MOST + 16);
    expect((await memory()) - memoryBefore).toBeLessThan(150 * MEBIBYTE);
    hangUp();
    await vi.waitUntil(async () => (await descriptors()) <= before + 5, WAIT);
    expect((await memory()) - memoryBefore).toBeLessThan(150 * MEBIBYTE);
    expect((await cpu()) - cpuBefore).toBeLessThan(20);
    const answer = await fetch(new URL(token.downloadUrl, `http://127.0.0.1:${port}`));
    expect((await answer.arrayBuffer()).byteLength).toBeGreaterThan(32 * MEBIBYTE);
  });

  test('by ever new links of one server hold 64 places', async () => {
    const { port, call, descriptors, memory, health } = await flooded();
    const { id } = (await call(BACKUPS, { body: {} })).body as { id: string };
    const memoryBefore = await memory();
    const files = await descriptors();
    for (let made = 0; made < 100; made++) {
      const path = `/api/client/servers/${GAME_SERVER}/backups/${id}/download`;
      const { attributes } = (await call(path)).body as { attributes: { url: string } };
      const { pathname, search } = new URL(attributes.url);
      await connect(port, `GET ${pathname}${search} HTTP/1.1\r\nHost: n\r\n\r\n`);
    }
    expect(await health()).toBe(200);
    // 100 connections, 64 files, and what the calls above keep alive.
    expect(await descriptors()).toBeLessThanOrEqual(files + 100 + 64 + 20);
    expect((await memory()) - memoryBefore).toBeLessThan(150 * MEBIBYTE);
  });
});
