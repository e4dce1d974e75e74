/**
 * Where log lines go: a pipe, socket or terminal whose reader may stall, or a file. Writing never waits for a reader:
 * what it does not take is kept in a bounded buffer, what finds no place there is dropped and counted. Only `flush` waits,
 * for a bounded time.
 */
import { closeSync, constants, fstatSync, openSync, writeSync } from 'node:fs';
import { attempt, errnoOf } from '../failure.ts';
import { findCFunction } from '../c-library.ts';

/** Writes what can be written now; -1 when nothing can. Throws when nothing ever can again. */
export type WriteNow = (bytes: Uint8Array) => number;

export interface NonBlockingWriter {
  readonly write: WriteNow;
  /** Closes what it opened; the descriptor that it was made for stays open. */
  readonly close: () => void;
}

export interface LogOutputOptions {
  /** Called with the count of dropped lines once lines are taken again. */
  readonly onDropped: (lines: number) => void;
  /** Bytes of lines that wait; for tests. */
  readonly most?: number;
  readonly retryMs?: number;
}

const MOST = 1024 * 1024;
const RETRY_MS = 50;
/** POSIX: a pipe that poll(2) calls writable takes as many bytes at once. */
const PIPE_BUF = 4096;

export class LogOutput {
  readonly #write: WriteNow;
  readonly #options: LogOutputOptions;
  readonly #waiting: Buffer[] = [];
  #bytes = 0;
  #dropped = 0;
  #timer: NodeJS.Timeout | undefined;
  #broken = false;

  constructor(write: WriteNow, options: LogOutputOptions) {
    this.#write = write;
    this.#options = options;
  }

  /** Lines that were dropped and not counted in the log yet. */
  get dropped(): number {
    return this.#dropped;
  }

  /** @param line ends in a newline. */
  write(line: string): void {
    if (this.#broken) return;
    const bytes = Buffer.from(line, 'utf8');
    if (this.#bytes + bytes.length > (this.#options.most ?? MOST)) {
      this.#dropped++;
      return;
    }
    this.#waiting.push(bytes);
    this.#bytes += bytes.length;
    if (this.#timer === undefined) this.#drain();
  }

  /** Takes no further lines. */
  end(): void {
    clearTimeout(this.#timer);
    this.#broken = true;
  }

  /** Writes what waits, waiting up to so many milliseconds for the reader. For the last lines of a process. */
  flush(milliseconds: number): void {
    const until = performance.now() + milliseconds;
    this.#drain();
    while (this.#bytes > 0 && !this.#broken && performance.now() < until) {
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
      this.#drain();
    }
  }

  #drain(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    try {
      while (this.#waiting[0] !== undefined) {
        const [first] = this.#waiting;
        const written = this.#write(first);
        if (written < 0) return this.#retryLater();
        this.#bytes -= written;
        if (written < first.length) this.#waiting[0] = first.subarray(written);
        else this.#waiting.shift();
      }
    } catch {
      // The reader is gone for good, and there is no other place to say so.
      this.#broken = true;
      this.#waiting.length = 0;
      this.#bytes = 0;
      return;
    }
    const dropped = this.#dropped;
    this.#dropped = 0;
    if (dropped > 0) this.#options.onDropped(dropped);
  }

  #retryLater(): void {
    this.#timer = setTimeout(() => this.#drain(), this.#options.retryMs ?? RETRY_MS);
    // A process that has nothing else to do ends; its last lines are flushed then.
    this.#timer.unref();
  }
}

/**
 * A writer to a descriptor that never blocks. The descriptor's own flags stay as they are, because they are shared with
 * other processes: pipes and terminals are opened once more, sockets are sent to with MSG_DONTWAIT (send(2)). A pipe of
 * another user cannot be opened: poll(2) says then whether it takes a piece. Files never stall.
 */
export function nonBlockingWriter(fd: number): NonBlockingWriter {
  const close = (): void => undefined;
  const stats = attempt(() => fstatSync(fd));
  if (stats?.isSocket() === true) return { write: socketWriter(fd) ?? polledWriter(fd), close };
  if (stats?.isFIFO() !== true && stats?.isCharacterDevice() !== true) {
    return { write: (bytes) => unlessFull(() => writeSync(fd, bytes)), close };
  }
  const flags = constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY;
  const own = attempt(() => openSync(`/proc/self/fd/${fd}`, flags));
  if (own === undefined) return { write: polledWriter(fd), close };
  return { write: (bytes) => unlessFull(() => writeSync(own, bytes)), close: () => closeSync(own) };
}

/** A full disk is tried again as a full pipe is; only a reader that is gone never comes back. */
function unlessFull(write: () => number): number {
  try {
    return write();
  } catch (error) {
    if (['EPIPE', 'EBADF'].includes(errnoOf(error) ?? '')) throw error;
    return -1;
  }
}

const POLLOUT = 4;
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;

function socketWriter(fd: number): WriteNow | undefined {
  const send = findCFunction('ssize_t send(int fd, const uint8_t *bytes, size_t length, int flags)');
  const canWrite = pollFor(fd);
  if (send === undefined || canWrite === undefined) return undefined;
  return (bytes) => {
    const sent = Number(send(fd, bytes, bytes.length, MSG_DONTWAIT | MSG_NOSIGNAL));
    if (sent >= 0) return sent;
    // Errno is not kept over the call: a socket that takes nothing is not writable, a broken one is.
    if (canWrite()) throw new Error('the socket is broken');
    return -1;
  };
}

function polledWriter(fd: number): WriteNow {
  const canWrite = pollFor(fd) ?? (() => true);
  return (bytes) => (canWrite() ? unlessFull(() => writeSync(fd, bytes.subarray(0, PIPE_BUF))) : -1);
}

/** True when a write would not wait, or would fail. */
function pollFor(fd: number): (() => boolean) | undefined {
  const poll = findCFunction('int poll(uint8_t *fds, size_t count, int timeout)');
  if (poll === undefined) return undefined;
  const asked = Buffer.alloc(8);
  return () => {
    asked.writeInt32LE(fd, 0);
    asked.writeInt16LE(POLLOUT, 4);
    asked.writeInt16LE(0, 6);
    return Number(poll(asked, 1, 0)) > 0;
  };
}
