/**
 * Sessions of people in a browser, and the one-time links that open them.
 *
 * For: the page, and panels that send a server's owner there. Promises: a session holds at most what its maker held; it
 * ends with its token, when it is taken away, and after its time; its listeners hear of the end at once. A code works
 * once. Never: keeps a secret or a code, only their SHA-256.
 */
import { createHash, createHmac, randomBytes, randomUUID } from 'node:crypto';
import { type Clock, DAY_MS, HOUR_MS } from '../../../base/clock.ts';
import { Failure } from '../../../base/failure.ts';
import type { ServerId } from '../../../base/ids.ts';
import type { LinkRecord, SessionRecord, SessionScope, SessionTable } from '../../../catalogue/sessions.ts';
import { fingerprint } from '../../../config/live.ts';
import type { Permission, TokenConfig } from '../../../config/types.ts';
import { holdsServer, mayUse, type Caller } from '../../access.ts';
import type { TokenCheck } from '../auth.ts';
import { givingWay, refuseMoreLinks } from './session-bounds.ts';

const MINUTE_MS = 60_000;
/** Since its last use. */
const SESSION_MS = 12 * HOUR_MS;
/** For those who stay signed in, since they signed in. */
const KEPT_SESSION_MS = 30 * DAY_MS;
/** A use is noted at most so often. */
const TOUCH_EVERY_MS = MINUTE_MS;
/** A used or expired link is known for so long, to say what is wrong with it. */
const LINK_KNOWN_MS = DAY_MS;
/** Used and expired links of one token that are known. */
const MOST_SPENT = 500;

const SECRET = /^rs_[\w-]{43}$/;
const CODE = /^[\w-]{22}$/;

export interface SessionsOptions {
  readonly table: SessionTable;
  readonly tokens: readonly TokenConfig[];
  readonly checkToken: TokenCheck;
  readonly clock: Pick<Clock, 'now'>;
  /** Secret bytes that stay the same over restarts. */
  readonly key: Uint8Array;
}

export interface LinkWish {
  readonly minutes: number;
  /** Absent: all permissions of the caller who makes the link. */
  readonly permissions?: readonly (Permission | '*')[] | undefined;
  readonly servers?: readonly (ServerId | '*')[] | undefined;
  readonly label?: string | undefined;
}

type SignIn = ({ readonly token: string } | { readonly code: string }) & {
  readonly kept: boolean;
  readonly address: string;
};

export class Sessions {
  readonly #options: SessionsOptions;
  /** By the id of a token. */
  #tokens = new Map<string, { readonly fingerprint: string; readonly limits: Caller['limits'] }>();
  readonly #listeners = new Map<string, Set<() => void>>();

  constructor(options: SessionsOptions) {
    this.#options = options;
    this.setTokens(options.tokens);
  }

