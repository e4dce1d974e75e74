/**
 * The front's own answers where Wings' cannot be had: in the error shape of the panel's daemon, with the headers
 * without which a page may not read them.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Timers } from '../../../base/timers.ts';
import { answerOwn, type PassFault, valueOf } from '../../../relay/relay.ts';
import { MESSAGE_PACK, toMessagePack, wantsMessagePack } from '../requests/message-pack.ts';
import { type HeaderOptions, panelHeaders } from '../requests/response-headers.ts';

export interface FrontAnswer {
  readonly status: number;
  readonly error: string;
  readonly headers?: readonly string[];
}

export interface AnswerDeps extends HeaderOptions {
  readonly timers: Timers;
}

/**
 * 503 for a Wings that is away, never 502: both panels say then that the server must be online, and panels show the
 * text of neither.
 */
export const FAULTS: Readonly<Record<PassFault, FrontAnswer>> = {
  away: {
    status: 503,
    error: 'Wings does not answer on this node; backups go on.',
    headers: ['Retry-After', '5'],
  },
  lost: {
    status: 503,
    error: 'Wings ended the connection before it answered; whether it did what was asked is not known.',
  },
  unreadable: { status: 502, error: 'The answer of Wings cannot be read.' },
};

export class FrontAnswers {
  readonly #deps: AnswerDeps;

  constructor(deps: AnswerDeps) {
    this.#deps = deps;
  }

  refuse(incoming: IncomingMessage, outgoing: ServerResponse, { status, error, headers = [] }: FrontAnswer): void {
    const requestId = this.#deps.newRequestId();
    const named = this.#deps.facts.answers.namesRequests ? { error, request_id: requestId } : { error };
    const packed = this.#deps.facts.routes.messagePack === true && wantsMessagePack(incoming.headers.accept);
    const own = ['Content-Type', packed ? MESSAGE_PACK : 'application/json; charset=utf-8'];
    const all = [...own, 'X-Request-Id', requestId, ...headers, ...this.#panelHeaders(incoming)];
    const body = packed ? Buffer.from(toMessagePack(named)) : JSON.stringify(named);
    answerOwn(incoming, outgoing, { status, headers: all, body }, this.#deps.timers);
  }

  /** A preflight. */
  allow(incoming: IncomingMessage, outgoing: ServerResponse): void {
    const headers = ['X-Request-Id', this.#deps.newRequestId(), ...this.#panelHeaders(incoming)];
    outgoing.writeHead(204, headers).end();
  }

  #panelHeaders({ rawHeaders, url = '/' }: IncomingMessage): string[] {
    const [path = '/'] = url.split('?', 1);
    return Object.entries(panelHeaders(path, valueOf(rawHeaders, 'origin'), this.#deps)).flat();
  }
}
