import { expect, test } from 'vitest';
import { Failure } from '../../../src/base/failure.ts';
import { OperationThreads } from '../../../src/archive/threads/operation-threads.ts';
import { type RunningThread, runThread } from '../../../src/archive/threads/run-thread.ts';
import { failureOf } from '../../support/rejection.ts';

const DOING = 'Cannot try the thread';

/** A thread that runs this for each operation, with `data` and `port`, and ends when it is told. */
function threadOf(code: string) {
  const whole = `
    import { parentPort } from 'node:worker_threads';
    parentPort.on('message', (message) => {
      if (message === 'quit') return parentPort.close();
      const { data, port } = message;
      ${code}
    });
  `;
  const file = new URL(`data:text/javascript,${encodeURIComponent(whole)}`);
  return { operation: 'read' as const, threads: new OperationThreads({ idleMs: 0, file }) };
}

/** Posts one event, then waits for a message, and ends: with what its stop flag is by then, or without a word. */
const WAITING = threadOf(`
  port.postMessage({ type: 'event' });
  port.once('message', () => {
    const stopped = Atomics.load(new Int32Array(data.control), 0) === 1;
    if (data.silent !== true) port.postMessage({ type: 'done', result: { stopped } });
    else parentPort.close();
    port.close();
  });
`);

test('the result is what the thread ends with', async () => {
  const options = { ...WAITING, data: {}, doing: DOING };
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
  const running = runThread({ ...WAITING, data: {}, doing: DOING, receive, settled: () => work });
  await failureOf(running, 'insufficient_storage');
});

test('what a receiver throws stops the thread and fails the call, though the thread ends well', async () => {
  const receive = (): never => {
    throw new Error('the receiver is broken');
  };
  const running = runThread({ ...WAITING, data: {}, doing: DOING, stopMessage: 'stop', receive });
  expect((await failureOf(running, 'internal')).message).toContain('the receiver is broken');
});

test.each([
  ['that waits is stopped', {}],
  ['is given up when its work hangs', { settled: () => new Promise<void>(() => undefined), abortGraceMs: 0 }],
])('on an abort a thread %s, and the call rejects with the reason', async (_title, more) => {
  const abort = new AbortController();
  const receive = (): void => abort.abort();
  const options = { ...WAITING, data: { silent: true }, doing: DOING, stopMessage: 'stop', ...more };
  await failureOf(runThread({ ...options, signal: abort.signal, receive }), 'cancelled');
});

test('a thread that ends without a result fails the call', async () => {
  const silent = runThread({ ...threadOf('parentPort.close()'), data: {}, doing: DOING });
  expect((await failureOf(silent, 'internal')).message).toBe(`${DOING}: its thread ended`);
  const dying = runThread({ ...threadOf(`throw new Error('cannot start')`), data: {}, doing: DOING });
  expect((await failureOf(dying, 'internal')).message).toContain('cannot start');
});

test('a failure that the thread posts is the failure of the call', async () => {
  const failure = `{ code: 'too_large', message: 'Cannot: too large', facts: {}, retry: false }`;
  const failing = threadOf(`
    port.postMessage({ type: 'failed', failure: ${failure} });
    port.close();
  `);
  await failureOf(runThread({ ...failing, data: {}, doing: DOING }), 'too_large');
});
