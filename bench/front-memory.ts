/** What the front takes of memory while much goes through it at once; by /proc, and without the clock. */
import fs from 'node:fs';
import type http from 'node:http';
import { WebSocket } from 'ws';

const TRANSFERS = 8;
const SOCKETS = 500;
const REQUESTS = 10_000;

interface Front {
  readonly pid: number;
  readonly get: (path: string) => Promise<http.IncomingMessage>;
  /** Of the console of a server. */
  readonly socketUrl: (server: string) => string;
  readonly origin: string;
  /** Whose consoles are opened. */
  readonly servers: readonly string[];
}

/** MiB before something was done, and at most during it. */
export interface FrontMemory {
  readonly name: string;
  readonly before: number;
  readonly most: number;
}

/** What much at once takes, and then much one after another, twice. @param bytes of each download. */
export async function frontMemory(front: Front, bytes: number): Promise<FrontMemory[]> {
  const { pid, get } = front;
  const rows: FrontMemory[] = [];
  const row = async (name: string, work: () => Promise<void>): Promise<void> => {
    const before = memory(pid, 'VmRSS');
    // Sets the peak back to what is there now: proc(5), clear_refs.
    fs.writeFileSync(`/proc/${pid}/clear_refs`, '5');
    await work();
    rows.push({ name, before, most: memory(pid, 'VmHWM') });
  };
  const load = async (path: string): Promise<void> => {
    const response = await get(path);
    await new Promise((resolve, reject) => response.on('end', resolve).on('error', reject).resume());
  };
  await row(`${TRANSFERS} downloads at once`, async () => {
    await Promise.all(Array.from({ length: TRANSFERS }, () => load(`/download/file?bytes=${bytes}`)));
  });
  await row(`${SOCKETS} sockets at once`, () => openSockets(front));
  for (const part of ['first', 'second']) {
    await row(`${REQUESTS} requests, the ${part} time`, async () => {
      for (let count = 0; count < REQUESTS; count++) await load('/api/system');
    });
  }
  return rows;
}

async function openSockets({ socketUrl, origin, servers }: Front): Promise<void> {
  const sockets = Array.from({ length: SOCKETS }, (_, at) => {
    const server = servers[at % servers.length] ?? '';
    return new WebSocket(socketUrl(server), { origin, perMessageDeflate: false });
  });
  await Promise.all(
    sockets.map(async (socket) => {
      await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
      const answered = new Promise((resolve, reject) => {
        socket.once('message', resolve).once('close', () => reject(new Error('a socket was closed')));
      });
      socket.send('{"event":"send command","args":["say something of a usual length"]}');
      await answered;
    }),
  );
  for (const socket of sockets) socket.terminate();
}

/** MiB. */
function memory(pid: number, field: 'VmRSS' | 'VmHWM'): number {
  const text = fs.readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(new RegExp(`${field}:\\s+(\\d+)`).exec(text)?.[1] ?? Number.NaN) / 1024;
}
