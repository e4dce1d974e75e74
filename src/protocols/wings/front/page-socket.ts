/**
 * One page's socket before Wings: frames pass both ways, verbatim and in order, and Roost's own events come between.
 *
 * Promises: nothing of Roost is sent before Wings has taken the page's token and Roost itself reads it as valid for this
 * server, nor after it expired or was denied; each side waits for the other; a page that takes nothing is closed; a
 * page never learns of the end of Wings or Roost by a code after which it would not come back. Never: changes, drops or
 * delays a frame of either side, but for what a page sends while its server is being restored.
 */
import { randomUUID } from 'node:crypto';
import type { WebSocket } from 'ws';
import type { Clock } from '../../../base/clock.ts';
import type { ServerId } from '../../../base/ids.ts';
import type { Timers } from '../../../base/timers.ts';
import type { FlavourFacts } from '../flavours/contract.ts';
import type { EventFrame } from '../socket/events.ts';
import { binaryOf, type Frame } from '../socket/frames.ts';
import type { CloseReason } from '../socket/messages.ts';
import type { RegisteredPage } from '../socket/registry.ts';
import type { TokenDenylist, UserPermissions } from '../tokens/denylist.ts';
import { type PanelToken, permits } from '../tokens/panel-token.ts';
import { objectionTo, readToken } from '../tokens/rules.ts';
import { UNDER_RESTORE } from './lock.ts';
import { readFromPage, readFromWings, whileRestoring } from './page-frames.ts';

export interface PageSocketOptions {
  readonly server: ServerId;
  readonly page: WebSocket;
  readonly wings: WebSocket;
  readonly facts: Pick<FlavourFacts, 'socket' | 'tokens'>;
  readonly key: () => Uint8Array;
  readonly denylist: Pick<TokenDenylist, 'isDenied'>;
  readonly clock: Clock;
  readonly timers: Timers;
  /** True while the server is being restored: what would start its game is not passed. */
  readonly isLocked: () => boolean;
}

/** RFC 6455 7.4.2: the service restarts. Pterodactyl's page does not connect again after 1000, 1001 and 1005. */
export const RESTARTS: CloseReason = { code: 1012, text: 'the connection to Wings ended' };

/** With so much unsent to one side, the other is not read. */
const BEHIND_BYTES = 256 * 1024;
const GONE_BYTES = 4 * 1024 * 1024;
/** A page that has taken nothing for so long is closed. */
const STUCK_MS = 60_000;
const PING_EVERY_MS = 30_000;

export class PageSocket implements RegisteredPage {
  readonly server: ServerId;
  readonly #options: PageSocketOptions;
  /** The last token that the page has presented. */
  #presented = '';
  /** The one that Wings has taken. */
  #token: PanelToken | undefined;
  #binary = false;
  #told = false;
  #alive = true;
  #ended = false;
  #cancelPing: () => void = () => undefined;
  #cancelStuck: () => void = () => undefined;

  constructor(options: PageSocketOptions) {
    this.server = options.server;
    this.#options = options;
  }

