/**
 * The token that panel and node prove themselves to each other with. The config names the first one; the panel may
 * replace it at any time (`POST /api/update`), and from then on that one counts, also after a restart.
 *
 * What the panel sent is kept beside a fingerprint of what the config said then: an operator who changes the token in
 * the config means it, and wins.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { PanelConfig } from '../../../config/types.ts';

type Connection = Pick<NonNullable<PanelConfig['connection']>, 'tokenId' | 'token'>;

export interface NodeToken {
  readonly tokenId: string;
  readonly token: string;
}

/** Where a replaced token is kept; what is written must be durable when the call returns. */
export interface CredentialStore {
  getText(name: string): string | undefined;
  setText(name: string, value: string): void;
}

const KEPT_AS = 'panel-node-token';

export class NodeCredentials {
  readonly #configured: string;
  readonly #store: CredentialStore;
  readonly #listeners = new Set<() => void>();
  #current: NodeToken;
  #key: Uint8Array;
  #digest: Buffer;

  private constructor(configured: NodeToken, store: CredentialStore) {
    this.#configured = fingerprintOf(configured);
    this.#store = store;
    this.#current = kept(store, this.#configured) ?? configured;
    this.#key = Buffer.from(this.#current.token, 'utf8');
    this.#digest = digest(this.#current.token);
  }

  static open({ tokenId, token }: Connection, store: CredentialStore): NodeCredentials {
    return new NodeCredentials({ tokenId, token: token.reveal() }, store);
  }

  get tokenId(): string {
    return this.#current.tokenId;
  }

  get token(): string {
    return this.#current.token;
  }

  /** What the panel signs JSON Web Tokens with: the token's own bytes. */
  get key(): Uint8Array {
    return this.#key;
  }

  /** Whether this is the token; takes as long for a wrong one as for the right one. */
  matches(presented: string): boolean {
    return timingSafeEqual(digest(presented), this.#digest);
  }

  /**
   * From the next request on this token counts. Kept before it counts: a crash between leaves the panel with an error
   * and both sides with the old token.
   */
  rotate(next: NodeToken): void {
    if (next.tokenId === this.#current.tokenId && next.token === this.#current.token) return;
    const { tokenId, token } = next;
    this.#store.setText(KEPT_AS, JSON.stringify({ configured: this.#configured, tokenId, token }));
    this.#current = { tokenId, token };
    this.#key = Buffer.from(token, 'utf8');
    this.#digest = digest(token);
    for (const listener of this.#listeners) listener();
  }

  /** Calls back after each change; the returned function ends it. */
  onRotate(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }
}

function kept(store: CredentialStore, configured: string): NodeToken | undefined {
  const record = parsed(store.getText(KEPT_AS));
  if (typeof record !== 'object' || record === null) return undefined;
  const { configured: then, tokenId, token } = record as Readonly<Record<string, unknown>>;
  const usable = typeof tokenId === 'string' && typeof token === 'string' && token !== '';
  return then === configured && usable ? { tokenId, token } : undefined;
}

function parsed(text: string | undefined): unknown {
  try {
    return text === undefined ? undefined : JSON.parse(text);
  } catch {
    return undefined;
  }
}

function fingerprintOf({ tokenId, token }: NodeToken): string {
  return digest(JSON.stringify([tokenId, token])).toString('hex');
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text, 'utf8').digest();
}
