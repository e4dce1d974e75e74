/**
 * The token that panel and node authenticate to each other with. The config names the first; the panel may replace it
 * (`POST /api/update`), which holds after a restart too.
 *
 * The replacement is stored with a fingerprint of the config's token, so that an operator's later change in the config
 * wins.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { PanelConfig } from '../../../config/types.ts';

type Connection = Pick<NonNullable<PanelConfig['connection']>, 'tokenId' | 'token'>;

export interface NodeToken {
  readonly tokenId: string;
  readonly token: string;
}

/** Keeps a replaced token; a write must be durable when it returns. */
export interface CredentialStore {
  getText(name: string): string | undefined;
  setText(name: string, value: string): void;
}

const KEPT_AS = 'panel-node-token';

export class NodeCredentials {
  #configured: string;
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

  /** The key of the panel's JSON Web Tokens: the token's bytes. */
  get key(): Uint8Array {
    return this.#key;
  }

  matches(presented: string): boolean {
    return timingSafeEqual(digest(presented), this.#digest);
  }

  /**
   * Replaces the token from the next request on. It is stored first: after a crash in between, the panel sees an error
   * and both sides keep the old token.
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

  /** The config was read again: a token that it names now, and did not before, is used from the next request on. */
  configure({ tokenId, token }: Connection): void {
    const next = { tokenId, token: token.reveal() };
    const configured = fingerprintOf(next);
    if (configured === this.#configured) return;
    this.#configured = configured;
    this.rotate(next);
  }

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
