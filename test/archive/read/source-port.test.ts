import { MessageChannel } from 'node:worker_threads';
import { describe, expect, onTestFinished, test } from 'vitest';
import { answerRead, SourcePort, type ReadAnswer, type ReadRequest } from '../../../src/archive/read/source-port.ts';
import { Failure } from '../../../src/base/failure.ts';
import type { ByteSource } from '../../../src/base/source.ts';
import { failureOf } from '../../support/rejection.ts';

const CONTENT = Buffer.from('the bytes of an object far away');

const plain: ByteSource = {
  size: CONTENT.length,
  read: (offset, length) => Promise.resolve(CONTENT.subarray(offset, offset + length)),
  close: () => Promise.resolve(),
};

/** It has no use for memory of its own making. */
const filling: ByteSource = {
  ...plain,
  read: () => Promise.reject(new Error('this leaves garbage')),
  readInto: (offset, into) => {
    into.set(CONTENT.subarray(offset, offset + into.length));
    return Promise.resolve();
  },
};

describe.each([
  ['that can only read', plain],
  ['that fills memory', filling],
])('a source %s, in another thread', (_, source) => {
  test('fills shared memory where it is asked to, and nothing beside it', async () => {
    const memory = Buffer.from(new SharedArrayBuffer(20));
    await elsewhere(source).readInto?.(4, memory.subarray(5, 14));
    expect(memory.toString('latin1')).toBe('\0\0\0\0\0bytes of \0\0\0\0\0\0');
  });
});

test('memory that is not shared is filled too', async () => {
  const memory = Buffer.alloc(5);
  await elsewhere(plain).readInto?.(4, memory);
  expect(memory.toString()).toBe('bytes');
});

test('a read that fails there fails here, with the same code', async () => {
  const broken = { ...plain, readInto: () => Promise.reject(new Failure('store_unreachable', 'Cannot read: gone')) };
  const memory = Buffer.from(new SharedArrayBuffer(4));
  await failureOf(elsewhere(broken).readInto?.(0, memory) ?? Promise.resolve(), 'store_unreachable');
});

test('a stop fails the reads that wait and those that come later', async () => {
  const { port1 } = new MessageChannel();
  onTestFinished(() => port1.close());
  const sources = new SourcePort(port1);
  const silent = sources.source('archive', { size: 10 });
  const waiting = silent.read(0, 1);
  sources.stop();
  await failureOf(waiting, 'cancelled');
  await failureOf(silent.read(0, 1), 'cancelled');
});

/** The source as a thread sees it whose owner sits at the other end of a channel. */
function elsewhere(source: ByteSource): ByteSource {
  const { port1, port2 } = new MessageChannel();
  onTestFinished(() => port1.close());
  const sources = new SourcePort(port1);
  port1.on('message', (answer: ReadAnswer) => sources.receive(answer));
  port2.on('message', (request: ReadRequest) => void answerRead(port2, source, request));
  return sources.source('archive', { size: source.size });
}
