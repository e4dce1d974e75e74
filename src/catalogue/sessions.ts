/** Who has signed in, and the links that may still do so. Secrets and codes are kept as their SHA-256 only. */
import type { ServerId } from '../base/ids.ts';

export interface SessionScope {
  /** The id of the config's token that it stands on, and what that token was then. */
  readonly token: string;
  readonly fingerprint: string;
  /** Names of permissions, or `*`. */
  readonly permissions: readonly string[];
  readonly servers: readonly (ServerId | '*')[];
  /** What it was made for, as its maker wrote it; '' for none. */
  readonly label: string;
  /** Sessions by which it came about, the first one first: it ends when one of them is taken away. */
  readonly ancestors: readonly string[];
}

export interface SessionRecord extends SessionScope {
  readonly id: string;
  readonly secretHash: string;
  /** Stays valid until `expiresAt` without being used. */
  readonly kept: boolean;
  /** The address of its last use. */
  readonly address: string;
  readonly createdAt: number;
  readonly lastUsedAt: number;
  readonly expiresAt: number;
}

export interface LinkRecord extends SessionScope {
  readonly id: string;
  readonly codeHash: string;
  readonly createdAt: number;
  readonly expiresAt: number;
  readonly usedAt: number | null;
}

/** Changes of a row that is gone do nothing. */
export interface SessionTable {
  insert(session: SessionRecord): void;
  bySecret(secretHash: string): SessionRecord | undefined;
  find(id: string): SessionRecord | undefined;
  /** The last used first. */
  list(): SessionRecord[];
  /** Notes a use. Nothing rests on it: a power cut may take it back. */
  touch(id: string, use: Pick<SessionRecord, 'address' | 'lastUsedAt' | 'expiresAt'>): void;
  delete(id: string): void;

  insertLink(link: LinkRecord): void;
  byCode(codeHash: string): LinkRecord | undefined;
  /** True for the first call, false for each further one. */
  useLink(id: string, usedAt: number): boolean;
  /** The newest first. */
  links(): LinkRecord[];
  deleteLink(id: string): void;
}
