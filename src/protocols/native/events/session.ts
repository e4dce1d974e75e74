/**
 * One reader of events, from its authentication to its close, without the network.
 *
 * Promises: the first frame is a snapshot, and each later event is sent once; a reader sees only the servers that its
 * token holds; `seq` never decreases; memory per reader is bounded. A slow reader gets the newest progress only, and a
 * new snapshot instead of a backlog.
 */
import { isoDate, type Clock } from '../../../base/clock.ts';
import type { ServerId } from '../../../base/ids.ts';
import type {
  BackupService,
  EventSource,
  ExtraEvent,
  ExtraEvents,
  JobView,
  NodeService,
  RoostEvent,
} from '../../../jobs/contract.ts';
import { holdsServer, mayUse, type Caller } from '../../access.ts';
import { jobObject } from '../views.ts';
import type { SocketWire } from '../../socket-wire.ts';
import { endsProgress, isProgress, ProgressPace } from './progress-pace.ts';
import type { Timers } from '../../../base/timers.ts';

export interface EventSessionOptions {
  readonly wire: SocketWire;
  readonly service: BackupService;
  readonly events: EventSource;
  readonly node: Pick<NodeService, 'follow'>;
  /** Sorts of events that the reader asked for besides. */
  readonly besides: readonly ExtraEvents[];
  /** Whether it wants a frame at least every few seconds: browsers tell a page of no ping. */
  readonly alive?: boolean;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly checkToken: (token: string) => Caller | undefined;
  /** Calls the listener when that session ends, at once when it has; returns what ends that. */
  readonly onSessionEnd: (session: string, listener: () => void) => () => void;
  /** Counts the reader against its token's limit; false when it is reached. */
  readonly admit: (caller: Caller) => boolean;
  /** The server of the URL; absent for all servers of the token. */
  readonly server?: string;
}

/** Why this side closes an event socket. The first two codes are part of the API. */
export const CLOSE = {
  unauthorized: { code: 4401, text: 'unauthorized' },
  forbidden: { code: 4403, text: 'forbidden' },
  // RFC 6455 7.4.1 and its registry: service restart, unacceptable data, policy violation, try again later. Not going
  // away (1001): the library of Pterodactyl's page (sockette) does not connect again after it.
  shuttingDown: { code: 1012, text: 'shutting down' },
  // The token may be invalid now; readers with a valid one connect again.
  tokensChanged: { code: 1012, text: 'the tokens were changed' },
  notText: { code: 1003, text: 'text frames only' },
  tooManyFrames: { code: 1008, text: 'too many frames' },
  tooManySockets: { code: 1013, text: 'too many sockets' },
} as const;

const AUTH_DEADLINE_MS = 5000;
const PING_EVERY_MS = 30_000;
const ALIVE_EVERY_MS = 10_000;
/** Inbound frames, pings included, per window; a reader sends its token only. */
const MOST_INBOUND = 20;
const INBOUND_WINDOW_MS = 10_000;
/** A reader with more unsent bytes is behind, until it is below the second limit again. */
const BEHIND_BYTES = 64 * 1024;
const CAUGHT_UP_BYTES = 16 * 1024;
/** Events other than progress that wait for a slow reader; with more, the next frame is a snapshot. */
const MOST_WAITING = 256;

export class EventSession {
  readonly #options: EventSessionOptions;
  readonly #pace: ProgressPace;
  #caller: Caller | undefined;
  #state: 'waiting' | 'opening' | 'open' | 'closed' = 'waiting';
  #lastSeq = 0;
  /** Undefined after too many: a snapshot is due. */
  #waiting: (RoostEvent | ExtraEvent)[] | undefined = [];
  #alive = true;
  #inbound = { since: 0, count: 0 };
  #unsubscribe: () => void = () => undefined;
  #unfollow: () => void = () => undefined;
  #cancelTimer: () => void = () => undefined;
  #cancelAlive: () => void = () => undefined;

