/** A thread with a working directory of its own: answers what it finds under a name in each of some directories. */
import fs from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { openDirectory, openForReading, openRoot, statChild } from '../../src/base/files/handles.ts';
import { ownDirectory } from '../../src/base/files/thread-cwd.ts';

export interface OwnDirectoryData {
  readonly directories: readonly string[];
  readonly name: string;
}

export interface OwnDirectoryAnswer {
  readonly own: boolean;
  /** Content of the file of that name in each directory, by turns. */
  readonly read: readonly string[];
  /** The same when each directory gets the descriptor number of the one before. */
  readonly readByOneNumber: readonly string[];
  /** The code of the error when a file stands where a directory should. */
  readonly belowFile: string;
  readonly directory: string;
}

const { directories, name } = workerData as OwnDirectoryData;
const own = ownDirectory();
parentPort?.postMessage({ own, ...look() } satisfies OwnDirectoryAnswer);

function look() {
  const handles = directories.map((path) => openRoot(path));
  const read = handles.map((handle) => readChild(handle, name));
  for (const handle of handles) fs.closeSync(handle);
  const numbers = new Set<number>();
  const readByOneNumber = directories.map((path) => {
    const handle = openRoot(path);
    numbers.add(handle);
    const content = readChild(handle, name);
    fs.closeSync(handle);
    return content;
  });
  if (numbers.size !== 1) throw new Error('the directories did not get the same descriptor number');
  return { read, readByOneNumber, belowFile: belowFile(), directory: fs.readlinkSync('/proc/thread-self/cwd') };
}

function readChild(directory: number, child: string): string {
  const descriptor = openForReading(directory, child);
  try {
    const size = statChild(directory, child)?.size;
    const content = fs.readFileSync(descriptor, 'utf8');
    if (size !== content.length) throw new Error('the size is that of another file');
    return content;
  } finally {
    fs.closeSync(descriptor);
  }
}

function belowFile(): string {
  const root = openRoot(directories[0] ?? '');
  const file = openForReading(root, name);
  try {
    fs.closeSync(openDirectory(file, 'anything'));
    return 'opened';
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? 'no code';
  } finally {
    fs.closeSync(file);
    fs.closeSync(root);
  }
}
