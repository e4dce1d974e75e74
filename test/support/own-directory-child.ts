/**
 * A program whose thread stands in a directory (the first argument) and then makes the first asynchronous file call of
 * the process. Prints what the main thread finds under a relative name (the second argument) after that.
 */
import fs from 'node:fs';
import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads';
import { openRoot } from '../../src/base/files/handles.ts';
import { enterDirectory, ownDirectory } from '../../src/base/files/thread-cwd.ts';

if (isMainThread) {
  const [directory = '', name = ''] = process.argv.slice(2);
  const worker = new Worker(new URL(import.meta.url), { workerData: directory });
  worker.once('message', (entered: boolean) => {
    fs.readFile(name, 'utf8', (error, content) => {
      process.stdout.write(`${entered} ${error?.code ?? content}`);
      worker.postMessage('end');
    });
  });
} else {
  const own = ownDirectory();
  const entered = enterDirectory(openRoot(workerData as string));
  fs.stat('/', () => {
    parentPort?.once('message', () => undefined);
    parentPort?.postMessage(own && entered);
  });
}
