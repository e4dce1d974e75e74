/** What takes long, or much: large bodies, a Wings that comes and goes under load, a certificate renewed under load. */
import { createHash } from 'node:crypto';
import fs from 'node:fs/promises';
import http from 'node:http';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { TEST_CERTIFICATE, TEST_KEY } from '../support/certificate.ts';
import { eventually } from '../support/eventually.ts';
import { ManualTime } from '../support/manual-time.ts';
import { scratchDirectory } from '../support/scratch.ts';
import { SERVER } from '../support/scripted-service.ts';
import { openFrontNode } from '../support/wings/front-node.ts';
import { rawRequest } from '../support/wings/raw-request.ts';
import { openWings } from '../support/wings/wings.ts';

const MIB = 1024 * 1024;
const GIB = Number(process.env['FRONT_GIB'] ?? 1);
const BLOCK = Buffer.alloc(MIB, 'a block of the body that is not all the same, ');

function sumOf(blocks: number): string {
  const hash = createHash('sha256');
  for (let count = 0; count < blocks; count++) hash.update(BLOCK);
  return hash.digest('hex');
}

async function upload(port: number, blocks: number, headers: http.OutgoingHttpHeaders): Promise<number> {
  return new Promise((resolve, reject) => {
    const request = http.request({ port, host: '127.0.0.1', method: 'POST', path: '/upload/file?token=x', headers });
    request.on('error', reject);
    request.on('response', (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    const send = async (): Promise<void> => {
      for (let count = 0; count < blocks; count++) {
        if (!request.write(BLOCK)) await new Promise((drained) => request.once('drain', drained));
      }
      request.end();
    };
    send().catch(reject);
  });
}

describe(`check 4: bodies of ${GIB} GiB (FRONT_GIB; the full size is 3)`, () => {
  test.each(['with a length', 'in chunks'])('go up %s, every byte, in flat memory', async (how) => {
    const wings = await openWings({ servers: [SERVER], uploadLimit: 10_240 });
    const { port } = await openFrontNode(wings);
    const blocks = GIB * 1024;
    const before = process.memoryUsage().rss;
    let most = before;
    const watch = setInterval(() => (most = Math.max(most, process.memoryUsage().rss)), 100);
    const headers = how === 'in chunks' ? { 'Transfer-Encoding': 'chunked' } : { 'Content-Length': blocks * MIB };
    await upload(port, blocks, headers).finally(() => clearInterval(watch));
    expect(wings.received[0]?.body).toMatchObject({ sha256: sumOf(blocks), bytes: blocks * MIB });
    expect((most - before) / MIB).toBeLessThan(250);
  });

  test('come down, every byte', async () => {
    const wings = await openWings({ servers: [SERVER] });
    const { url } = await openFrontNode(wings);
    const blocks = GIB * 1024;
    wings.script = (_, outgoing) => {
      const send = async (): Promise<void> => {
        for (let count = 0; count < blocks; count++) {
          if (!outgoing.write(BLOCK)) await new Promise((drained) => outgoing.once('drain', drained));
        }
        outgoing.end();
      };
      void send();
      return true;
    };
    const hash = createHash('sha256');
    const { body } = await fetch(`${url}/download/file?token=x`);
    for await (const chunk of body ?? []) hash.update(chunk as Uint8Array);
    expect(hash.digest('hex')).toBe(sumOf(blocks));
  });

  const seconds = Number(process.env['FRONT_SLOW_SECONDS'] ?? 15);

  test(`at 1 MB/s are not cut in ${seconds} seconds (FRONT_SLOW_SECONDS; in full 600)`, async () => {
    const wings = await openWings({ servers: [SERVER] });
    const { port } = await openFrontNode(wings);
    const request = http.request({ port, host: '127.0.0.1', method: 'POST', path: '/upload/file?token=x' });
    const answered = new Promise<number>((resolve, reject) => {
      request.on('error', reject);
      request.on('response', (response) => {
        response.resume();
        resolve(response.statusCode ?? 0);
      });
    });
    for (let count = 0; count < seconds * 10; count++) {
      request.write(BLOCK.subarray(0, MIB / 10));
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    request.end();
    await answered;
    expect(wings.received[0]?.body?.bytes).toBe(seconds * 10 * Math.floor(MIB / 10));
  });
});

test('check 7: a Wings that is restarted 50 times under load does each change once or the client is told', async () => {
  const wings = await openWings({ servers: [SERVER] });
  const { url, authorized } = await openFrontNode(wings);
  const done = new Map<string, number>();
  wings.script = (incoming, outgoing) => {
    if (incoming.method === 'POST')
      done.set(String(incoming.headers['x-change']), (done.get(String(incoming.headers['x-change'])) ?? 0) + 1);
    incoming.resume();
    outgoing.writeHead(204).end();
    return true;
  };
  const stop = new AbortController();
  let listening = true;
  let restarts = 0;
  const answers = new Map<string, number>();
  const failedGets: boolean[] = [];
  const changes = async (worker: number): Promise<void> => {
    for (let count = 0; !stop.signal.aborted; count++) {
      const change = `${worker}-${count}`;
      const headers = { ...authorized, 'x-change': change };
      const target = `${url}/api/servers/${SERVER}/commands`;
      answers.set(change, (await fetch(target, { method: 'POST', headers, body: '{}' })).status);
    }
  };
  const looks = async (): Promise<void> => {
    while (!stop.signal.aborted) {
      const before = listening ? restarts : -1;
      const { status } = await fetch(`${url}/api/system`, { headers: authorized });
      if (status !== 204) failedGets.push(listening && before === restarts);
    }
  };
  const load = [0, 1, 2, 3].map((worker) => (worker < 3 ? changes(worker) : looks()));
  for (let count = 0; count < 50; count++) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    listening = false;
    await wings.kill();
    await wings.start();
    restarts++;
    listening = true;
  }
  stop.abort();
  await Promise.all(load);
  expect(Math.max(...done.values())).toBe(1);
  expect(new Set(answers.values())).toEqual(new Set([204, 503]));
  const unseen = [...answers].filter(([change, status]) => status === 204 && !done.has(change));
  expect(unseen).toEqual([]);
  // Those that had a Wings from before their beginning until after their end.
  expect(failedGets.filter(Boolean)).toEqual([]);
});

describe('check 6: a refusal in the middle of an upload is read by a client that sends before it reads', () => {
  const MOST = 4;
  const pieces = Array.from({ length: MOST }, () => BLOCK);
  const request = (target: string) =>
    `POST ${target} HTTP/1.1\r\nHost: node.test\r\nContent-Length: ${MOST * MIB}\r\n\r\n`;

  test.each(['plain', 'TLS'])('of Wings, by its size rule: 100 of 100, %s', async (how) => {
    const secure = how === 'TLS';
    const wings = await openWings({ uploadLimit: 1, servers: [SERVER] });
    const { port } = await openFrontNode(wings, secure ? { tls: await certificateFiles() } : {});
    for (let count = 0; count < 100; count++) {
      const answer = await rawRequest(port, request('/upload/file?token=x'), {
        secure,
        body: pieces,
        until: /MB\."\}/,
      });
      expect([count, answer.status]).toEqual([count, 400]);
    }
  });

  test.each(['plain', 'TLS'])('of Roost, by the lock of a restore: 100 of 100, %s', async (how) => {
    const secure = how === 'TLS';
    const wings = await openWings({ servers: [SERVER] });
    const { port, service, socketToken } = await openFrontNode(wings, secure ? { tls: await certificateFiles() } : {});
    service.underRestore.add(SERVER);
    const target = `/upload/file?token=${socketToken()}`;
    for (let count = 0; count < 100; count++) {
      const answer = await rawRequest(port, request(target), { secure, body: pieces, until: /when that is done/ });
      expect([count, answer.status]).toEqual([count, 409]);
    }
    expect(wings.received).toEqual([]);
  });
});

async function certificateFiles() {
  const directory = await scratchDirectory();
  const tls = { cert: join(directory, 'cert.pem'), key: join(directory, 'key.pem') };
  await fs.writeFile(tls.cert, TEST_CERTIFICATE);
  await fs.writeFile(tls.key, TEST_KEY);
  return tls;
}

const SOAK_SECONDS = Number(process.env['FRONT_SOAK_SECONDS'] ?? 30);

test(`check 21: a soak of ${SOAK_SECONDS} seconds (FRONT_SOAK_SECONDS; in full 600) leaves nothing behind`, async () => {
  const tls = await certificateFiles();
  const wings = await openWings({ servers: [SERVER] });
  const { port, composed } = await openFrontNode(wings, { tls });
  wings.script = (incoming, outgoing) => {
    incoming.on('end', () => outgoing.writeHead(200, { 'Content-Length': '5' }).end('whole')).resume();
    return true;
  };
  const descriptors = async (): Promise<number> => (await fs.readdir('/proc/self/fd')).length;
  const before = await descriptors();
  const until = performance.now() + SOAK_SECONDS * 1000;
  const one = async (worker: number): Promise<number> => {
    let done = 0;
    for (; performance.now() < until; done++) {
      const head = `POST /upload/file?token=${worker} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: ${MIB}\r\n\r\n`;
      const answer = await rawRequest(port, head, { secure: worker % 2 === 0, body: [BLOCK] });
      if (worker % 2 === 0) expect(answer.body).toBe('whole');
      // Half of them break off: their connection is no TLS.
    }
    return done;
  };
  const renewals = async (): Promise<number> => {
    let done = 0;
    for (; performance.now() < until; done++) {
      await fs.writeFile(tls.key, done % 2 === 0 ? 'no key' : `${TEST_KEY}${'\n'.repeat(done % 9)}`);
      composed.reload(tls);
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    return done;
  };
  /** MiB at most in the first and in the second half. */
  const memory = async (): Promise<readonly [number, number]> => {
    const most: [number, number] = [0, 0];
    while (performance.now() < until) {
      const half = until - performance.now() > SOAK_SECONDS * 500 ? 0 : 1;
      most[half] = Math.max(most[half], process.memoryUsage().rss / MIB);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    return most;
  };
  const working = [...Array.from({ length: 8 }, (_, worker) => one(worker)), renewals()];
  const [first, second] = await memory();
  expect(Math.min(...(await Promise.all(working)))).toBeGreaterThan(10);
  await eventually(() => composed.facts().open === 0);
  expect(composed.facts().sockets).toBe(0);
  await eventually(async () => (await descriptors()) <= before);
  expect(second - first).toBeLessThan(64);
});

test('check 21: 50 transfers are unharmed by certificates that come and do not fit', async () => {
  const tls = await certificateFiles();
  const time = new ManualTime();
  const wings = await openWings({ servers: [SERVER] });
  const { port } = await openFrontNode(wings, { tls, timers: time });
  const waiting: (() => void)[] = [];
  wings.script = (_, outgoing) => {
    outgoing.write('begun ');
    waiting.push(() => outgoing.end('whole'));
    return true;
  };
  const head = 'GET /download/file?token=x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n';
  const transfers = Array.from({ length: 50 }, () => rawRequest(port, head, { secure: true }));
  await eventually(() => waiting.length === 50);
  for (let count = 0; count < 10; count++) {
    await fs.writeFile(tls.key, count % 2 === 0 ? 'no key' : `${TEST_KEY}${'\n'.repeat(count)}`);
    time.advance(60_000);
  }
  for (const end of waiting) end();
  for (const { body } of await Promise.all(transfers)) expect(body).toContain('whole');
});
