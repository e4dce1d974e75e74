/**
 * Moves single requests and sockets to one other server and back.
 *
 * For: a daemon in front of another one. Promises: one fixed address; streams with back-pressure both ways; refuses heads
 * that two servers could read differently; counts requests and bytes. Never: knows what the other
 * server does, or why something is passed to it.
 */
import type { Timers } from '../base/timers.ts';
import { pass, type Passing } from './pass.ts';
import { Traffic, type TrafficCounts } from './traffic.ts';
import { tunnel, type Tunnelling } from './tunnel.ts';
import { openUpstream, type Upstream } from './upstream.ts';

export type { Passing, PassFault } from './pass.ts';
export type { Tunnelling } from './tunnel.ts';
export type { TrafficCounts } from './traffic.ts';
export { type ClientFacts, requestHeaders, valueOf } from './headers.ts';
export { readSmallBody } from './peek.ts';
export type { Upstream } from './upstream.ts';
export { answerOwn } from './refuse.ts';
export { answerUpgrade, responseOn } from './tunnel.ts';
export { isFault, readHead, type RequestHead } from './request-head.ts';

export interface Relay {
  readonly upstream: Upstream;
  readonly traffic: Traffic;
  readonly counts: TrafficCounts;
  /** Passes a request and its answer; ends on its own. */
  pass(passing: Passing): void;
  /** Passes an upgrade; ends with either side. */
  tunnel(tunnelling: Tunnelling): void;
  /** Closes idle connections. Requests and sockets under way continue. */
  close(): void;
}

export interface RelayOptions {
  /** `http://address:port`. */
  readonly url: string;
  readonly timers: Timers;
}

export function openRelay({ url, timers }: RelayOptions): Relay {
  const upstream = openUpstream(url);
  const traffic = new Traffic();
  const deps = { upstream, timers, traffic };
  return {
    upstream,
    traffic,
    get counts() {
      return traffic.counts;
    },
    pass: (passing) => pass(passing, deps),
    tunnel: (tunnelling) => tunnel(tunnelling, deps),
    close: () => upstream.close(),
  };
}
