/**
 * The session of this browser. Its secret lies in the tab's storage, or, for who stays signed in, in that of the browser;
 * both belong to this address and port alone. A new tab asks the open ones.
 */
import { signal } from '@preact/signals';
import type { components } from '../api/schema.d.ts';
import { base } from './base.ts';

export type Who = components['schemas']['Caller'];

/** Undefined when no one is signed in. */
export const secret = signal<string | undefined>(undefined);
/** Undefined until the daemon has answered. */
export const who = signal<Who | undefined>(undefined);
/** Why the session ended, for the sign-in page. */
export const ended = signal<string | undefined>(undefined);

const KEY = `roost ${base.pathname}`;
const ANSWER_MS = 150;

/** From the question until this tab signs in: a tab that was asleep may answer when the sign-in page is already shown. */
let awaited: (() => void) | undefined;

const channel = new BroadcastChannel(KEY);
channel.addEventListener('message', ({ data }: MessageEvent<unknown>) => {
  const { ask, gone, secret: told } = (data ?? {}) as { ask?: true; gone?: string; secret?: unknown };
  if (ask === true && secret.value !== undefined) channel.postMessage({ secret: secret.value });
  if (gone !== undefined && gone === secret.value) forget('You signed out in another tab.', false);
  if (typeof told !== 'string' || awaited === undefined) return;
  secret.value = told;
  awaited();
});

/**
 * Takes the secret that this browser has, from its storage or from another tab. Ends after a moment without one; an answer
 * after that signs the tab in all the same, unless it did so otherwise.
 */
export async function findSecret(): Promise<void> {
  const stored = localStorage.getItem(KEY) ?? sessionStorage.getItem(KEY);
  if (stored !== null) {
    secret.value = stored;
    return;
  }
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ANSWER_MS);
  awaited = () => {
    awaited = undefined;
    clearTimeout(timer);
    resolve();
  };
  channel.postMessage({ ask: true });
  await promise;
}

export function remember(value: string, keep: boolean): void {
  (keep ? sessionStorage : localStorage).removeItem(KEY);
  (keep ? localStorage : sessionStorage).setItem(KEY, value);
  ended.value = undefined;
  awaited = undefined;
  secret.value = value;
}

/** @param tell also the other tabs. */
export function forget(why: string | undefined, tell = true): void {
  if (tell && secret.value !== undefined) channel.postMessage({ gone: secret.value });
  sessionStorage.removeItem(KEY);
  localStorage.removeItem(KEY);
  ended.value = why;
  who.value = undefined;
  secret.value = undefined;
}

/** True when the caller has the permission; the page leaves out what it may not do. */
export function may(permission: string): boolean {
  const held = who.value?.permissions ?? [];
  return held.includes('*') || held.includes(permission);
}

/** True for an owner, who holds some servers and nothing of the node. */
export function holdsAll(): boolean {
  return who.value?.servers.includes('*') === true;
}
