/**
 * A byte source as seen from another thread. Descriptors of local files work in every thread; any other source stays in its
 * thread, and its bytes are requested by message.
 */
import type { MessagePort, Worker } from 'node:worker_threads';
import { asFailure, Failure, type FailureRecord } from '../../base/failure.ts';
import { type ByteSource, readInto } from '../../base/source.ts';
import type { OpenFileParts } from '../../base/file-parts.ts';
import { partsSource } from '../../base/files/part-reads.ts';
import { fileSource } from '../../base/files/file-source.ts';

/** The facts of a source that a thread receives. */
export interface SourceHandle {
  readonly size: number;
  readonly descriptor?: number;
  readonly parts?: OpenFileParts;
}

const NOTHING = new Uint8Array();

/** What the two sides call a source; a number tells the sources of several archives apart. */
export type SourceName = `${'archive' | 'index'}${'' | number}`;

export interface ReadRequest {
  readonly type: 'read';
  readonly id: number;
  readonly source: SourceName;
  readonly offset: number;
  readonly length: number;
  /** Shared memory to fill; the answer then carries no bytes. */
  readonly into?: Uint8Array;
}

export type ReadAnswer =
  | { readonly type: 'bytes'; readonly id: number; readonly bytes: Uint8Array }
  | { readonly type: 'bytes'; readonly id: number; readonly failure: FailureRecord };

export function handleOf(source: ByteSource): SourceHandle {
  return { size: source.size, descriptor: source.descriptor, parts: source.parts };
}

/** The thread's side. Closing it leaves the original source open, which its owner closes. */
export class SourcePort {
  readonly #port: MessagePort;
  readonly #waiting = new Map<number, (answer: ReadAnswer) => void>();
  #nextId = 0;
  #isStopped = false;

  constructor(port: MessagePort) {
    this.#port = port;
  }

  /** Handles a message from the owner's side; false when it is no answer to a read. */
  receive(message: { readonly type: string }): boolean {
    if (message.type !== 'bytes') return false;
    const answer = message as ReadAnswer;
    this.#waiting.get(answer.id)?.(answer);
    this.#waiting.delete(answer.id);
    return true;
  }

  /** Fails pending reads, and later ones: the owner's side replies no more. */
  stop(): void {
    this.#isStopped = true;
    const failure = stopped().toJSON();
    for (const [id, answer] of this.#waiting) answer({ type: 'bytes', id, failure });
    this.#waiting.clear();
  }

  source(name: SourceName, handle: SourceHandle): ByteSource {
    const { size, descriptor, parts } = handle;
    const close = (): Promise<void> => Promise.resolve();
    if (descriptor !== undefined) return { ...fileSource(descriptor, size), close };
    if (parts !== undefined) return partsSource(parts);
    return {
      size,
      close,
      read: (offset, length) => this.#ask({ source: name, offset, length }),
      readInto: async (offset, into) => {
        const { byteLength: length, buffer } = into;
        if (buffer instanceof SharedArrayBuffer) await this.#ask({ source: name, offset, length, into });
        // Memory that is not shared would be filled only on the other side.
        else into.set(await this.#ask({ source: name, offset, length }));
      },
    };
  }

  async #ask(request: Omit<ReadRequest, 'type' | 'id'>): Promise<Uint8Array> {
    if (this.#isStopped) throw stopped();
    const id = this.#nextId++;
    const answer = await new Promise<ReadAnswer>((resolve) => {
      this.#waiting.set(id, resolve);
      this.#port.postMessage({ type: 'read', id, ...request } satisfies ReadRequest);
    });
    if ('failure' in answer) throw Failure.revive(answer.failure);
    return answer.bytes;
  }
}

/** What is asked of an owner that replies no more. */
export function stopped(): Failure {
  return new Failure('cancelled', 'Cannot go on: the operation was stopped');
}

/** The owner's side: answers a read. */
export async function answerRead(
  worker: Pick<Worker, 'postMessage'>,
  source: ByteSource | undefined,
  request: ReadRequest,
): Promise<void> {
  const { id, offset, length, into } = request;
  try {
    if (source === undefined) throw new Failure('internal', 'Cannot read: there is no such source');
    const bytes = into === undefined ? await source.read(offset, length) : NOTHING;
    if (into !== undefined) await readInto(source, offset, into);
    const { buffer } = bytes;
    // Transfer where allowed: copying on both sides would leave garbage of twice the archive's size.
    const moved = source.givesAway === true && into === undefined && buffer instanceof ArrayBuffer ? [buffer] : [];
    worker.postMessage({ type: 'bytes', id, bytes } satisfies ReadAnswer, moved);
  } catch (error) {
    const failure = asFailure(error, 'Cannot read the archive').toJSON();
    worker.postMessage({ type: 'bytes', id, failure } satisfies ReadAnswer);
  }
}
