/**
 * Passes one request to the other server, and its answer back.
 *
 * Promises: nothing is buffered beyond what the streams hold, nothing is decoded, and each side waits for the other; an
 * answer is passed as soon as it comes, also in the middle of a body; when an answer breaks off, so does the client's
 * connection; when the client disconnects, the request to the other server is ended at once. Never: sends a change twice.
 * Only GET and HEAD without a body are tried once more, when the connection ended before the first byte of an answer.
 */
import type { ClientRequest, IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Timers } from '../base/timers.ts';
import { bufferPassed } from '../base/young-buffers.ts';
import type { Traffic } from './traffic.ts';
import { answerHeaders, type ClientFacts, requestHeaders } from './headers.ts';
import { drain } from './refuse.ts';
import { watchStall } from './stall.ts';
import type { Upstream } from './upstream.ts';

/** `away`: no connection could be made; `lost`: it ended before an answer; `unreadable`: what came is no answer. */
export type PassFault = 'away' | 'lost' | 'unreadable';

export interface Passing {
  readonly incoming: IncomingMessage;
  readonly outgoing: ServerResponse;
  readonly client: ClientFacts;
  /** Path and query as they are sent. */
  readonly target: string;
  /** The whole body where it was read already; otherwise it is streamed. */
  readonly body?: Buffer | undefined;
  /** The client waits for `100 Continue` before it sends the body. */
  readonly expectsContinue?: boolean;
  /** Called with the status of the answer; it is passed on once this has resolved, which it must. */
  readonly onAnswer?: ((status: number) => Promise<void>) | undefined;
  /** Called to answer the client when the other server gave no answer; never after an answer has begun. */
  readonly failed: (fault: PassFault) => void;
}

export interface PassDeps {
  readonly upstream: Upstream;
  readonly timers: Timers;
  readonly traffic: Traffic;
}

/** A transfer without any progress for this long is ended. */
const STALLED_MS = 30 * 60_000;

export function pass(passing: Passing, deps: PassDeps): void {
  new Pass(passing, deps).begin();
}

class Pass {
  readonly #passing: Passing;
  readonly #deps: PassDeps;
  readonly #length: number | 'chunked' | undefined;
  readonly #mayRepeat: boolean;
  #tries = 0;
  #up: ClientRequest | undefined;
  /** The client has its answer, or is gone. */
  #over = false;
  #answered = false;

  constructor(passing: Passing, deps: PassDeps) {
    this.#passing = passing;
    this.#deps = deps;
    const { incoming, body } = passing;
    this.#length = body?.length ?? lengthOf(incoming);
    const { method } = incoming;
    this.#mayRepeat = (method === 'GET' || method === 'HEAD') && this.#length === undefined;
  }

  begin(): void {
    const { incoming, outgoing, body } = this.#passing;
    const { traffic, timers } = this.#deps;
    const { socket } = incoming;
    const [read, written] = [socket.bytesRead, socket.bytesWritten];
    const left = traffic.enter();
    const endWatch = watchStall(
      timers,
      STALLED_MS,
      {
        moved: () => socket.bytesRead + socket.bytesWritten,
        waits: () => (incoming.complete || body !== undefined) && !outgoing.headersSent,
      },
      () => this.#breakOff(),
    );
    incoming.on('error', () => undefined);
    outgoing.on('error', () => undefined);
    outgoing.once('close', () => {
      endWatch();
      left({ up: socket.bytesRead - read, down: socket.bytesWritten - written });
      this.#over = true;
      // A finished answer leaves the connection to the pool.
      if (!outgoing.writableFinished) this.#up?.destroy();
    });
    this.#send();
  }

