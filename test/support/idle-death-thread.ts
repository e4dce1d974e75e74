/** A punching thread that answers its first task and then ends. */
import { parentPort } from 'node:worker_threads';

parentPort?.once('message', () => {
  parentPort?.postMessage(1);
  parentPort?.close();
});
