/** A punching thread that dies in the middle of its first task, behind the first hole. */
import { parentPort } from 'node:worker_threads';
import { BLOCK, deadData } from '../../src/storage/vault/collection/dead-data.ts';
import { punchHole } from '../../src/storage/vault/collection/punch.ts';
import type { PunchTask } from '../../src/storage/vault/collection/punch-task.ts';

parentPort?.on('message', ({ descriptor, stretch }: PunchTask) => {
  const [first] = deadData(descriptor, stretch);
  if (first !== undefined) punchHole(descriptor, first.from, BLOCK);
  // In a thread this ends the thread alone.
  process.exit(7);
});
