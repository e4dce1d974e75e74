/**
 * The session of this browser. Its secret lies in the tab's storage, or, for who stays signed in, in that of the browser;
 * both belong to this address and port alone. A new tab asks the open ones.
 */
import { signal } from '@preact/signals';
import type { components } from '../api/schema.d.ts';
import { base } from './base.ts';

export type Who = components['schemas']['Caller'];

/** Undefined when nobody is signed in. */
export const secret = signal<string | undefined>(undefined);
/** Undefined until the daemon has answered. */
export const who = signal<Who | undefined>(undefined);
/** Why the session ended, for the sign-in page. */
export const ended = signal<string | undefined>(undefined);

const KEY = `roost ${base.pathname}`;
const ANSWER_MS = 150;

const channel = new BroadcastChannel(KEY);
channel.addEventListener('message', ({ data }: MessageEvent<unknown>) => {
  const { ask, gone } = (data ?? {}) as { ask?: true; gone?: string };
  if (ask === true && secret.value !== undefined) channel.postMessage({ secret: secret.value });
  if (gone !== undefined && gone === secret.value) forget('You signed out in another tab.', false);
});

/** The secret that this browser has, from its storage or from another tab. */
export async function findSecret(): Promise<string | undefined> {
  const stored = localStorage.getItem(KEY) ?? sessionStorage.getItem(KEY);
  if (stored !== null) return stored;
  const { promise, resolve } = Promise.withResolvers<string | undefined>();
  const listen = ({ data }: MessageEvent<unknown>): void => {
    const told = (data as { secret?: unknown } | null)?.secret;
    if (typeof told === 'string') resolve(told);
  };
  channel.addEventListener('message', listen);
  channel.postMessage({ ask: true });
  const timer = setTimeout(() => resolve(undefined), ANSWER_MS);
  const found = await promise;
  clearTimeout(timer);
  channel.removeEventListener('message', listen);
  return found;
}

export function remember(value: string, keep: boolean): void {
  (keep ? sessionStorage : localStorage).removeItem(KEY);
  (keep ? localStorage : sessionStorage).setItem(KEY, value);
  ended.value = undefined;
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

/** Whether the caller may: what it may not is absent from the page. */
export function may(permission: string): boolean {
  const held = who.value?.permissions ?? [];
  return held.includes('*') || held.includes(permission);
}

/** True for an owner, who holds some servers and nothing of the node. */
export function holdsAll(): boolean {
  return who.value?.servers.includes('*') === true;
}
