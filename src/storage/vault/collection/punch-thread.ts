/** A thread that punches (punch-threads.ts): thousands of calls in a row, each of which waits for the disk. */
import { parentPort } from 'node:worker_threads';
import { BLOCK, deadData } from './dead-data.ts';
import { punchHole } from './punch.ts';
import { type PunchTask, QUIT } from './punch-task.ts';

const port = parentPort;
if (port === null) throw new Error('the punching thread is started by PunchThreads only');
port.on('message', (message: PunchTask | typeof QUIT) => {
  if (message === QUIT) port.close();
  else port.postMessage(punch(message));
});

/** Bytes given back. */
function punch({ descriptor, stretch }: PunchTask): number {
  let freed = 0;
  for (const { from, end } of deadData(descriptor, stretch)) {
    // The file's last block goes only as a whole.
    const whole = Math.ceil(end / BLOCK) * BLOCK - from;
    if (punchHole(descriptor, from, whole)) freed += end - from;
  }
  return freed;
}
