/**
 * One page on a server's socket, from its handshake to its close, without the network.
 *
 * Promises: nothing of the server is sent before a token allows it, or after that token has expired or was denied; a
 * page is asked in time for a new token, and may present it on the open socket; memory per page is bounded, and a page
 * that does not read is dropped.
 */
import type { Clock } from '../../../base/clock.ts';
import type { ServerId } from '../../../base/ids.ts';
import type { Timers } from '../../../base/timers.ts';
import type { SocketWire } from '../../socket-wire.ts';
import { FrameRates, type RateVerdict } from './frame-rates.ts';
import type { FlavourFacts } from '../flavours/contract.ts';
import type { TokenDenylist, UserPermissions } from '../tokens/denylist.ts';
import type { EventFrame } from './events.ts';
import { binaryOf, type Frame, type Message, readBinary, readText } from './frames.ts';
import type { CloseReason, GameState, Problem, Reaction, SocketMessages } from './messages.ts';
import { CONNECT, type PanelToken, permits } from '../tokens/panel-token.ts';
import { objectionTo, readToken } from '../tokens/rules.ts';

export interface SessionOptions {
  readonly wire: SocketWire;
  readonly server: ServerId;
  readonly facts: Pick<FlavourFacts, 'socket' | 'tokens' | 'frames'>;
  readonly key: () => Uint8Array;
  readonly denylist: Pick<TokenDenylist, 'startedAt' | 'isDenied'>;
  readonly game: GameState;
  readonly suspended: boolean;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly newErrorId: () => string;
}

export const CLOSE = {
  suspended: { code: 4409, text: 'server is suspended' },
  deleted: { code: 1001, text: 'server deleted' },
  denied: { code: 1008, text: 'permission revoked' },
  silent: { code: 1008, text: 'no token was presented' },
  flood: { code: 1008, text: 'too many frames' },
  tooMany: { code: 1013, text: 'too many sockets' },
} as const satisfies Record<string, CloseReason>;

/** How often the token's age and the connection are checked. */
const TICK_MS = 30_000;
const EXPIRES_SOON_SECONDS = 60;
/** With more bytes unsent, a page gets no progress; with more than the second, it is dropped. */
const BEHIND_BYTES = 64 * 1024;
const GONE_BYTES = 256 * 1024;

export class SocketSession {
  readonly server: ServerId;
  readonly #options: SessionOptions;
  readonly #messages: SocketMessages;
  readonly #rates: FrameRates;
  #token: PanelToken | undefined;
  #suspended: boolean;
  #alive = true;
  #ended = false;
  /** Frames go out as MessagePack: the page has asked for that. */
  #binary = false;
  #cancelTick: () => void = () => undefined;

  constructor(options: SessionOptions) {
    this.server = options.server;
    this.#options = options;
    this.#messages = options.facts.socket.messages;
    this.#rates = new FrameRates(options.facts.frames);
    this.#suspended = options.suspended;
  }