  constructor(options: EventSessionOptions) {
    this.#options = options;
    this.#pace = new ProgressPace({
      clock: options.clock,
      timers: options.timers,
      send: (event) => this.#keepsUp && this.#sendEvent(event),
    });
  }

  /** @param caller authenticated by the headers of the upgrade request, if any. */
  begin(caller: Caller | undefined, presented: boolean): void {
    if (caller !== undefined) return void this.#open(caller);
    if (presented) return this.#refuse(CLOSE.unauthorized);
    this.#cancelTimer = this.#options.timers.after(AUTH_DEADLINE_MS, () => this.#refuse(CLOSE.unauthorized));
  }

  receive(text: string): void {
    if (!this.#mayStillSpeak()) return this.#refuse(CLOSE.tooManyFrames);
    if (this.#state !== 'waiting') return;
    const caller = this.#options.checkToken(tokenIn(text) ?? '');
    if (caller === undefined) return this.#refuse(CLOSE.unauthorized);
    void this.#open(caller);
  }

  /** A ping or pong: the reader is alive. */
  noteAlive(): void {
    this.#alive = true;
    if (!this.#mayStillSpeak()) this.#refuse(CLOSE.tooManyFrames);
  }

  /** The socket is gone: nothing is sent any more, and no timer is left. */
  end(): void {
    this.#state = 'closed';
    this.#cancelTimer();
    this.#cancelAlive();
    this.#unsubscribe();
    this.#unfollow();
    this.#pace.clear();
    this.#waiting = [];
  }

  async #open(caller: Caller): Promise<void> {
    this.#state = 'opening';
    this.#cancelTimer();
    const { service, server, events, node, besides, admit } = this.#options;
    if (caller.session !== undefined) {
      this.#unfollow = this.#options.onSessionEnd(caller.session, () => this.#refuse(CLOSE.unauthorized));
      if (this.#isClosed()) return;
    }
    if (besides.includes('stores') && !mayUse(caller, 'node.read')) return this.#refuse(CLOSE.forbidden);
    if (!mayUse(caller, 'backup.read')) return this.#refuse(CLOSE.forbidden);
    if (server !== undefined) {
      // Unknown servers and those of others get the same answer.
      if (!holdsServer(caller, server as ServerId)) return this.#refuse(CLOSE.forbidden);
      const found = await service.server(server as ServerId).catch(() => undefined);
      if (this.#isClosed()) return;
      if (found === undefined) return this.#refuse(CLOSE.forbidden);
    }
    if (!admit(caller)) return this.#refuse(CLOSE.tooManySockets);
    this.#caller = caller;
    this.#state = 'open';
    // Synchronous, so that no event falls between the subscription and the snapshot.
    const ends = [
      events.subscribe((event) => this.#take(event)),
      ...besides.map((which) => node.follow(which, (event) => this.#takeExtra(event))),
    ];
    this.#unsubscribe = () => {
      for (const end of ends.splice(0)) end();
    };
    this.#sendSnapshot();
    this.#keepAlive();
    if (this.#options.alive === true) this.#sayAlive();
  }

  #take(event: RoostEvent): void {
    if (this.#state !== 'open' || !this.#concerns(event.server)) return;
    if (isProgress(event)) return this.#pace.take(event);
    const last = endsProgress(event.type) ? this.#pace.end(event) : undefined;
    if (last !== undefined) this.#deliver(last);
    this.#deliver(event);
  }

  #takeExtra(event: ExtraEvent): void {
    if (this.#state === 'open' && (!('server' in event) || this.#concerns(event.server))) this.#deliver(event);
  }

  #deliver(event: RoostEvent | ExtraEvent): void {
    if (this.#keepsUp) return void this.#sendEvent(event);
    this.#waiting?.push(event);
    if (this.#waiting !== undefined && this.#waiting.length > MOST_WAITING) this.#waiting = undefined;
  }

  // Called when a frame has left: sends what waited once the buffer is nearly empty.
  #catchUp(): void {
    if (this.#state !== 'open' || this.#options.wire.bufferedAmount > CAUGHT_UP_BYTES) return;
    if (this.#waiting === undefined) {
      this.#waiting = [];
      return this.#sendSnapshot();
    }
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const event of waiting) this.#deliver(event);
    this.#pace.resume();
  }

  #sendSnapshot(): void {
    const { service, events, clock, server } = this.#options;
    const active = service
      .jobs({ server: server as ServerId | undefined })
      .filter((job) => (job.state === 'running' || job.state === 'queued') && this.#concerns(job.server));
    this.#pace.clear();
    this.#send({
      seq: (this.#lastSeq = Math.max(this.#lastSeq, events.lastSeq)),
      at: isoDate(clock.now()),
      type: 'snapshot',
      server,
      data: { jobs: active.map(jobObject) },
    });
    for (const job of active) this.#followProgress(job);
  }

  #followProgress(job: JobView): void {
    if (job.progress === null || job.kind === 'delete') return;
    const { id, server, backup, kind } = job;
    const at = this.#options.clock.now();
    this.#pace.begin({
      seq: this.#lastSeq,
      at,
      type: `${kind}.progress`,
      server,
      backup,
      job: id,
      data: { ...job.progress },
    });
  }

  #sendEvent(event: RoostEvent | ExtraEvent): true {
    const { events, clock } = this.#options;
    const { seq: own, at } = 'seq' in event ? event : { seq: events.lastSeq, at: clock.now() };
    const { server, backup, job }: Partial<Pick<RoostEvent, 'server' | 'backup' | 'job'>> =
      'server' in event ? event : {};
    // Paced frames go out after events with higher numbers; a lower `seq` would look like a replay.
    const seq = (this.#lastSeq = Math.max(this.#lastSeq, own));
    this.#send({ seq, at: isoDate(at), type: event.type, server, backup, job, data: event.data });
    return true;
  }

  #send(frame: Record<string, unknown>): void {
    this.#options.wire.send(JSON.stringify(frame), () => this.#catchUp());
  }

  // A reader that does not read answers no ping either, and is dropped here.
  #keepAlive(): void {
    this.#cancelTimer = this.#options.timers.after(PING_EVERY_MS, () => {
      if (!this.#alive) {
        this.end();
        return this.#options.wire.terminate();
      }
      this.#alive = false;
      this.#options.wire.ping();
      this.#keepAlive();
    });
  }

  #sayAlive(): void {
    const { clock, timers } = this.#options;
    this.#cancelAlive = timers.after(ALIVE_EVERY_MS, () => {
      // What is still to be sent to a slow reader tells it as much.
      if (this.#keepsUp) this.#send({ seq: this.#lastSeq, at: isoDate(clock.now()), type: 'alive', data: {} });
      this.#sayAlive();
    });
  }

  #refuse(reason: (typeof CLOSE)[keyof typeof CLOSE]): void {
    if (this.#state === 'closed') return;
    this.end();
    this.#options.wire.close(reason.code, reason.text);
  }

  #mayStillSpeak(): boolean {
    const now = this.#options.clock.monotonic();
    if (now - this.#inbound.since >= INBOUND_WINDOW_MS) this.#inbound = { since: now, count: 0 };
    this.#inbound.count++;
    return this.#inbound.count <= MOST_INBOUND;
  }

  #concerns(server: ServerId): boolean {
    const wanted = this.#options.server === undefined || this.#options.server === server;
    return wanted && this.#caller !== undefined && holdsServer(this.#caller, server);
  }

  /** True when nothing waits before it and the buffer has room. */
  get #keepsUp(): boolean {
    return this.#waiting?.length === 0 && this.#options.wire.bufferedAmount <= BEHIND_BYTES;
  }

  // A method, since the state may change during an await.
  #isClosed(): boolean {
    return this.#state === 'closed';
  }
}

/** The token in `{"type":"auth","token":"…"}`, or undefined for any other frame. */
function tokenIn(text: string): string | undefined {
  try {
    const frame: unknown = JSON.parse(text);
    if (typeof frame !== 'object' || frame === null) return undefined;
    const { type, token } = frame as { type?: unknown; token?: unknown };
    return type === 'auth' && typeof token === 'string' ? token : undefined;
  } catch {
    return undefined;
  }
}
