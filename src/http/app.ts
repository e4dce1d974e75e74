/**
 * The HTTP side: one Hono app with the dialects' routes and what they share: request ids, security headers,
 * authentication, errors, event sockets.
 *
 * For: `http/server.ts`, and tests that call `fetch`. Promises: every answer has a request id; an error is JSON with a
 * stable code; no stack trace or secret is sent. Never: touches archives, stores or records, which are behind
 * `BackupService`.
 */
import { randomUUID } from 'node:crypto';
import { OpenAPIHono } from '@hono/zod-openapi';
import { requestId } from 'hono/request-id';
import { secureHeaders } from 'hono/secure-headers';
import type { MiddlewareHandler } from 'hono';
import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log/log.ts';
import { printableText } from '../base/files/paths.ts';
import type { SessionTable } from '../catalogue/sessions.ts';
import type { ApiConfig, TokenConfig } from '../config/types.ts';
import type { CompareService } from '../jobs/compare-contract.ts';
import type { VaultService } from '../jobs/vault-contract.ts';
import type { BackupService, EventSource, NodeService } from '../jobs/contract.ts';
import type { NotifyService } from '../jobs/notify/port.ts';
import type { App, AppContext, AppEnv, Dialect, DialectDeps } from '../protocols/dialect.ts';
import { clientDialect } from '../protocols/client/client.ts';
import * as native from '../protocols/native/native.ts';
import { failureOf, logThrown, STATUS_OF } from '../protocols/thrown.ts';
import { compressJson } from './compression.ts';
import { mountDocs } from './docs.ts';
import { mountPage } from './page.ts';
import { createDownloads } from './sending/download.ts';
import { remoteAddresses } from './remote-address.ts';
import { systemTimers, type Timers } from '../base/timers.ts';

export interface AppOptions {
  readonly service: BackupService;
  readonly node: NodeService;
  readonly notify: NotifyService;
  readonly comparisons: CompareService;
  readonly vaults: VaultService;
  readonly events: EventSource;
  readonly tokens: readonly TokenConfig[];
  readonly api: Pick<ApiConfig, 'publicUrl' | 'trustedProxies' | 'tls'>;
  /** `downloads`: at least 32 secret bytes that stay the same over restarts. `sockets`: see `DialectDeps.socketKey`. */
  readonly keys: { readonly downloads: Uint8Array; readonly sockets: () => Uint8Array };
  readonly sessions: SessionTable;
  readonly clock: Clock;
  readonly log: Log;
  readonly version: string;
  /** Further dialects, in the order in which they are mounted. */
  readonly dialects?: readonly Dialect[];
  readonly timers?: Timers;
  readonly newRequestId?: () => string;
  /** Shared between the apps of a node, so that their downloads are counted together. */
  readonly downloads?: Pick<DialectDeps, 'admitDownload' | 'sendArchive' | 'sendContent'>;
  readonly socketLimits?: native.SocketLimits;
  /** Shown by /metrics; closed by the caller. */
  readonly eventLoop?: native.EventLoopDelay;
  readonly openCopies?: () => native.OpenCopies;
  /** What a relay to Wings has passed, for /metrics. */
  readonly passed?: (() => native.PassedTraffic | undefined) | undefined;
  readonly power?: DialectDeps['power'];
  /** Where the built page lies; by default in `dist/web`. */
  readonly pageDirectory?: string;
}

export type DialectAppOptions = Pick<
  AppOptions,
  | 'service'
  | 'node'
  | 'comparisons'
  | 'vaults'
  | 'notify'
  | 'events'
  | 'api'
  | 'keys'
  | 'clock'
  | 'log'
  | 'version'
  | 'timers'
  | 'newRequestId'
  | 'downloads'
  | 'power'
>;

export interface HttpApp {
  /** Replaces the tokens from the next request on; for open sockets see `HttpServer.dropSockets`. */
  readonly setTokens: (tokens: readonly TokenConfig[]) => void;
  /** Ends sessions whose time is over. */
  readonly sweepSessions: () => void;
  readonly fetch: App['fetch'];
  /** @param target of a request: path and query. */
  readonly speaksSocket: (target: string) => boolean;
}

