/**
 * The shape of a dialect, and what the HTTP side hands to each: one dialect is one set of routes in one protocol's
 * words over the same `BackupService`. A dialect translates; it never reads files, records or sockets by itself, so
 * everything that touches a connection (downloads) comes in through `DialectPorts`.
 */
import type { ServerResponse } from 'node:http';
import type { HttpBindings } from '@hono/node-server';
import type { OpenAPIHono } from '@hono/zod-openapi';
import type { Context } from 'hono';
import type { Clock } from '../base/clock.ts';
import type { JobId, ServerId } from '../base/ids.ts';
import type { Log } from '../base/log.ts';
import type { ByteSource } from '../base/source.ts';
import type { Timers } from '../base/timers.ts';
import type { BackupService, EventSource, FileContent } from '../jobs/contract.ts';
import type { Caller, CallerDialect } from './access.ts';

/** What comes with a request besides itself. */
export interface Bindings extends Partial<HttpBindings> {
  /** Left by a handler whose answer's body is to be written piece by piece. */
  sending?: BodySending;
}

export interface BodySending {
  /** Stands for the pieces in the answer. */
  readonly body: ReadableStream;
  /** Writes them and ends the answer, whose headers are written; never rejects. Instead of reading `body`. */
  send(outgoing: ServerResponse): Promise<void>;
  /** Frees them when they are not to be sent. */
  drop(): void;
}

export interface AppEnv {
  /** Node's own request and response are absent when a test calls the app without a server. */
  Bindings: Bindings;
  Variables: {
    requestId: string;
    /** Absent when no credential, or a wrong one, was presented. */
    caller: Caller | undefined;
    /** Set by a guard on the routes of one server, after the caller was found to hold it. */
    server: ServerId;
    /** Set by whoever made a job of the request, so that the log leads from the one to the other. */
    job: JobId | undefined;
  };
}

export type App = OpenAPIHono<AppEnv>;
export type AppContext = Context<AppEnv>;

export interface ArchiveDownload {
  /** Closed by `sendArchive` in every case, also when it throws. */
  readonly source: ByteSource;
  /** What the browser saves it as. */
  readonly fileName: string;
  readonly contentType: string;
  /** The strong validator, without quotes; the bytes of one tag never change. */
  readonly tag?: string;
}

export interface DialectDeps {
  readonly service: BackupService;
  readonly events: EventSource;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: Log;
  readonly version: string;
  /** `api.public_url` without a slash at its end; null when the operator set none. */
  readonly publicUrl: string | null;
  /** Secret key of at least 32 bytes that signs download tokens. */
  readonly downloadKey: Uint8Array;
  /** Secret key that signs tokens for `/api/servers/{server}/ws`; to be asked for at each use, since a panel may change it. */
  readonly socketKey: () => Uint8Array;
  /** Answers GET and HEAD with ranges and validators; a client that hangs up closes the source at once. */
  sendArchive(c: AppContext, download: ArchiveDownload): Promise<Response>;
  /**
   * Answers with one file out of an archive as an attachment. `stop` is aborted when the client hangs up, and must be
   * the signal that `BackupService.content` was called with.
   */
  sendContent(c: AppContext, content: FileContent, stop: AbortController): Promise<Response>;
}

export interface Dialect {
  readonly name: CallerDialect;
  /**
   * The caller that a request's headers prove, or undefined when they hold no valid credential of this dialect.
   * Called once per request, before any route; must take the same time for a wrong secret as for a right one.
   */
  identify?(headers: Headers): Caller | undefined;
  /**
   * Adds the routes. On a path that several dialects share, a handler must pass on (`await next()`) unless the caller
   * is of its own dialect. The native dialect is mounted last and answers what nobody else took.
   */
  mount(app: App, ports: DialectDeps): void;
  /** True for paths on which this dialect speaks websocket; any other `Upgrade` is ignored. */
  speaksSocket?(path: string): boolean;
}
