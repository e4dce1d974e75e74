/** The pieces are timed in a thread, as they run in production: with a working directory of its own. */
import { parentPort, workerData } from 'node:worker_threads';
import { ownDirectory } from '../src/base/files/thread-cwd.ts';
import { measurePieces, type Piece } from './micro.ts';

export interface MicroData {
  /** An empty directory. */
  readonly scratch: string;
  readonly wanted: readonly string[];
}

/** A piece that is about to be timed, or all that were. */
export type MicroEvent = { readonly about: string } | { readonly pieces: readonly Piece[] };

const { scratch, wanted } = workerData as MicroData;
const send = (event: MicroEvent): void => parentPort?.postMessage(event);
ownDirectory();
send({ pieces: measurePieces(scratch, wanted, (about) => send({ about })) });