export function createApp(options: AppOptions): HttpApp {
  const { clock } = options;
  let tokens = native.createTokenCheck(options.tokens);
  const checkToken: native.TokenCheck = (secret) => tokens(secret);
  const addressOf = remoteAddresses(options.api.trustedProxies);
  const { downloads: key } = options.keys;
  const sessions = new native.Sessions({ table: options.sessions, tokens: options.tokens, checkToken, clock, key });
  const callerOf = (secret: Buffer, address: string) => checkToken(secret) ?? sessions.callerOf(secret, address);
  const identify = (headers: Headers, address: string) =>
    callerOf(native.bearerSecret(headers) ?? Buffer.alloc(0), address);
  const own = native.nativeDialect(identify, { sessions, addressOf });
  const dialects = [...(options.dialects ?? []), clientDialect, own];
  const app = baseApp(options, dialects);

  const timers = options.timers ?? systemTimers;
  const limits = options.socketLimits ?? native.SOCKET_LIMITS;
  native.mountEventSockets(app, { ...options, timers, limits, callerOf, sessions, addressOf });
  native.mountMetrics(app, options);
  mountDocs(app);
  mountPage(app, options.pageDirectory);
  const ports = portsOf(options, timers);
  for (const dialect of dialects) dialect.mount(app, ports);

  return {
    setTokens(changed) {
      tokens = native.createTokenCheck(changed);
      sessions.setTokens(changed);
    },
    sweepSessions: () => sessions.sweep(),
    fetch: app.fetch,
    speaksSocket: (target) => {
      const [path = '', query = ''] = target.split('?', 2);
      return native.speaksEvents(path, query) || dialects.some((dialect) => dialect.speaksSocket?.(path) === true);
    },
  };
}

/** The routes of one dialect, and nothing of this node's own API: for an address that others have had before. */
export function createDialectApp(options: DialectAppOptions, dialect: Dialect): Pick<HttpApp, 'fetch'> {
  const app = baseApp(options, [dialect]);
  dialect.mount(app, portsOf(options, options.timers ?? systemTimers));
  return { fetch: app.fetch };
}

function baseApp({ log, clock, api, newRequestId = randomUUID }: DialectAppOptions, dialects: readonly Dialect[]): App {
  const app: App = new OpenAPIHono<AppEnv>({
    defaultHook: (result) => {
      if (!result.success) throw native.invalidRequest(result.error, result.target);
    },
  });
  const addressOf = remoteAddresses(api.trustedProxies);
  app.use(requestId({ limitLength: 64, generator: () => newRequestId() }));
  app.use(accessLog(clock, log, addressOf));
  app.use(headers(api));
  app.use(compressJson);
  app.use(native.identifyCaller(dialects, addressOf, log));
  app.use(errorsOnly);
  app.onError((error, c) => answerThrown(c, error, log));
  app.notFound((c) => native.answerFault(c, 'not_found'));
  return app;
}

function portsOf(options: DialectAppOptions, timers: Timers): DialectDeps {
  const { service, node, comparisons, vaults, notify, events, clock, log, version, keys, api, power } = options;
  const { downloads = createDownloads({ log, timers }) } = options;
  const { publicUrl } = api;
  const signing = { downloadKey: keys.downloads, socketKey: keys.sockets };
  return {
    service,
    node,
    comparisons,
    vaults,
    notify,
    events,
    power,
    clock,
    timers,
    log,
    version,
    publicUrl,
    ...signing,
    ...downloads,
  };
}

function headers(api: AppOptions['api']): MiddlewareHandler<AppEnv> {
  const encrypted = api.tls !== null || api.publicUrl?.startsWith('https://') === true;
  const secure = secureHeaders({
    // Only where the address is https: a node on plain http must stay reachable for browsers that were here.
    strictTransportSecurity: encrypted ? 'max-age=15552000' : false,
    contentSecurityPolicy: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] },
    xFrameOptions: 'DENY',
    overwrite: false,
  });
  return async function headers(c, next) {
    await secure(c, next);
    if (!c.res.headers.has('cache-control')) c.res.headers.set('Cache-Control', 'no-store');
  };
}

const READS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);

// Without the query, which may hold a download token.
function accessLog(clock: Clock, log: Log, addressOf: (c: AppContext) => string): MiddlewareHandler<AppEnv> {
  return async function accessLog(c, next) {
    const began = clock.monotonic();
    await next();
    const facts = {
      requestId: c.get('requestId'),
      address: addressOf(c),
      caller: c.get('caller')?.id,
      session: c.get('caller')?.session,
      job: c.get('job'),
    };
    const { method, path } = c.req;
    const milliseconds = Math.round(clock.monotonic() - began);
    // Successful reads go to `debug`: pages that poll would otherwise bury the changes.
    const level = READS.has(method) && c.res.status < 400 ? 'debug' : 'info';
    log[level]('Request', { ...facts, method, path: printableText(path), status: c.res.status, milliseconds });
  };
}

// Hono passes only Errors to `onError`; other thrown values would escape the app.
const errorsOnly: MiddlewareHandler<AppEnv> = async (_, next) => {
  try {
    await next();
  } catch (thrown) {
    throw thrown instanceof Error ? thrown : new Error(`thrown: ${String(thrown)}`);
  }
};

function answerThrown(c: AppContext, thrown: unknown, log: Log): Response {
  logThrown(c, thrown, STATUS_OF[failureOf(thrown).code], log);
  return native.answerError(c, thrown);
}
