/**
 * The selections behind signed download links: thousands of paths do not fit into a URL, so they are kept here until the
 * link expires, the session or token that asked for it ends, or the daemon restarts.
 */
import { randomUUID } from 'node:crypto';
import type { Clock } from '../../base/clock.ts';
import { Failure } from '../../base/failure.ts';
import type { Selection } from '../../jobs/contract.ts';
import type { Caller } from '../access.ts';
import { expiredToken } from '../download-token.ts';
import type { Sessions } from './sign-in/sessions.ts';

/** A body holds at most a mebibyte of paths. */
const MOST_PER_HOLDER = 16;
const MOST_IN_ALL = 64;

interface Kept {
  readonly selection: Selection;
  readonly caller: Caller;
  /** Whole seconds since the epoch. */
  readonly expiresAt: number;
}

export class SelectionLinks {
  readonly #clock: Pick<Clock, 'now'>;
  readonly #sessions: Pick<Sessions, 'standing'>;
  readonly #kept = new Map<string, Kept & { readonly standing: string | undefined }>();

  constructor(clock: Pick<Clock, 'now'>, sessions: Pick<Sessions, 'standing'>) {
    this.#clock = clock;
    this.#sessions = sessions;
  }

  /** @returns its id. @throws Failure `server_busy` (`isTooMany`) while too many are kept. */
  keep(link: Kept): string {
    this.#sweep();
    const own = [...this.#kept.values()].filter(({ caller }) => holderOf(caller) === holderOf(link.caller));
    if (own.length >= MOST_PER_HOLDER || this.#kept.size >= MOST_IN_ALL) {
      throw new Failure('server_busy', 'Cannot make the address: too many selections wait to be downloaded', {
        facts: { tooMany: true },
        hint: 'Each is forgotten after five minutes.',
        retry: true,
      });
    }
    const id = randomUUID();
    this.#kept.set(id, { ...link, standing: this.#sessions.standing(link.caller) });
    return id;
  }

  /** @throws Failure `unauthorized` when the link has expired, or the caller who asked for it has lost the right. */
  find(id: string | undefined): { readonly selection: Selection; readonly holder: string } {
    this.#sweep();
    const kept = this.#kept.get(id ?? '');
    if (kept?.standing === undefined || this.#sessions.standing(kept.caller) !== kept.standing) throw expiredToken();
    return { selection: kept.selection, holder: kept.caller.id };
  }

  #sweep(): void {
    const now = this.#clock.now();
    for (const [id, { expiresAt }] of this.#kept) if (now >= expiresAt * 1000) this.#kept.delete(id);
  }
}

/** Counts by session where there is one, so that people who share a token do not use up each other's links. */
function holderOf({ id, session }: Caller): string {
  return session ?? id;
}
