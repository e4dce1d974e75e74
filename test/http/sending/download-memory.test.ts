/** Downloads use memory again: what clients of every kind get is exact to the byte all the same. */
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { ByteSource } from '../../../src/base/source.ts';
import { createHttpServer } from '../../../src/http/server.ts';
import { TEST_CERTIFICATE, TEST_KEY } from '../../support/certificate.ts';
import { listeningNode, RawConnection } from '../../support/listening-node.ts';
import { type Habits, receive, turns } from '../../support/receive.ts';
import { scratchDirectory } from '../../support/scratch.ts';
import { SERVER } from '../../support/scripted-service.ts';

const BACKUPS = `/api/servers/${SERVER}/backups`;
const MEBIBYTE = 1024 * 1024;

/** Of which no two stretches are alike, so that a piece in another's place shows. */
const BYTES = Buffer.alloc(9 * MEBIBYTE + 321);
for (let at = 0; at + 4 <= BYTES.length; at += 4) BYTES.writeUInt32LE(Math.imul(at + 1, 2_654_435_761) >>> 0, at);

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** A node with one backup, and for each download of it the pieces of memory that were filled. */
async function memoryNode() {
  const node = await listeningNode();
  const memories: Set<ArrayBufferLike>[] = [];
  let closes = 0;
  node.service.sourceOf = (): ByteSource => {
    const used = new Set<ArrayBufferLike>();
    memories.push(used);
    return {
      size: BYTES.length,
      read: () => Promise.reject(new Error('read where memory was at hand')),
      readInto: async (offset, into) => {
        used.add(into.buffer);
        into.set(BYTES.subarray(offset, offset + into.length));
      },
      close: async () => void closes++,
    };
  };
  const { id } = node.service.add({ sha256: sha256(BYTES) });
  const issue = async (): Promise<string> => {
    const body = JSON.stringify({ id });
    const path = `${node.url}${BACKUPS}/download-token`;
    const issued = await fetch(path, { method: 'POST', headers: node.authorized, body });
    return ((await issued.json()) as { downloadUrl: string }).downloadUrl;
  };
  return { ...node, memories, issue, closes: () => closes };
}

const CLIENTS: readonly (Habits & { readonly from: number; readonly to: number })[] = [
  { from: 0, to: BYTES.length },
  { from: 0, to: BYTES.length, rest: 3 },
  { range: '1000000-5555554', from: 1_000_000, to: 5_555_555, rest: 7 },
  { range: '5000000-', from: 5_000_000, to: BYTES.length, rest: 1 },
  { range: '-2500000', from: BYTES.length - 2_500_000, to: BYTES.length },
  { range: '77-77', from: 77, to: 78 },
];

test('fast and slow readers of wholes and parts at once get exact bytes, out of two pieces of memory each', async () => {
  const { url, issue, memories, closes } = await memoryNode();
  const path = await issue();
  const got = await Promise.all(CLIENTS.map((habits) => receive(`${url}${path}`, habits)));
  expect(got.map(sha256)).toEqual(CLIENTS.map(({ from, to }) => sha256(BYTES.subarray(from, to))));
  expect(Math.max(...memories.map(({ size }) => size))).toBe(2);
  expect(closes()).toBe(CLIENTS.length);
});

test('readers that hang up in the middle spoil nothing for those who go on', async () => {
  const { url, issue, closes } = await memoryNode();
  const path = await issue();
  const leaving = [1, MEBIBYTE, 3_000_000, 6_000_000].map((most) => ({ most, rest: 2 }));
  const staying = [{ rest: 2 }, { rest: 5 }];
  const [left, stayed] = await Promise.all([
    Promise.all(leaving.map((habits) => receive(`${url}${path}`, habits))),
    Promise.all(staying.map((habits) => receive(`${url}${path}`, habits))),
  ]);
  for (const part of left) expect(part.equals(BYTES.subarray(0, part.length))).toBe(true);
  expect(stayed.map(sha256)).toEqual(staying.map(() => sha256(BYTES)));
  while (closes() < leaving.length + staying.length) await turns(1);
});

test('over TLS, too', async () => {
  const directory = await scratchDirectory();
  const tls = { cert: join(directory, 'cert.pem'), key: join(directory, 'key.pem') };
  writeFileSync(tls.cert, TEST_CERTIFICATE);
  writeFileSync(tls.key, TEST_KEY);
  const { app, issue } = await memoryNode();
  const path = await issue();
  // The same app on a port of its own.
  const server = createHttpServer({ app, api: { host: '127.0.0.1', port: 0, tls } });
  const { port } = await server.listen();
  onTestFinished(() => server.close(0));
  const habits = [{ rest: 3 }, {}, { range: '123456-4567890', rest: 1 }];
  const got = await Promise.all(habits.map((each) => receive(`https://127.0.0.1:${port}${path}`, each)));
  expect(got.map(sha256)).toEqual([BYTES, BYTES, BYTES.subarray(123_456, 4_567_891)].map(sha256));
});

test('answers that wait for their turn on one connection keep their memory until then', async () => {
  const { port, issue } = await memoryNode();
  const path = await issue();
  const connection = new RawConnection(port);
  const ask = (range: string, end = ''): string =>
    `GET ${path} HTTP/1.1\r\nHost: n\r\nRange: bytes=${range}\r\n${end}\r\n`;
  // All at once: the second and third are made while the first is on its way.
  connection.send(ask('0-4999999') + ask('5000000-8999999') + ask('100-199', 'Connection: close\r\n'));
  const answers = (await connection.closed()).split(/HTTP\/1\.1 206 [^]*?\r\n\r\n/).slice(1);
  const parts = [BYTES.subarray(0, 5_000_000), BYTES.subarray(5_000_000, 9_000_000), BYTES.subarray(100, 200)];
  expect(answers.map((text) => sha256(Buffer.from(text, 'latin1')))).toEqual(parts.map(sha256));
});
