/** The watch over what tests leave open finds each kind, and only for as long as it is open. */
import { once } from 'node:events';
import fs from 'node:fs';
import http from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import { Worker } from 'node:worker_threads';
import { expect, test } from 'vitest';
import { openNow, stillOpenSince } from './open-resources.ts';

/** Opens one of a kind; what it returns closes it. */
type Plant = () => Promise<() => unknown>;

const plants: Readonly<Record<string, readonly [Plant, RegExp]>> = {
  'a file': [
    async () => {
      const descriptor = fs.openSync(import.meta.filename, 'r');
      return () => fs.closeSync(descriptor);
    },
    /^descriptor of .*leak-watch\.test\.ts$/,
  ],
  'a directory': [
    async () => {
      const directory = fs.opendirSync(import.meta.dirname);
      return () => directory.closeSync();
    },
    /^descriptor of .*support$/,
  ],
  'a socket that listens': [
    async () => {
      const server = createServer().listen(0, '127.0.0.1');
      await once(server, 'listening');
      return () => server.close();
    },
    /^listening socket:/,
  ],
  'a timer': [
    async () => {
      const timer = setTimeout(() => undefined, 60_000);
      return () => clearTimeout(timer);
    },
    /^timer at .*leak-watch\.test\.ts/,
  ],
  'an interval that does not keep the process alive': [
    async () => {
      const timer = setInterval(() => undefined, 60_000).unref();
      return () => clearInterval(timer);
    },
    /^timer at .*leak-watch\.test\.ts/,
  ],
  'a thread that does not keep the process alive': [
    async () => {
      const thread = new Worker('setInterval(() => undefined, 1000)', { eval: true });
      await once(thread, 'online');
      thread.unref();
      return () => thread.terminate();
    },
    /^thread \d+$/,
  ],
};

test.each(Object.entries(plants))('%s is found until it is closed', async (_, [plant, pattern]) => {
  const before = openNow();
  const close = await plant();
  try {
    expect(await stillOpenSince(before, 0)).toContainEqual(expect.stringMatching(pattern));
  } finally {
    await close();
  }
  expect(await stillOpenSince(before, 5000)).toEqual([]);
});

test('what closes while it is waited for is not found', async () => {
  const before = openNow();
  const descriptor = fs.openSync(import.meta.filename, 'r');
  setTimeout(() => fs.closeSync(descriptor), 20);
  expect(await stillOpenSince(before, 5000)).toEqual([]);
});

test('the date that an HTTP server keeps until the second ends is not found', async () => {
  const before = openNow();
  const server = http.createServer((_, response) => void response.writeHead(204).end()).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const request = http.get({ agent: false, port: (server.address() as AddressInfo).port });
  const [response] = (await once(request, 'response')) as [http.IncomingMessage];
  expect(response.headers.date).toBeDefined();
  await once(response.resume(), 'close');
  server.close();
  await once(server, 'close');
  expect(openNow().filter((item) => item.startsWith('timer ') && !before.includes(item))).toEqual([]);
});

test('a second descriptor of a file that was open before is found', async () => {
  const first = fs.openSync(import.meta.filename, 'r');
  const before = openNow();
  const second = fs.openSync(import.meta.filename, 'r');
  expect(await stillOpenSince(before, 0)).toEqual([`descriptor of ${import.meta.filename}`]);
  fs.closeSync(second);
  fs.closeSync(first);
});
