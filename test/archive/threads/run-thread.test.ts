import { expect, test } from 'vitest';
import { Failure } from '../../../src/base/failure.ts';
import { type RunningThread, runThread } from '../../../src/archive/threads/run-thread.ts';
import { failureOf } from '../../support/rejection.ts';

const DOING = 'Cannot try the thread';

function threadOf(code: string): URL {
  return new URL(`data:text/javascript,${encodeURIComponent(code)}`);
}

/** Posts one event, then waits for a message, and ends: with what its stop flag is by then, or without a word. */
const WAITING = threadOf(`
  import { parentPort, workerData } from 'node:worker_threads';
  parentPort.postMessage({ type: 'event' });
  parentPort.once('message', () => {
    const stopped = Atomics.load(new Int32Array(workerData.control), 0) === 1;
    if (workerData.silent !== true) parentPort.postMessage({ type: 'done', result: { stopped } });
  });
`);

test('the result is what the thread ends with', async () => {
  const options = { file: WAITING, data: {}, doing: DOING };
  const receive = (_event: object, { worker }: RunningThread): void => worker.postMessage('go on');
  expect(await runThread({ ...options, receive })).toEqual({ stopped: false });
});

test('work that messages started and that fails after the thread was done fails the call', async () => {
  let work: Promise<void> = Promise.resolve();
  const receive = (_event: object, { worker, fail }: RunningThread): void => {
    const ended = new Promise<void>((resolve) => void setTimeout(resolve, 100));
    work = ended.then(() => fail(new Failure('insufficient_storage', 'Cannot write: no space left')));
    worker.postMessage('go on');
  };
  const running = runThread({ file: WAITING, data: {}, doing: DOING, receive, settled: () => work });
  await failureOf(running, 'insufficient_storage');
});

test('what a receiver throws stops the thread and fails the call, though the thread ends well', async () => {
  const receive = (): never => {
    throw new Error('the receiver is broken');
  };
  const running = runThread({ file: WAITING, data: {}, doing: DOING, stopMessage: 'stop', receive });
  expect((await failureOf(running, 'internal')).message).toContain('the receiver is broken');
});

test.each([
  ['that waits is stopped', {}],
  ['is given up when its work hangs', { settled: () => new Promise<void>(() => undefined), abortGraceMs: 0 }],
])('on an abort a thread %s, and the call rejects with the reason', async (_title, more) => {
  const abort = new AbortController();
  const receive = (): void => abort.abort();
  const options = { file: WAITING, data: { silent: true }, doing: DOING, stopMessage: 'stop', ...more };
  await failureOf(runThread({ ...options, signal: abort.signal, receive }), 'cancelled');
});

test('a thread that ends without a result fails the call', async () => {
  const silent = runThread({ file: threadOf(''), data: {}, doing: DOING });
  expect((await failureOf(silent, 'internal')).message).toBe(`${DOING}: its thread ended`);
  const dying = runThread({ file: threadOf(`throw new Error('cannot start')`), data: {}, doing: DOING });
  expect((await failureOf(dying, 'internal')).message).toContain('cannot start');
});

test('a failure that the thread posts is the failure of the call', async () => {
  const failure = `{ code: 'too_large', message: 'Cannot: too large', facts: {}, retry: false }`;
  const file = threadOf(`
    import { parentPort } from 'node:worker_threads';
    parentPort.postMessage({ type: 'failed', failure: ${failure} });
  `);
  await failureOf(runThread({ file, data: {}, doing: DOING }), 'too_large');
});
