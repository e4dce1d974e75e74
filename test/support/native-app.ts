/** The whole HTTP side over a scripted service, called without a network. */
import { openLog } from '../../src/base/log/log.ts';
import type { TokenConfig } from '../../src/config/types.ts';
import { Secret } from '../../src/config/secret.ts';
import { createApp, type AppOptions } from '../../src/http/app.ts';
import { MemorySessions } from './memory-sessions.ts';
import { ManualTime } from './manual-time.ts';
import { ScriptedComparisons } from './scripted-comparisons.ts';
import { ScriptedNode } from './scripted-node.ts';
import { noVaults } from './scripted-vaults.ts';
import { ScriptedNotify } from './scripted-notify.ts';
import { ManualEvents, ScriptedService } from './scripted-service.ts';
import { knownSecret } from './secret-shapes.ts';

export const ADMIN = knownSecret('admin-secret-admin-secret');

export function tokenWith(id: string, secret: string, grant: Partial<TokenConfig> = {}): TokenConfig {
  return { id, secret: new Secret(secret), permissions: ['*'], servers: ['*'], limits: null, ...grant };
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The body as JSON, or undefined when it is none. */
  readonly body: unknown;
}

export interface Call {
  /** The admin's by default; '' for no header. */
  readonly token?: string;
  readonly headers?: Record<string, string>;
  /** Sent as JSON, or verbatim when it is a string. */
  readonly body?: unknown;
}

export function openNativeApp(change: Partial<AppOptions> = {}) {
  const service = new ScriptedService();
  const node = new ScriptedNode();
  const notify = new ScriptedNotify();
  const comparisons = new ScriptedComparisons(service);
  const events = new ManualEvents();
  const time = new ManualTime();
  const logged: string[] = [];
  const log = openLog({ level: 'debug', format: 'json' }, { write: (line) => void logged.push(line) });
  let requests = 0;
  const app = createApp({
    service,
    node,
    notify,
    comparisons,
    vaults: noVaults(service),
    events,
    tokens: [tokenWith('admin', ADMIN)],
    api: { publicUrl: null, trustedProxies: [], tls: null },
    keys: { downloads: Buffer.alloc(32, 7), sockets: () => Buffer.alloc(32, 8) },
    sessions: new MemorySessions(),
    clock: time,
    timers: time,
    log,
    version: '1.2.3',
    newRequestId: () => `request-${++requests}`,
    ...change,
  });

  async function call(method: string, path: string, { token = ADMIN, headers = {}, body }: Call = {}): Promise<Answer> {
    const response = await app.fetch(
      new Request(`http://node.test${path}`, {
        method,
        headers: { ...(token === '' ? {} : { authorization: `Bearer ${token}` }), ...headers },
        ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      }),
      {},
    );
    const text = await response.text();
    return { status: response.status, headers: response.headers, text, body: parsed(text) };
  }

  return { app, service, node, comparisons, events, time, logged, call };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