  /** Ends the sessions and links of tokens that are gone or were changed. */
  setTokens(tokens: readonly TokenConfig[]): void {
    const { key } = this.#options;
    const print = (token: TokenConfig): string => createHmac('sha256', key).update(fingerprint(token)).digest('hex');
    this.#tokens = new Map(
      tokens.map((token) => [token.id, { fingerprint: print(token), limits: token.limits ?? undefined }]),
    );
    this.sweep();
  }

  /** Ends what has expired or lost its token. */
  sweep(): void {
    const { table, clock } = this.#options;
    const now = clock.now();
    for (const session of table.list()) if (!this.#isValid(session, now)) this.#end(session.id);
    for (const link of table.links()) {
      if (!this.#hasToken(link) || link.expiresAt + LINK_KNOWN_MS < now) table.deleteLink(link.id);
    }
  }

  /** The caller of a session's secret, or undefined. Notes the use. */
  callerOf(secret: Buffer, address: string): Caller | undefined {
    const text = secret.length > 64 ? '' : secret.toString('latin1');
    if (!SECRET.test(text)) return undefined;
    const { table, clock } = this.#options;
    const session = table.bySecret(sha256(text));
    if (session === undefined) return undefined;
    const now = clock.now();
    if (!this.#isValid(session, now)) {
      this.#end(session.id);
      return undefined;
    }
    // Absolute, because after the clock was set back the difference is negative.
    if (Math.abs(now - session.lastUsedAt) >= TOUCH_EVERY_MS || session.address !== address) {
      const expiresAt = session.kept ? session.expiresAt : now + SESSION_MS;
      table.touch(session.id, { address, lastUsedAt: now, expiresAt });
    }
    return this.#callerOf(session);
  }

  /**
   * Opens a session for a token of the config, or for the code of a link, which it uses up.
   *
   * @returns the secret, which is kept nowhere.
   * @throws Failure `unauthorized` for an unknown token or code, and for a code that is used or expired.
   */
  open(wish: SignIn): { readonly secret: string; readonly session: SessionRecord } {
    const { table, clock } = this.#options;
    const scope = 'code' in wish ? this.#scopeOfCode(wish.code) : this.#scopeOfToken(wish.token);
    const secret = `rs_${randomBytes(32).toString('base64url')}`;
    const now = clock.now();
    const session: SessionRecord = {
      ...scope,
      id: randomUUID(),
      secretHash: sha256(secret),
      kept: wish.kept,
      address: wish.address,
      createdAt: now,
      lastUsedAt: now,
      expiresAt: now + (wish.kept ? KEPT_SESSION_MS : SESSION_MS),
    };
    // The code is used up before: killed here, the link is spent and no session is open; another link is asked for.
    table.insert(session);
    for (const { id } of givingWay(table.list(), session)) this.#end(id);
    return { secret, session };
  }

  /**
   * @param maker what the link may at most.
   * @returns the code, which is kept nowhere.
   * @throws Failure `forbidden` for a permission and `server_not_found` for a server that the maker does not hold;
   *   what session-bounds.ts says of too many links.
   */
  makeLink(maker: Caller, wish: LinkWish): { readonly code: string; readonly link: LinkRecord } {
    const { table, clock } = this.#options;
    const permissions = [...new Set(wish.permissions ?? maker.permissions)];
    const servers = [...new Set(wish.servers ?? maker.servers)];
    for (const permission of permissions) refuseWider(maker, permission);
    if (servers.some((server) => (server === '*' ? !maker.servers.includes('*') : !holdsServer(maker, server)))) {
      throw new Failure('server_not_found', 'There is no such server');
    }
    const now = clock.now();
    const own = maker.session === undefined ? undefined : table.find(maker.session);
    const ancestors = own === undefined ? [] : [...own.ancestors, own.id];
    const links = table.links();
    const spent = links.filter((link) => link.token === maker.id && isSpent(link, now));
    for (const { id } of spent.slice(MOST_SPENT)) table.deleteLink(id);
    const unused = links.filter((link) => !isSpent(link, now));
    refuseMoreLinks(unused, { token: maker.id, ancestors });
    const code = randomBytes(16).toString('base64url');
    const link: LinkRecord = {
      id: randomUUID(),
      codeHash: sha256(code),
      token: maker.id,
      fingerprint: this.#tokens.get(maker.id)?.fingerprint ?? '',
      permissions,
      servers,
      label: wish.label ?? '',
      ancestors,
      createdAt: now,
      expiresAt: now + wish.minutes * MINUTE_MS,
      usedAt: null,
    };
    table.insertLink(link);
    return { code, link };
  }

  /** Those that are valid now, the last used first. */
  list(): SessionRecord[] {
    const now = this.#options.clock.now();
    return this.#options.table.list().filter((session) => this.#isValid(session, now));
  }

  /** Those that may still be used, the newest first. */
  links(): LinkRecord[] {
    const now = this.#options.clock.now();
    const { table } = this.#options;
    return table.links().filter((link) => !isSpent(link, now) && this.#hasToken(link));
  }

  find(id: string): SessionRecord | undefined {
    const session = this.#options.table.find(id);
    return session !== undefined && this.#isValid(session, this.#options.clock.now()) ? session : undefined;
  }

  /** Ends a session. Sessions and links that it has made stay. */
  close(id: string): void {
    this.#end(id);
  }

  /** Takes a session or a link away, with all that came about by it. @returns false when there is none. */
  revoke(id: string): boolean {
    const { table } = this.#options;
    const after = <Scope extends SessionScope & { readonly id: string }>(all: readonly Scope[]): Scope[] =>
      all.filter((each) => each.id === id || each.ancestors.includes(id));
    const sessions = after(table.list());
    const links = after(table.links());
    for (const link of links) table.deleteLink(link.id);
    for (const session of sessions) this.#end(session.id);
    return sessions.length + links.length > 0;
  }

  /** Identifies a caller's session or token: another value, or undefined, once that has ended or changed. */
  standing({ id, session }: Caller): string | undefined {
    return session === undefined ? this.#tokens.get(id)?.fingerprint : this.find(session)?.id;
  }

  /** Calls the listener once when the session ends, now if it has ended. @returns a function that removes the listener. */
  onEnd(id: string, listener: () => void): () => void {
    if (this.find(id) === undefined) {
      listener();
      return () => undefined;
    }
    const listeners = this.#listeners.get(id) ?? new Set();
    this.#listeners.set(id, listeners.add(listener));
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0 && this.#listeners.get(id) === listeners) this.#listeners.delete(id);
    };
  }

  #end(id: string): void {
    this.#options.table.delete(id);
    const listeners = this.#listeners.get(id) ?? [];
    this.#listeners.delete(id);
    for (const listener of listeners) listener();
  }

  #isValid(session: SessionRecord, now: number): boolean {
    return session.expiresAt > now && this.#hasToken(session);
  }

  #hasToken({ token, fingerprint }: SessionScope): boolean {
    return this.#tokens.get(token)?.fingerprint === fingerprint;
  }

  #callerOf({ id, token, permissions, servers }: SessionRecord): Caller {
    const limits = this.#tokens.get(token)?.limits;
    // Only names of permissions were ever stored.
    return {
      id: token,
      dialect: 'native',
      permissions: permissions as Caller['permissions'],
      servers,
      limits,
      session: id,
    };
  }

  #scopeOfToken(token: string): SessionScope {
    const caller = this.#options.checkToken(Buffer.from(token, 'utf8'));
    if (caller === undefined) throw refused('there is no such token', 'Paste a secret of `tokens` in the config.');
    const { id, permissions, servers } = caller;
    const { fingerprint = '' } = this.#tokens.get(id) ?? {};
    return { token: id, fingerprint, permissions, servers, label: '', ancestors: [] };
  }

  #scopeOfCode(code: string): SessionScope {
    const { table, clock } = this.#options;
    const link = CODE.test(code) ? table.byCode(sha256(code)) : undefined;
    const hint = 'Links work once: make another with "roost web" on the node, or ask where this one came from.';
    if (link === undefined || !this.#hasToken(link)) throw refused('this link is not known', hint);
    if (link.usedAt !== null) throw refused('this link was used already', hint);
    if (link.expiresAt <= clock.now()) throw refused('this link has expired', hint);
    if (!table.useLink(link.id, clock.now())) throw refused('this link was used already', hint);
    const { token, fingerprint, permissions, servers, label, ancestors } = link;
    return { token, fingerprint, permissions, servers, label, ancestors };
  }
}

function isSpent({ usedAt, expiresAt }: LinkRecord, now: number): boolean {
  return usedAt !== null || expiresAt <= now;
}

function refused(why: string, hint: string): Failure {
  return new Failure('unauthorized', `Cannot sign in: ${why}`, { hint });
}

function refuseWider(maker: Caller, permission: Permission | '*'): void {
  const held = permission === '*' ? maker.permissions.includes('*') : mayUse(maker, permission);
  if (held) return;
  throw new Failure('forbidden', `Cannot make the link: it would hold ${permission}, which its maker does not`, {
    hint: 'A link holds at most what its maker holds.',
  });
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
