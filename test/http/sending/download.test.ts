import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { Failure } from '../../../src/base/failure.ts';
import type { ByteSource } from '../../../src/base/source.ts';
import type { Timers } from '../../../src/base/timers.ts';
import { listeningNode, RawConnection } from '../../support/listening-node.ts';
import { ManualTime } from '../../support/manual-time.ts';
import { receive } from '../../support/receive.ts';
import { memoryContent, memorySource, SERVER } from '../../support/scripted-service.ts';

const BACKUPS = `/api/servers/${SERVER}/backups`;
const MEBIBYTE = 1024 * 1024;

/** Bytes of which no two stretches are alike, so that a shifted or repeated one shows. */
function distinctBytes(length: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let at = 0; at + 4 <= length; at += 4) bytes.writeUInt32LE(Math.imul(at + 1, 2_654_435_761) >>> 0, at);
  return bytes;
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** A node with one backup over a source, and the path of its download. */
async function nodeWith(sourceOf: () => ByteSource, bytes: Uint8Array = Buffer.alloc(0), timers?: Timers) {
  const node = await listeningNode(timers === undefined ? {} : { timers });
  node.service.sourceOf = sourceOf;
  const { id, sha256: tag } = node.service.add({ sha256: sha256(bytes) });
  const issued = await fetch(`${node.url}${BACKUPS}/download-token`, {
    method: 'POST',
    headers: node.authorized,
    body: JSON.stringify({ id }),
  });
  const { downloadUrl } = (await issued.json()) as { downloadUrl: string };
  return { ...node, path: downloadUrl, etag: `"${tag}"` };
}

function settled(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  return Promise.withResolvers<void>();
}

