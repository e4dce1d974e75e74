/**
 * All pages that listen to servers of this node. Each event is processed once for all of them. When full, a page
 * without a valid token is dropped first, so that strangers cannot lock out real users.
 */
import type { Clock } from '../../../base/clock.ts';
import type { ServerId } from '../../../base/ids.ts';
import type { BackupService, RoostEvent } from '../../../jobs/contract.ts';
import type { SocketFacts } from '../flavours/contract.ts';
import type { DenylistChange } from '../tokens/denylist.ts';
import { framesOfEvent } from './events.ts';
import { CLOSE, type SocketSession } from './session.ts';

const MOST_IN_ALL = 1024;

/** Progress of a backup is sent at once and then twice a second, as pages expect. */
const PROGRESS_EVERY_MS = 500;

/** What the registry needs of a page. */
export type RegisteredPage = Pick<
  SocketSession,
  'server' | 'idle' | 'notify' | 'suspended' | 'denied' | 'permissionsChanged' | 'deleted' | 'close'
>;

interface RegistryFacts extends Pick<SocketFacts, 'events' | 'most'> {
  /** The panel's file manager can look into backups that stay here. */
  readonly browsable?: boolean;
}

export class SocketRegistry {
  readonly #service: Pick<BackupService, 'job'>;
  readonly #clock: Clock;
  readonly #facts: RegistryFacts;
  readonly #sessions = new Map<ServerId, Set<RegisteredPage>>();
  #inAll = 0;
  /** When progress was last sent, by backup or restore. */
  readonly #progressAt = new Map<string, number>();

  constructor(service: Pick<BackupService, 'job'>, clock: Clock, facts: RegistryFacts) {
    this.#service = service;
    this.#clock = clock;
    this.#facts = facts;
  }

  hasRoom(server: ServerId): boolean {
    return this.#toLeave(server) !== 'none';
  }

  /** @returns what removes the page, or undefined when there are too many. */
  enter(session: RegisteredPage): (() => void) | undefined {
    const leaving = this.#toLeave(session.server);
    if (leaving === 'none') return undefined;
    leaving?.close(CLOSE.tooMany);
    if (leaving !== undefined) this.#leave(leaving);
    const here = this.#sessions.get(session.server) ?? new Set();
    this.#sessions.set(session.server, here.add(session));
    this.#inAll++;
    return () => this.#leave(session);
  }

  take(event: RoostEvent): void {
    const { type, server, data } = event;
    const suspended = type === 'server.status' ? data.suspended : undefined;
    const here = this.#sessions.get(server);
    if (suspended !== undefined) this.#each(here, (one) => one.suspended(suspended));
    if (!this.#isDue(event) || here === undefined) return;
    const frames = framesOfEvent(event, this.#service, this.#facts);
    if (frames.length > 0) this.#each(here, (one) => one.notify(frames));
  }

  change(change: DenylistChange): void {
    if (change.kind === 'server deleted') return this.#each(this.#sessions.get(change.server), (one) => one.deleted());
    if (change.kind === 'permissions changed') {
      return this.#each(this.#sessions.get(change.server), (one) => one.permissionsChanged(change));
    }
    for (const here of Array.from(this.#sessions.values())) this.#each(here, (one) => one.denied());
  }

  /** The page to drop for a new one: `undefined` when there is room, `none` when there is none to drop. */
  #toLeave(server: ServerId): RegisteredPage | undefined | 'none' {
    const here = this.#sessions.get(server);
    if ((here?.size ?? 0) >= this.#facts.most) return idleIn(here) ?? 'none';
    if (this.#inAll < MOST_IN_ALL) return undefined;
    for (const sessions of this.#sessions.values()) {
      const idle = idleIn(sessions);
      if (idle !== undefined) return idle;
    }
    return 'none';
  }

  #leave(session: RegisteredPage): void {
    const here = this.#sessions.get(session.server);
    if (here?.delete(session) !== true) return;
    this.#inAll--;
    if (here.size === 0) this.#sessions.delete(session.server);
  }

  #isDue({ type, server, backup }: RoostEvent): boolean {
    const [family = ''] = type.split('.');
    const key = `${family} ${server} ${backup ?? ''}`;
    if (!type.endsWith('.progress')) {
      this.#progressAt.delete(key);
      return true;
    }
    const now = this.#clock.monotonic();
    if (now - (this.#progressAt.get(key) ?? Number.NEGATIVE_INFINITY) < PROGRESS_EVERY_MS) return false;
    this.#progressAt.set(key, now);
    return true;
  }

  // Copied, because closing a page removes it.
  #each(sessions: ReadonlySet<RegisteredPage> | undefined, act: (session: RegisteredPage) => void): void {
    for (const session of Array.from(sessions ?? [])) act(session);
  }
}

function idleIn(sessions: ReadonlySet<RegisteredPage> | undefined): RegisteredPage | undefined {
  return Array.from(sessions ?? []).find(({ idle }) => idle);
}
