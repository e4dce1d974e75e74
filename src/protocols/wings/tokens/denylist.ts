/**
 * Which tokens and users are denied, and which downloads have begun.
 *
 * For: sockets and downloads by a panel's signed token. Promises: a denial covers every token issued up to its second,
 * also after a restart; one link opens one archive; what is kept is bounded. Never: knows sockets; they listen by
 * `onChange`.
 *
 * A denial counts in memory first and is stored then. After a crash in between, the panel has no answer and asks again.
 */
import { createHash } from 'node:crypto';
import type { Clock } from '../../../base/clock.ts';
import type { BackupId, ServerId } from '../../../base/ids.ts';
import type { Catalogue } from '../../../catalogue/contract.ts';
import { OWN_ISSUER } from '../../socket-token.ts';
import type { PanelToken } from './panel-token.ts';
import type { Denials } from './rules.ts';

/**
 * Downloads may be resumed this long after their link expired: panels give a link a quarter of an hour, and a large
 * archive takes longer.
 */
export const RESUME_SECONDS = 6 * 3600;

/** Upper bound for the life of a link, whatever it says; panels' links live far shorter. */
const LONGEST_LINK_SECONDS = 30 * 24 * 3600;

/** When full, the oldest denial is replaced by "deny everything issued up to its second". */
const MOST_DENIALS = 1000;

const KEPT_AS = 'panel-denials';

/** Reported once it is in force. */
export type DenylistChange =
  | { readonly kind: 'denied' }
  | { readonly kind: 'server deleted'; readonly server: ServerId }
  | ({ readonly kind: 'permissions changed' } & UserPermissions);

/** What a user may do on a server from now on. */
export interface UserPermissions {
  readonly server: ServerId;
  /** In lower case. */
  readonly user: string;
  readonly permissions: readonly string[];
}

export type DenylistStore = Pick<Catalogue, 'keys' | 'usedTokens' | 'transaction'>;

export class TokenDenylist implements Denials {
  readonly startedAt: number;
  readonly #store: DenylistStore;
  readonly #clock: Clock;
  readonly #listeners = new Set<(change: DenylistChange) => void>();
  /** Second of each denial, oldest first. */
  readonly #denials: Map<string, number>;
  /** Everything issued up to this second is denied. */
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

  /** `POST …/ws/deny`: denies tokens with these ids that were issued until now. */
  denyTokens(ids: readonly string[]): void {
    this.#deny(ids.map((id) => keyOf('token', id)));
  }

  /** `POST /api/deauthorize-user`: denies a user's tokens for these servers; for all servers when the list is empty. */
  denyUser(user: string, servers: readonly string[]): void {
    const named = servers.length === 0 ? ['*'] : servers;
    this.#deny(named.map((server) => keyOf('user', server.toLowerCase(), user.toLowerCase())));
  }

  /** Denies the tokens that this node issued to its own callers, after their permissions changed. */
  denyOwn(): void {
    this.#deny([keyOf('issuer', OWN_ISSUER)]);
  }

  serverDeleted(server: ServerId): void {
    this.#notify({ kind: 'server deleted', server });
  }

  /** Open sockets of the user get these permissions; a token that is presented later brings its own. */
  permissionsChanged(change: UserPermissions): void {
    this.#notify({ kind: 'permissions changed', ...change });
  }

  isDenied(token: PanelToken, server: ServerId | undefined): boolean {
    if (this.#line === undefined && this.#denials.size === 0) return false;
    // A token without `iat` counts as older than any denial.
    const issuedAt = token.issuedAt ?? Number.NEGATIVE_INFINITY;
    if (this.#line !== undefined && issuedAt <= this.#line) return true;
    return namesOf(token, server).some((name) => issuedAt <= (this.#denials.get(name) ?? Number.NEGATIVE_INFINITY));
  }

  /**
   * Binds a valid link to one archive. Asking again, or in pieces, is the same download.
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

  /** Whether this link began to download this archive while it was valid, in this run or an earlier one. */
  hasBegun(token: PanelToken, backup: BackupId): boolean {
    const until = (token.expiresAt ?? 0) + RESUME_SECONDS;
    return this.#second() <= until && this.#store.usedTokens.isUsed(downloadOf(linkOf(token), backup));
  }

  onChange(listener: (change: DenylistChange) => void): () => void {
    const own = (change: DenylistChange): void => listener(change);
    this.#listeners.add(own);
    return () => void this.#listeners.delete(own);
  }

  #deny(names: readonly string[]): void {
    const second = this.#second();
    for (const name of names) {
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
  // Calagopus puts the user of a download in the token's id.
  const users = [user, id].filter((name) => name !== undefined).map((name) => name.toLowerCase());
  const servers = server === undefined ? ['*'] : ['*', server];
  return [
    ...(id === undefined ? [] : [keyOf('token', id)]),
    ...(issuer === undefined ? [] : [keyOf('issuer', issuer)]),
    ...users.flatMap((name) => servers.map((each) => keyOf('user', each, name))),
  ];
}

function keyOf(...parts: readonly string[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('base64url');
}

/** A link without `unique_id` is identified by all its claims. */
function linkOf(token: PanelToken): string {
  const { uniqueId, ...rest } = token;
  return `panel download ${uniqueId === undefined || uniqueId === '' ? keyOf(JSON.stringify(rest)) : keyOf(uniqueId)}`;
}

/** The server is not part of it: a backup has one, and the download route compares it. */
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