describe('a download over a connection', () => {
  test('is exact to the byte', async () => {
    const bytes = distinctBytes(5 * MEBIBYTE + 123);
    const source = memorySource(bytes);
    const { url, path } = await nodeWith(() => source, bytes);
    const answer = await fetch(`${url}${path}`);
    expect(answer.headers.get('content-length')).toBe(String(bytes.length));
    expect(sha256(new Uint8Array(await answer.arrayBuffer()))).toBe(sha256(bytes));
    expect(source.reads).toEqual([...Array<number>(80).fill(64 * 1024), 123]);
    expect(source.closes).toBe(1);
  });

  test('that breaks again and again is resumed to the same bytes, and every source is closed', async () => {
    const bytes = distinctBytes(6 * MEBIBYTE + 7);
    const sources: ReturnType<typeof memorySource>[] = [];
    const { port, path, etag } = await nodeWith(() => {
      const source = memorySource(bytes);
      sources.push(source);
      return source;
    }, bytes);
    const got: Buffer[] = [];
    let have = 0;
    for (let attempt = 0; have < bytes.length; attempt++) {
      // What `curl -C -` sends after a break.
      const resuming = have === 0 ? {} : { range: `${have}-`, headers: { 'if-range': etag } };
      const most = attempt < 5 ? 900_000 : Number.POSITIVE_INFINITY;
      const piece = await receive(`http://127.0.0.1:${port}${path}`, { ...resuming, most });
      got.push(piece);
      have += piece.length;
    }
    const whole = Buffer.concat(got);
    expect(whole.length).toBe(bytes.length);
    expect(sha256(whole)).toBe(sha256(bytes));
    await condition(() => sources.every(({ closes }) => closes === 1));
    expect(sources.length).toBeGreaterThan(3);
  });

  test('closes its source as soon as the client hangs up, in the middle of a read', async () => {
    const reading = settled();
    const closed = settled();
    let aborted = false;
    const { port, path } = await nodeWith(() => ({
      size: 10 * MEBIBYTE,
      read: (offset, length, signal) => {
        if (offset === 0) return Promise.resolve(new Uint8Array(length));
        reading.resolve();
        // A store that hangs: only the abort ends it.
        return new Promise((_, reject) => {
          signal?.addEventListener('abort', () => {
            aborted = true;
            reject(new Failure('cancelled', 'Cannot read: it was cancelled'));
          });
        });
      },
      close: async () => closed.resolve(),
    }));
    const connection = new RawConnection(port);
    connection.send(`GET ${path} HTTP/1.1\r\nHost: n\r\n\r\n`);
    await connection.until(/\r\n\r\n/);
    await reading.promise;
    connection.socket.destroy();
    await closed.promise;
    expect(aborted).toBe(true);
  });

  test('closes its source when the client hangs up before the first byte was read', async () => {
    const reading = settled();
    const closed = settled();
    const { port, path } = await nodeWith(() => ({
      size: MEBIBYTE,
      read: (_, __, signal) => {
        reading.resolve();
        return new Promise((_, reject) => {
          signal?.addEventListener('abort', () => reject(new Failure('cancelled', 'Cannot read: it was cancelled')));
        });
      },
      close: async () => closed.resolve(),
    }));
    const connection = new RawConnection(port);
    connection.send(`GET ${path} HTTP/1.1\r\nHost: n\r\n\r\n`);
    await reading.promise;
    connection.socket.destroy();
    await closed.promise;
  });

  test('closes its source when the client is gone before it was opened', async () => {
    const opening = settled();
    const proceed = settled();
    const source = memorySource(distinctBytes(3 * MEBIBYTE));
    const { port, path, service } = await nodeWith(() => source);
    const download = service.download.bind(service);
    service.download = async (...args) => {
      opening.resolve();
      await proceed.promise;
      return download(...args);
    };
    const connection = new RawConnection(port);
    connection.send(`GET ${path} HTTP/1.1\r\nHost: n\r\n\r\n`);
    await opening.promise;
    connection.socket.destroy();
    await connection.closed();
    proceed.resolve();
    await condition(() => source.closes === 1);
  });

  test('reads no faster than the client takes', async () => {
    let bytes = 0;
    const closed = settled();
    const { port, url, path } = await nodeWith(() => ({
      size: 4096 * MEBIBYTE,
      read: async (_, length) => {
        bytes += length;
        return new Uint8Array(length);
      },
      close: async () => closed.resolve(),
    }));
    const connection = new RawConnection(port);
    connection.socket.once('data', () => connection.socket.pause());
    connection.send(`GET ${path} HTTP/1.1\r\nHost: n\r\n\r\n`);
    // Hundreds of turns of the event loop, in each of which an unchecked download would read on.
    for (let asked = 0; asked < 100; asked++) await (await fetch(`${url}/health`)).text();
    expect(bytes).toBeGreaterThan(0);
    // What fits into two sockets' buffers, and not more.
    expect(bytes).toBeLessThan(16 * MEBIBYTE);
    connection.socket.destroy();
    await closed.promise;
  });

  test('is broken off when the client takes nothing for half an hour, and goes on after a shorter rest', async () => {
    const time = new ManualTime();
    let [reads, closes] = [0, 0];
    const { url, port, path } = await nodeWith(
      () => ({
        size: 1024 * MEBIBYTE,
        read: async (_, length) => {
          reads++;
          return new Uint8Array(length);
        },
        close: async () => void closes++,
      }),
      Buffer.alloc(0),
      time,
    );
    const connection = new RawConnection(port);
    connection.send(`GET ${path} HTTP/1.1\r\nHost: n\r\n\r\n`);
    await connection.until(/\r\n\r\n/);
    /** Resolves when the buffers between the two are full. */
    const rested = async (): Promise<void> => {
      connection.socket.pause();
      for (let before = -1; before !== reads;) {
        before = reads;
        for (let asked = 0; asked < 50; asked++) await (await fetch(`${url}/health`)).text();
      }
    };
    await rested();
    time.advance(29 * 60_000);
    const before = reads;
    connection.socket.resume();
    await expect.poll(() => reads, { timeout: 20_000 }).toBeGreaterThan(before);
    await rested();
    expect(closes).toBe(0);
    time.advance(31 * 60_000);
    connection.socket.resume();
    await connection.closed();
    expect(closes).toBe(1);
    expect(time.pending).toBe(0);
  });

  test('breaks off when the archive cannot be read on, with nothing after the true bytes', async () => {
    const bytes = distinctBytes(3 * MEBIBYTE);
    const closed = settled();
    const { port, path, logged } = await nodeWith(() => ({
      size: bytes.length,
      read: async (offset, length) => {
        if (offset >= 2 * MEBIBYTE) throw new Failure('archive_damaged', 'Cannot read the archive: it ends early');
        return Uint8Array.from(bytes.subarray(offset, offset + length));
      },
      close: async () => closed.resolve(),
    }));
    const connection = new RawConnection(port);
    connection.send(`GET ${path} HTTP/1.1\r\nHost: n\r\n\r\n`);
    const text = await connection.closed();
    await closed.promise;
    const body = Buffer.from(text.slice(text.indexOf('\r\n\r\n') + 4), 'latin1');
    expect(body.length).toBeLessThanOrEqual(2 * MEBIBYTE);
    expect(body.equals(bytes.subarray(0, body.length))).toBe(true);
    expect(logged.join('')).toContain('Download broken off');
  });

  test('answers HEAD with its length and sends nothing', async () => {
    const source = memorySource(distinctBytes(MEBIBYTE));
    const { port, path } = await nodeWith(() => source);
    const connection = new RawConnection(port);
    connection.send(`HEAD ${path} HTTP/1.1\r\nHost: n\r\nConnection: close\r\n\r\n`);
    const text = await connection.closed();
    expect(text).toMatch(/^HTTP\/1\.1 200 /);
    expect(text.toLowerCase()).toContain(`content-length: ${MEBIBYTE}`);
    expect(text.endsWith('\r\n\r\n')).toBe(true);
    expect(source).toMatchObject({ reads: [], closes: 1 });
  });

  test('several at once share nothing', async () => {
    const all = [1, 2, 3].map((seed) => distinctBytes(2 * MEBIBYTE + seed).fill(seed, 0, 100));
    const left = [...all];
    const { url, path } = await nodeWith(() => memorySource(left.shift() ?? Buffer.alloc(0)));
    const answers = await Promise.all(
      all.map(async () => sha256(new Uint8Array(await (await fetch(`${url}${path}`)).arrayBuffer()))),
    );
    expect(answers.toSorted()).toEqual(all.map(sha256).toSorted());
  });
});