  #send(): void {
    const { incoming, client, target, body, expectsContinue = false } = this.#passing;
    const { upstream } = this.#deps;
    const { rawHeaders, method = 'GET' } = incoming;
    this.#tries++;
    const headers = requestHeaders({ rawHeaders, client, length: this.#length, host: upstream.authority });
    const up = upstream.begin({ method, target, headers, kept: this.#mayRepeat && this.#tries === 1 });
    this.#up = up;
    up.on('response', (answer) => void this.#answer(answer, up));
    up.on('error', (error) => this.#failed(error, up));
    up.on('upgrade', (_, socket) => this.#unreadable(socket));
    up.on('information', ({ statusCode }) => void (statusCode !== 100 && this.#unreadable(up)));
    if (expectsContinue) whenConnected(up, () => void (this.#over || this.#passing.outgoing.writeContinue()));
    if (body !== undefined || this.#length === undefined) up.end(body);
    else this.#stream(incoming, up);
  }

  async #answer(answer: IncomingMessage, up: ClientRequest): Promise<void> {
    const { incoming, outgoing, onAnswer } = this.#passing;
    // Its end is an error of the answer, which the client gets to see as a broken connection.
    answer.on('error', () => this.#breakOff());
    this.#answered = true;
    const status = answer.statusCode ?? 0;
    if (onAnswer !== undefined) await onAnswer(status);
    if (this.#over) return void up.destroy();
    try {
      outgoing.sendDate = false;
      outgoing.writeHead(status, answer.statusMessage, answerHeaders(answer.rawHeaders));
    } catch {
      return this.#unreadable(up);
    }
    this.#deps.traffic.answered(status);
    if (!incoming.complete && this.#length !== undefined && this.#passing.body === undefined) this.#dropRest(up);
    outgoing.flushHeaders();
    this.#stream(answer, outgoing);
  }

  #stream(from: IncomingMessage, to: ClientRequest | ServerResponse): void {
    from.pipe(to);
    from.on('data', countBuffer);
  }

  /** The other server answers before it has read the body, so it does not read on. */
  #dropRest(up: ClientRequest): void {
    const { incoming } = this.#passing;
    incoming.unpipe(up);
    drain(incoming, this.#deps.timers);
  }

  #failed(error: NodeJS.ErrnoException, up: ClientRequest): void {
    const { incoming } = this.#passing;
    if (this.#over) return;
    // The answer has begun: this is an error of writing the body, and an answer that breaks off reports its own.
    if (this.#answered) return;
    if (this.#mayRepeat && this.#tries === 1 && !isUnreadable(error)) return this.#send();
    incoming.unpipe(up);
    this.#over = true;
    this.#passing.failed(isUnreadable(error) ? 'unreadable' : isAway(error) ? 'away' : 'lost');
  }

  #unreadable(what: { destroy(): unknown }): void {
    what.destroy();
    if (this.#over) return;
    if (this.#passing.outgoing.headersSent) return this.#breakOff();
    this.#over = true;
    if (this.#up !== undefined) this.#passing.incoming.unpipe(this.#up);
    this.#passing.failed('unreadable');
  }

  /** So that a client without a length (HTTP/1.0) does not take a part for the whole, the connection is reset. */
  #breakOff(): void {
    const { outgoing } = this.#passing;
    this.#up?.destroy();
    const { socket } = outgoing;
    if (outgoing.writableFinished) return;
    if (socket !== null && !('encrypted' in socket)) socket.resetAndDestroy();
    outgoing.destroy();
  }
}

function countBuffer({ length }: Buffer): void {
  bufferPassed(length);
}

/** The bytes of a body as the parser has framed it; undefined for none. */
function lengthOf({ headers, method }: IncomingMessage): number | 'chunked' | undefined {
  if (headers['transfer-encoding'] !== undefined) return 'chunked';
  if (headers['content-length'] !== undefined) return Number(headers['content-length']);
  return method === 'POST' || method === 'PUT' || method === 'PATCH' ? 0 : undefined;
}

function whenConnected(up: ClientRequest, run: () => void): void {
  up.once('socket', (socket: Socket) => {
    if (socket.connecting) socket.once('connect', run);
    else run();
  });
}

const AWAY: ReadonlySet<string | undefined> = new Set([
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ETIMEDOUT',
  'EADDRNOTAVAIL',
  'EMFILE',
  'ENOENT',
]);

function isAway(error: NodeJS.ErrnoException): boolean {
  return AWAY.has(error.code) || error.syscall === 'connect';
}

function isUnreadable({ code }: NodeJS.ErrnoException): boolean {
  return code?.startsWith('HPE_') === true;
}
