/**
 * What holders of panel tokens were given and what was taken back from them: downloads that have begun, tokens and
 * users that are denied.
 *
 * It promises that a denial holds for every token that was issued up to its second, also after a restart and for as long
 * as such a token could live; that one download link opens one archive; and that what it keeps is bounded. It knows no
 * socket: whoever has one listens.
 *
 * A denial counts in memory first and is stored then. Killed between, the panel has no answer and asks again.
 */
import { createHash } from 'node:crypto';
import type { Clock } from '../../../base/clock.ts';
import type { BackupId, ServerId } from '../../../base/ids.ts';
import type { Catalogue } from '../../../catalogue/contract.ts';
import { OWN_ISSUER } from '../../socket-token.ts';
import type { PanelToken } from './panel-token.ts';
import type { Denials } from './rules.ts';

/**
 * How long a download may be resumed after its link has expired. A large archive takes longer than the quarter of an
 * hour that panels give a link; a transfer that breaks in its fifth hour must not begin again.
 */
export const RESUME_SECONDS = 6 * 3600;

/** No panel's link lives that long; one that says so is not remembered for longer. */
const LONGEST_LINK_SECONDS = 30 * 24 * 3600;

/** Denials by name. With more, the oldest gives way to a line drawn at its second, which denies more and forgets nothing. */
const MOST_DENIALS = 1000;

const KEPT_AS = 'panel-denials';

/** Told after it counts. */
export type DenylistChange =
  { readonly kind: 'denied' } | { readonly kind: 'server deleted'; readonly server: ServerId };

export type DenylistStore = Pick<Catalogue, 'keys' | 'usedTokens' | 'transaction'>;

export class TokenDenylist implements Denials {
  readonly startedAt: number;
  readonly #store: DenylistStore;
  readonly #clock: Clock;
  readonly #listeners = new Set<(change: DenylistChange) => void>();
  /** Second of the denial by what is denied, the oldest first. */
  readonly #denials: Map<string, number>;
  /** All that was issued up to this second is denied. */
  #line: number | undefined;

  private constructor(store: DenylistStore, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
    this.startedAt = this.#second();
    const kept = keptDenials(store.keys.getText(KEPT_AS));
    this.#line = kept.line;
    this.#denials = new Map(kept.denials);
  }

  static open(store: DenylistStore, clock: Clock): TokenDenylist {
    return new TokenDenylist(store, clock);
  }

  /** `POST …/ws/deny`: tokens with these ids that were issued until now. */
  denyTokens(ids: readonly string[]): void {
    this.#deny(ids.map((id) => keyOf('token', id)));
  }

  /** `POST /api/deauthorize-user`: what a user holds for these servers; for all of them when none is named. */
  denyUser(user: string, servers: readonly string[]): void {
    const named = servers.length === 0 ? ['*'] : servers;
    this.#deny(named.map((server) => keyOf('user', server.toLowerCase(), user.toLowerCase())));
  }

  /** What this node issued to its own callers: their permissions have changed. */
  denyOwn(): void {
    this.#deny([keyOf('issuer', OWN_ISSUER)]);
  }

  /** A server left the node: whoever listens to it is told so. */
  serverDeleted(server: ServerId): void {
    this.#notify({ kind: 'server deleted', server });
  }

  isDenied(token: PanelToken, server: ServerId | undefined): boolean {
    if (this.#line === undefined && this.#denials.size === 0) return false;
    // One that does not say when it was issued is older than any denial.
    const issuedAt = token.issuedAt ?? Number.NEGATIVE_INFINITY;
    if (this.#line !== undefined && issuedAt <= this.#line) return true;
    return namesOf(token, server).some((name) => issuedAt <= (this.#denials.get(name) ?? Number.NEGATIVE_INFINITY));
  }

  /**
   * Gives an archive to the holder of a link, or finds that this link was given it before: one that asks in pieces or
   * again is still the same download. The link must be valid now.
   *
   * @returns false when the link was used for another archive.
   */
  openDownload(token: PanelToken, backup: BackupId): boolean {
    const { usedTokens } = this.#store;
    const link = linkOf(token);
    const most = this.#second() + LONGEST_LINK_SECONDS;
    const until = (Math.min(token.expiresAt ?? 0, most) + RESUME_SECONDS) * 1000;
    return this.#store.transaction(() => {
      if (usedTokens.use(link, until)) return usedTokens.use(downloadOf(link, backup), until);
      return usedTokens.isUsed(downloadOf(link, backup));
    });
  }

  /** Whether a link was given this archive while it was valid, in this run or an earlier one, not too long ago. */
  hasBegun(token: PanelToken, backup: BackupId): boolean {
    const until = (token.expiresAt ?? 0) + RESUME_SECONDS;
    return this.#second() <= until && this.#store.usedTokens.isUsed(downloadOf(linkOf(token), backup));
  }

  /** Calls back after each change; the returned function ends it. */
  onChange(listener: (change: DenylistChange) => void): () => void {
    const own = (change: DenylistChange): void => listener(change);
    this.#listeners.add(own);
    return () => void this.#listeners.delete(own);
  }

  #deny(names: readonly string[]): void {
    const second = this.#second();
    for (const name of names) {
      // Taken out first, so that the order stays that of time.
      this.#denials.delete(name);
      this.#denials.set(name, second);
    }
    for (const [name, at] of this.#denials) {
      if (this.#denials.size <= MOST_DENIALS) break;
      this.#denials.delete(name);
      this.#line = Math.max(at, this.#line ?? at);
    }
    this.#notify({ kind: 'denied' });
    this.#store.keys.setText(KEPT_AS, JSON.stringify({ line: this.#line ?? null, denials: [...this.#denials] }));
  }

  #notify(change: DenylistChange): void {
    for (const listener of Array.from(this.#listeners)) listener(change);
  }

  #second(): number {
    return Math.floor(this.#clock.now() / 1000);
  }
}

function namesOf({ id, user, issuer }: PanelToken, server: ServerId | undefined): string[] {
  // Calagopus names the user of a download by the token's id alone.
  const users = [user, id].filter((name) => name !== undefined).map((name) => name.toLowerCase());
  const servers = server === undefined ? ['*'] : ['*', server];
  return [
    ...(id === undefined ? [] : [keyOf('token', id)]),
    ...(issuer === undefined ? [] : [keyOf('issuer', issuer)]),
    ...users.flatMap((name) => servers.map((each) => keyOf('user', each, name))),
  ];
}

/** Of one length, whatever a panel sends. */
function keyOf(...parts: readonly string[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('base64url');
}

/** A link that names itself by nothing is known by all that it says. */
function linkOf(token: PanelToken): string {
  const { uniqueId, ...rest } = token;
  return `panel download ${uniqueId === undefined || uniqueId === '' ? keyOf(JSON.stringify(rest)) : keyOf(uniqueId)}`;
}

/** A backup has one server, which whoever opens a download has compared. */
function downloadOf(link: string, backup: BackupId): string {
  return `${link} ${backup}`;
}

interface KeptDenials {
  readonly line: number | undefined;
  readonly denials: readonly (readonly [string, number])[];
}

function keptDenials(text: string | undefined): KeptDenials {
  const { line, denials } = JSON.parse(text ?? '{"line":null,"denials":[]}') as {
    readonly line: number | null;
    readonly denials: KeptDenials['denials'];
  };
  return { line: line ?? undefined, denials };
}