describe('a file out of a backup over a connection', () => {
  async function fileNode(stream: (signal: AbortSignal) => AsyncIterable<Uint8Array>, size: number) {
    const node = await listeningNode();
    const { id } = node.service.add();
    node.service.contentOf = (path, signal) => ({ ...memoryContent(path, ''), size, stream: stream(signal) });
    const { authorization } = node.authorized;
    const request = `GET ${BACKUPS}/${id}/files/content?path=a HTTP/1.1\r\nHost: n\r\nAuthorization: ${authorization}\r\nConnection: close\r\n\r\n`;
    return { ...node, request };
  }

  test('is copied from memory that is used again', async () => {
    const memory = Buffer.alloc(4);
    const node = await fileNode(async function* () {
      for (const value of ['a', 'b', 'c']) yield memory.fill(value);
    }, 12);
    const connection = new RawConnection(node.port);
    connection.send(node.request);
    expect(await connection.closed()).toMatch(/\r\n\r\naaaabbbbcccc$/);
  });

  test('breaks off when its checksum fails at the end: the last piece is never sent', async () => {
    const node = await fileNode(async function* () {
      yield Buffer.from('first half, ');
      yield Buffer.from('second half');
      throw new Failure('archive_damaged', 'Cannot read the file: its checksum differs');
    }, 'first half, second half'.length);
    const connection = new RawConnection(node.port);
    connection.send(node.request);
    const text = await connection.closed();
    expect(text).toMatch(/^HTTP\/1\.1 200 /);
    expect(text).not.toContain('second half');
  });

  test.each([
    ['ends early', ['first half, ']],
    ['goes on after its end', ['first half, ', 'second half, and more']],
  ])('that %s is a clean error while nothing was sent', async (_, pieces) => {
    const node = await fileNode(async function* () {
      for (const piece of pieces) yield Buffer.from(piece);
    }, 'first half, second half'.length);
    const connection = new RawConnection(node.port);
    connection.send(node.request);
    expect(await connection.closed()).toMatch(/^HTTP\/1\.1 422 [^]*"archive_damaged"/);
  });

  test('frees the archive when the client hangs up', async () => {
    const started = settled();
    const freed = settled();
    const node = await fileNode(async function* (signal) {
      try {
        yield Buffer.from('some');
        started.resolve();
        await new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('aborted'))));
      } finally {
        freed.resolve();
      }
    }, 100);
    const connection = new RawConnection(node.port);
    connection.send(node.request);
    await started.promise;
    connection.socket.destroy();
    await freed.promise;
  });
});

async function condition(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setImmediate(resolve));
}
