/**
 * Roost in front of a running Wings: serves some requests itself and passes the others on.
 *
 * For: the front's listener, which has checked the heads. Promises: each request is decided once, on its decoded path
 * (`decide.ts`); passed requests are streamed both ways; Roost acts on a passed request only when it bears the node's
 * token. Never: answers for Wings while Wings can be reached, except with refusals that protect Wings or a restore.
 */
import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Log } from '../../../base/log/log.ts';
import { type ClientFacts, type PassFault, type Relay, type RequestHead, responseOn } from '../../../relay/relay.ts';
import type { FlavourFacts } from '../flavours/contract.ts';
import type { NodeCredentials } from '../tokens/node-credentials.ts';
import { type AnswerDeps, FAULTS, type FrontAnswer, FrontAnswers } from './answers.ts';
import { asksOfBackup, type BrowseLook, looksIntoBackup } from './browse.ts';
import { decide, servesPath } from './decide.ts';
import { checkLock, type LentToWings, type LockDeps } from './lock.ts';
import type { Consequence } from './requests.ts';
import { watch, type WatchedDeps } from './watched.ts';

export interface FrontRequest {
  readonly head: RequestHead;
  readonly incoming: IncomingMessage;
  readonly outgoing: ServerResponse;
  readonly client: ClientFacts;
  /** The client waits for `100 Continue` before it sends its body. */
  readonly expectsContinue: boolean;
  /** Has the dialect's own routes answer. */
  readonly serve: () => void;
}

export interface FrontUpgrade {
  readonly head: RequestHead;
  readonly incoming: IncomingMessage;
  readonly socket: Duplex;
  /** What came behind the head. */
  readonly first: Buffer;
  readonly client: ClientFacts;
}

export interface FrontDeps
  extends Omit<WatchedDeps, 'credentials' | 'service' | 'lent'>, Omit<AnswerDeps, 'newRequestId' | 'credentials'> {
  readonly facts: FlavourFacts;
  readonly credentials: Pick<NodeCredentials, 'matches' | 'tokenId' | 'key'>;
  readonly service: WatchedDeps['service'] & LockDeps['service'] & BrowseLook['service'];
  readonly lent: LentToWings;
  readonly relay: Relay;
  /** Opens the socket of a server's page. */
  readonly openPage: (upgrade: FrontUpgrade, server: string, refuse: (answer: FrontAnswer) => void) => void;
  readonly newRequestId?: () => string;
}

export class Front {
  readonly #deps: FrontDeps;
  readonly #answers: FrontAnswers;
  readonly #log: Log;

  constructor(deps: FrontDeps) {
    this.#deps = deps;
    this.#log = deps.log;
    this.#answers = new FrontAnswers({ newRequestId: randomUUID, ...deps });
  }

  /** Answers a request. Never throws; the answer may come much later. */
  request(request: FrontRequest): void {
    const { head, incoming, outgoing, serve } = request;
    const decision = decide(head, this.#deps.facts.routes);
    if (decision.how !== 'pass' && this.#isAmbiguous(head)) return this.#refuse(request, AMBIGUOUS);
    if (decision.how === 'serve') return serve();
    if (head.method === 'OPTIONS' && servesPath(head, this.#deps.facts.routes)) {
      return this.#answers.allow(incoming, outgoing);
    }
    if (decision.how === 'browse')
      return void this.#serveIf(request, looksIntoBackup({ ...request, ...decision }, this.#deps));
    if (decision.how === 'ask')
      return void this.#serveIf(request, asksOfBackup({ ...request, ...decision }, this.#deps));
    if (decision.how === 'lock') {
      const { what, server } = decision;
      return void this.#follow(request, checkLock({ ...request, what, server }, this.#deps));
    }
    if (decision.how !== 'watch' || decision.what === 'socket') return this.#pass(request);
    const { what, server } = decision;
    void this.#follow(request, watch({ ...request, what, server }, this.#deps));
  }

  /** Whether a request for an upgrade is one to a socket. */
  wantsSocket(head: RequestHead): boolean {
    return head.method === 'GET' && decide(head, this.#deps.facts.routes).how !== 'serve';
  }

  /** Opens a socket, or refuses that. */
  upgrade(upgrade: FrontUpgrade): void {
    const { head, incoming, socket } = upgrade;
    const decision = decide(head, this.#deps.facts.routes);
    const refuse = (answer: FrontAnswer): void => {
      this.#deps.relay.traffic.unanswered();
      this.#answers.refuse(incoming, responseOn(incoming, socket, this.#deps.timers), answer);
    };
    if (decision.how === 'watch' && decision.what === 'socket' && decision.server !== undefined) {
      if (this.#isAmbiguous(head)) return refuse(AMBIGUOUS);
      return this.#deps.openPage(upgrade, decision.server, refuse);
    }
    const { client, first } = upgrade;
    const failed = (fault: PassFault): void => refuse(FAULTS[fault]);
    this.#deps.relay.tunnel({ incoming, socket, first, client, target: head.target, failed });
  }

  /** Refuses in the dialect's words: for heads that cannot be read. */
  refuse(incoming: IncomingMessage, outgoing: ServerResponse, answer: FrontAnswer): void {
    this.#answers.refuse(incoming, outgoing, answer);
  }

  /** A router that matches the path as it comes sees another route than was decided. */
  #isAmbiguous({ encoded }: RequestHead): boolean {
    return encoded && this.#deps.facts.routes.matchesRawPath === true;
  }

  async #serveIf(request: FrontRequest, isHere: Promise<boolean>): Promise<void> {
    if (await isHere) request.serve();
    else this.#pass(request);
  }

  async #follow(request: FrontRequest, looked: Promise<Consequence | FrontAnswer | undefined>): Promise<void> {
    try {
      const consequence = await looked;
      if (consequence === undefined) return;
      if ('status' in consequence) return this.#refuse(request, consequence);
      this.#pass(request, consequence);
    } catch (error) {
      this.#log.error('A request could not be passed on', { error });
      this.#refuse(request, {
        status: 500,
        error: 'An unexpected error was encountered while processing this request',
      });
    }
  }

  #pass(request: FrontRequest, { body, onAnswer }: Consequence = {}): void {
    const { head, incoming, outgoing, client, expectsContinue } = request;
    const began = performance.now();
    outgoing.once('close', () => {
      const [path = ''] = head.target.split('?', 1);
      const milliseconds = Math.round(performance.now() - began);
      const facts = { method: head.method, path, status: outgoing.statusCode, address: client.address, milliseconds };
      this.#log.debug('Passed to Wings', facts);
    });
    this.#deps.relay.pass({
      incoming,
      outgoing,
      client,
      target: head.target,
      body,
      expectsContinue: expectsContinue && body === undefined,
      onAnswer,
      failed: (fault) => this.#failed(request, fault),
    });
  }

  #failed({ head, incoming, outgoing, client }: FrontRequest, fault: PassFault): void {
    this.#deps.relay.traffic.unanswered();
    const [path = ''] = head.target.split('?', 1);
    this.#log.debug('Wings did not answer', { method: head.method, path, fault, address: client.address });
    if (fault === 'away' && head.method === 'OPTIONS') return this.#answers.allow(incoming, outgoing);
    this.#answers.refuse(incoming, outgoing, FAULTS[fault]);
  }

  #refuse({ incoming, outgoing }: FrontRequest, answer: FrontAnswer): void {
    this.#answers.refuse(incoming, outgoing, answer);
  }
}

const AMBIGUOUS: FrontAnswer = {
  status: 400,
  error: 'Cannot read the request: its path is encoded where it need not be',
};
