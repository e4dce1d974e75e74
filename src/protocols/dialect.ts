/**
 * The contract between the HTTP side and the dialects.
 *
 * For: a dialect is the routes of one protocol over the shared `BackupService`. Promises: everything that touches a
 * connection (downloads, sockets) comes in through `DialectDeps`. Never: reads files or records.
 */
import type { ServerResponse } from 'node:http';
import type { HttpBindings } from '@hono/node-server';
import type { OpenAPIHono } from '@hono/zod-openapi';
import type { Context } from 'hono';
import type { Clock } from '../base/clock.ts';
import type { JobId, ServerId } from '../base/ids.ts';
import type { Log } from '../base/log/log.ts';
import type { ByteSource } from '../base/source.ts';
import type { Timers } from '../base/timers.ts';
import type { CompareService } from '../jobs/compare-contract.ts';
import type { BackupService, EventSource, FileContent, NodeService } from '../jobs/contract.ts';
import type { VaultService } from '../jobs/vault-contract.ts';
import type { NotifyService } from '../jobs/notify/port.ts';
import type { Caller, CallerDialect } from './access.ts';

/** Hono's bindings of a request. */
export interface Bindings extends Partial<HttpBindings> {
  /** Set by a handler whose body is written piece by piece. */
  sending?: BodySending;
}

export interface BodySending {
  /** The body to give to the framework in place of the pieces. */
  readonly body: ReadableStream;
  /** Writes the pieces and ends the answer, after its headers; never rejects. Replaces reading `body`. */
  send(outgoing: ServerResponse): Promise<void>;
  /** Frees the pieces when they are not sent. */
  drop(): void;
}

export interface AppEnv {
  /** Without Node's request and response when a test calls the app without a server. */
  Bindings: Bindings;
  Variables: {
    requestId: string;
    caller: Caller | undefined;
    /** The server of the path; set by a guard once the caller is known to hold it. */
    server: ServerId;
    /** The job that the request started, for the access log. */
    job: JobId | undefined;
  };
}

export type App = OpenAPIHono<AppEnv>;
export type AppContext = Context<AppEnv>;

export interface ArchiveDownload {
  /** Always closed by `sendArchive`, also when it throws. */
  readonly source: ByteSource;
  readonly fileName: string;
  readonly contentType: string;
  /** The strong ETag, without quotes; the bytes of one tag never change. */
  readonly tag?: string;
}

/** What a download is counted by, for the limits of open downloads. */
export interface DownloadPlace {
  readonly link?: string | undefined;
  /** The caller, or the server of a link. */
  readonly holder: string;
}

export interface DialectDeps {
  readonly service: BackupService;
  readonly node: NodeService;
  readonly notify: NotifyService;
  readonly comparisons: CompareService;
  readonly vaults: VaultService;
  readonly events: EventSource;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: Log;
  readonly version: string;
  /** Whether servers run, where another daemon of this host says so; never rejects. */
  readonly power?: (() => Promise<ReadonlyMap<ServerId, string>>) | undefined;
  /** `api.public_url` without a trailing slash; null when not configured. */
  readonly publicUrl: string | null;
  /** Signs download tokens; at least 32 bytes. */
  readonly downloadKey: Uint8Array;
  /** Signs tokens for `/api/servers/{server}/ws`. Read at each use, since a panel may change it. */
  readonly socketKey: () => Uint8Array;
  /**
   * Counts a download, of all dialects together.
   *
   * @returns what gives its place back, safe to call twice, and called when the connection has taken the answer or is
   *   gone; undefined when too many are open.
   */
  admitDownload(c: AppContext, place: DownloadPlace): (() => void) | undefined;
  /** Answers GET and HEAD with ranges and validators; closes the source as soon as the client hangs up. */
  sendArchive(c: AppContext, download: ArchiveDownload): Promise<Response>;
  /**
   * Answers with one file of an archive as an attachment.
   *
   * @param stop aborted when the client hangs up; must be the signal that `BackupService.content` got.
   */
  sendContent(c: AppContext, content: FileContent, stop: AbortController): Promise<Response>;
}

export interface Dialect {
  readonly name: CallerDialect;
  /**
   * The caller that the headers authenticate, or undefined. Called once per request, before any route; must take
   * constant time for right and wrong secrets.
   *
   * @param address that the request comes from.
   */
  identify?(headers: Headers, address: string): Caller | undefined;
  /**
   * Adds the routes. On a shared path, a handler must call `next()` for callers of other dialects. The native dialect
   * is mounted last and answers the rest.
   */
  mount(app: App, ports: DialectDeps): void;
  /** True for this dialect's websocket paths; `Upgrade` on other paths is ignored. */
  speaksSocket?(path: string): boolean;
}
