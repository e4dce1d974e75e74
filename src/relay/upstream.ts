/**
 * The other server: one address for the whole run, and the connections to it. No part of a request chooses a host.
 *
 * What changes nothing goes over connections that are kept; everything else over a new one, since a kept one may be
 * closed by the other side at the moment of sending, and a change must be neither sent twice nor lost.
 */
import { Agent, type ClientRequest, request as newRequest } from 'node:http';

export interface Upstream {
  readonly host: string;
  readonly port: number;
  /** `host:port`, as a `Host` header has it. */
  readonly authority: string;
  /** Begins a request. `kept`: it may go over a kept connection. */
  begin(options: UpstreamRequest): ClientRequest;
  close(): void;
}

export interface UpstreamRequest {
  readonly method: string;
  readonly target: string;
  /** Names and values by turns; sent as they are. */
  readonly headers: readonly string[];
  readonly kept: boolean;
}

/** So many idle connections are kept. */
const MOST_IDLE = 64;
const HEAD_BYTES = 64 * 1024;

/** @param url http, with an address and no path; checked by the config. */
export function openUpstream(url: string): Upstream {
  const { hostname, port: written, host: authority } = new URL(url);
  const host = hostname.replace(/^\[|\]$/g, '');
  const port = written === '' ? 80 : Number(written);
  // No bound on connections: uploads must not queue behind each other.
  const pool = new Agent({ keepAlive: true, maxSockets: Infinity, maxFreeSockets: MOST_IDLE, scheduling: 'lifo' });
  const single = new Agent({ keepAlive: false, maxSockets: Infinity });
  return {
    host,
    port,
    authority,
    begin: ({ method, target, headers, kept }) =>
      newRequest({
        host,
        port,
        method,
        path: target,
        headers,
        setHost: false,
        agent: kept ? pool : single,
        maxHeaderSize: HEAD_BYTES,
        insecureHTTPParser: false,
      }),
    close() {
      pool.destroy();
      single.destroy();
    },
  };
}