  begin(): void {
    if (this.#isShut()) return this.close(CLOSE.suspended);
    this.#tickLater();
  }

  /** @param data a text frame, or the bytes of a binary one. */
  receive(data: string | Uint8Array): void {
    if (typeof data !== 'string') this.#alive = true;
    if (this.#ended || !this.#passes(this.#rates.frame(this.#now()))) return;
    if (this.#isShut()) return this.close(CLOSE.suspended);
    const message = this.#messageIn(data);
    // Like in the panels' daemons, there is no answer to a frame that cannot be read.
    if (message === undefined) return;
    if (!this.#passes(this.#rates.event(message.event, this.#now()))) return;
    if (message.event === 'auth') return this.#authenticate(message.args.join(''));
    const problem = this.#problem();
    if (problem !== undefined) return this.#react(this.#messages.mayNotSend(problem));
    this.#answer(message);
  }

  /** A ping or pong: the page is alive. */
  noteAlive(): void {
    this.#alive = true;
    if (!this.#ended) this.#passes(this.#rates.frame(this.#now()));
  }

  notify(frames: readonly EventFrame[]): void {
    if (this.#ended || this.#token === undefined) return;
    const problem = this.#problem();
    if (problem !== undefined) {
      // Not for progress: it comes several times a second, and the page knows already.
      if (!frames.every(({ progress }) => progress)) this.#react(this.#messages.mayNotReceive(problem));
      return;
    }
    for (const { frame, permissions, progress } of frames) {
      if (!isAllowed(this.#token, permissions)) continue;
      if (progress && this.#options.wire.bufferedAmount > BEHIND_BYTES) continue;
      this.#send(frame);
    }
  }

  suspended(suspended: boolean): void {
    this.#suspended = suspended;
    if (this.#isShut()) this.close(CLOSE.suspended);
  }

  denied(): void {
    if (this.#token === undefined || !this.#options.denylist.isDenied(this.#token, this.server)) return;
    this.#react({ ...this.#messages.mayNotReceive('denied'), close: CLOSE.denied });
  }

  /** The panel has changed what this user may do on the server; counts until the next token. */
  permissionsChanged({ user, permissions }: UserPermissions): void {
    if (this.#token?.user?.toLowerCase() !== user) return;
    this.#token = { ...this.#token, permissions };
    if (!permits(this.#token, CONNECT)) this.close(CLOSE.denied);
  }

  deleted(): void {
    if (this.#problem() === undefined) this.#send(['deleted', 'null']);
    this.close(CLOSE.deleted);
  }

  /** True while the page has no valid token: it may be dropped for another one. */
  get idle(): boolean {
    return this.#problem() !== undefined;
  }

  close({ code, text }: CloseReason): void {
    if (this.#ended) return;
    this.end();
    this.#options.wire.close(code, text);
  }

  /** The socket is gone: nothing is sent any more, and no timer is left. */
  end(): void {
    this.#ended = true;
    this.#cancelTick();
  }

  #authenticate(text: string): void {
    const { key, facts, newErrorId } = this.#options;
    const token = readToken(text, key(), 'socket', facts.tokens);
    if (token === undefined) return this.#react(this.#messages.noToken(newErrorId()));
    const problem = this.#problemOf(token);
    const late = problem === 'other server' && !this.#messages.checksServerAtOnce;
    if (problem !== undefined && !late) return this.#react(this.#messages.refused(token, problem, newErrorId()));
    const first = this.#token === undefined;
    this.#token = token;
    this.#send(this.#messages.accepted(token));
    if (!first) return;
    if (problem !== undefined) return this.#react(this.#messages.mayNotReceive(problem));
    const { state, stats } = this.#options.game;
    this.#send(['status', state]);
    this.#send(['stats', stats]);
  }

  #messageIn(data: string | Uint8Array): Message | undefined {
    if (typeof data === 'string') return readText(data);
    return this.#options.facts.socket.messagePack ? readBinary(data) : undefined;
  }

  #answer(message: Message): void {
    const { event, args } = message;
    if (event === 'configure socket') return this.#configure(args);
    const replies = this.#messages.replies(message, this.#options.game);
    if (replies !== undefined) {
      for (const frame of replies) this.#send(frame);
      return;
    }
    const needs =
      event === 'set state' ? POWER.get(args.join('')) : event === 'send command' ? 'control.console' : undefined;
    // Requests without permission are ignored silently, like in the panels' daemons.
    if (needs === undefined || this.#token === undefined || !permits(this.#token, needs)) return;
    this.#react(this.#messages.notServed(this.#options.newErrorId()));
  }

  #configure([name, value]: readonly string[]): void {
    if (this.#options.facts.socket.messagePack && name === 'transmission mode') this.#binary = value === 'binary';
  }

  #problem(): Problem | undefined {
    return this.#token === undefined ? 'no token' : this.#problemOf(this.#token);
  }

  #problemOf(token: PanelToken): Problem | undefined {
    const { clock, denylist, facts } = this.#options;
    const objection = objectionTo(token, this.server, clock.now(), denylist, facts.tokens);
    return objection ?? (token.server === this.server ? undefined : 'other server');
  }

  #passes(verdict: RateVerdict): boolean {
    if (verdict.kind === 'throttled') this.#send(['throttled', verdict.what]);
    if (verdict.kind === 'flood') this.close(CLOSE.flood);
    return verdict.kind === 'pass';
  }

  #react({ frames, close }: Reaction): void {
    for (const frame of frames) this.#send(frame);
    if (close !== undefined) this.close(close);
  }

  #send(frame: Frame): void {
    const { wire } = this.#options;
    if (this.#ended) return;
    if (wire.bufferedAmount <= GONE_BYTES) {
      return wire.send(this.#binary ? binaryOf(frame) : this.#messages.encode(frame));
    }
    this.end();
    wire.terminate();
  }

  #tickLater(): void {
    this.#cancelTick = this.#options.timers.after(TICK_MS, () => this.#tick());
  }

  #tick(): void {
    const { wire, clock } = this.#options;
    if (this.#token === undefined) return this.close(CLOSE.silent);
    if (!this.#alive) {
      this.end();
      return wire.terminate();
    }
    this.#alive = false;
    wire.ping();
    const left = (this.#token.expiresAt ?? 0) - Math.floor(clock.now() / 1000);
    if (left <= 0) this.#react(this.#messages.expired());
    else if (left <= EXPIRES_SOON_SECONDS) this.#expiresSoon();
    if (!this.#ended) this.#tickLater();
  }

  #expiresSoon(): void {
    const problem = this.#problem();
    if (problem === undefined) this.#send(['token expiring']);
    else this.#react(this.#messages.mayNotReceive(problem));
  }

  #isShut(): boolean {
    return this.#suspended && this.#options.facts.socket.closesSuspended === true;
  }

  #now(): number {
    return this.#options.clock.monotonic();
  }
}

/** One of these permissions is enough; none is asked for when absent. */
function isAllowed(token: PanelToken, anyOf: readonly string[] | undefined): boolean {
  return anyOf === undefined || anyOf.some((permission) => permits(token, permission));
}

const POWER: ReadonlyMap<string, string> = new Map([
  ['start', 'control.start'],
  ['stop', 'control.stop'],
  ['kill', 'control.stop'],
  ['restart', 'control.restart'],
]);