  /** @param first frames that Wings has sent already. */
  begin(first: readonly (readonly [Buffer, boolean])[]): void {
    const { page, wings } = this.#options;
    for (const [data, binary] of first) this.#fromWings(data, binary);
    page.on('message', (data: Buffer, binary) => this.#fromPage(data, binary));
    wings.on('message', (data: Buffer, binary) => this.#fromWings(data, binary));
    page.on('pong', () => (this.#alive = true));
    page.on('close', (code, reason) => this.#closed(wings, code, reason, undefined));
    wings.on('close', (code, reason) => this.#closed(page, code, reason, RESTARTS));
    this.#pingLater();
  }

  get idle(): boolean {
    return !this.#hears();
  }

  notify(frames: readonly EventFrame[]): void {
    if (this.#token === undefined || !this.#hears()) return;
    for (const { frame, permissions, progress } of frames) {
      if (permissions !== undefined && !permissions.some((name) => this.#token && permits(this.#token, name))) continue;
      if (progress && this.#options.page.bufferedAmount > BEHIND_BYTES / 4) continue;
      this.#tell(frame);
    }
  }

  /** Wings closes what it must; what Roost says ends with the token. */
  suspended(): void {
    return;
  }

  denied(): void {
    if (this.#token !== undefined && this.#options.denylist.isDenied(this.#token, this.server)) this.#token = undefined;
  }

  permissionsChanged({ user, permissions }: UserPermissions): void {
    if (this.#token?.user?.toLowerCase() === user) this.#token = { ...this.#token, permissions };
  }

  deleted(): void {
    this.#token = undefined;
  }

  close({ code, text }: CloseReason): void {
    if (this.#ended) return;
    this.#end();
    this.#options.page.close(code, text);
    this.#options.wings.close();
  }

  #fromPage(data: Buffer, binary: boolean): void {
    const { page, wings } = this.#options;
    const message = readFromPage(data, binary);
    if (message?.event === 'auth') this.#presented = message.args.join('');
    if (message?.event === 'configure socket' && message.args[0] === 'transmission mode') {
      this.#binary = this.#options.facts.socket.messagePack === true && message.args[1] === 'binary';
    }
    if (!this.#options.isLocked()) return passFrame(wings, data, binary, page);
    const allowed = whileRestoring(data, binary);
    if (allowed === 'set state') this.#refusePower();
    else if (allowed !== undefined) passFrame(wings, allowed, binary, page);
  }

  /** Refuses with the message of Wings, and only pages whose token is still valid. */
  #refusePower(): void {
    if (this.#hears()) this.#tell(['daemon error', `Error Event [${randomUUID()}]: ${UNDER_RESTORE}`]);
  }

  #fromWings(data: Buffer, binary: boolean): void {
    const { page, wings } = this.#options;
    passFrame(page, data, binary, wings, () => this.#watchStuck());
    if (page.bufferedAmount > GONE_BYTES) return this.#terminate();
    const message = readFromWings(data, binary);
    if (message !== undefined) this.#heard(message.event, message.args.join(''));
  }

  #heard(event: string, text: string): void {
    const { facts, key } = this.#options;
    if (event === 'auth success') {
      this.#token = readToken(this.#presented, key(), 'socket', facts.tokens);
      this.#told = false;
    } else if (event === 'token expired') {
      this.#told = true;
    } else if (facts.socket.renewsOnExpiredAlone === true && RENEWABLE.test(text) && !this.#told) {
      this.#told = true;
      this.#tell(['token expired']);
    }
  }

  /** "Issued before the start" is no objection here: denials are kept, and Wings is asked anyway. */
  #hears(): boolean {
    const { clock, denylist, facts } = this.#options;
    if (this.#ended || this.#token === undefined || this.#token.server !== this.server) return false;
    const denials = { startedAt: 0, isDenied: denylist.isDenied.bind(denylist) };
    return objectionTo(this.#token, this.server, clock.now(), denials, facts.tokens) === undefined;
  }

  #tell(frame: Frame): void {
    const { page, facts } = this.#options;
    if (this.#ended) return;
    page.send(this.#binary ? binaryOf(frame) : facts.socket.messages.encode(frame));
    if (page.bufferedAmount > GONE_BYTES) this.#terminate();
  }

  #closed(other: WebSocket, code: number, reason: Buffer, instead: CloseReason | undefined): void {
    if (this.#ended) return;
    this.#end();
    // Without a code of its own (1005), or without a closing handshake (1006).
    const silent = code === 1005 || code === 1006 || code === 1015;
    if (!silent) other.close(code, reason);
    else if (instead !== undefined) other.close(instead.code, instead.text);
    else if (code === 1005) other.close();
    else other.terminate();
  }

  #watchStuck(): void {
    this.#cancelStuck();
    const { page, wings, timers } = this.#options;
    const before = page.bufferedAmount;
    this.#cancelStuck = timers.after(STUCK_MS, () => {
      if (!wings.isPaused) return;
      if (page.bufferedAmount >= before) return this.#terminate();
      this.#watchStuck();
    });
  }

  #pingLater(): void {
    this.#cancelPing = this.#options.timers.after(PING_EVERY_MS, () => {
      if (!this.#alive) return this.#terminate();
      this.#alive = false;
      this.#options.page.ping();
      this.#pingLater();
    });
  }

  #terminate(): void {
    this.#end();
    this.#options.page.terminate();
    this.#options.wings.close();
  }

  #end(): void {
    this.#ended = true;
    this.#cancelPing();
    this.#cancelStuck();
  }
}

const RENEWABLE = /jwt: (?:exp claim is invalid|created too far in past)/;

/** While too much is unsent, the side that it came from is not read. */
function passFrame(to: WebSocket, data: Buffer, binary: boolean, from: WebSocket, paused?: () => void): void {
  to.send(data, { binary }, () => {
    if (from.isPaused && to.bufferedAmount <= BEHIND_BYTES / 2) from.resume();
  });
  if (to.bufferedAmount <= BEHIND_BYTES || from.isPaused) return;
  from.pause();
  paused?.();
}
