/**
 * The four keys of Wings' own file that say where it listens, and whom it believes. All else in it stays as it is, since
 * Wings rewrites the file at each of its starts and the panel may have changed it meanwhile.
 */
import fs from 'node:fs';
import { parseDocument } from 'yaml';
import { z } from 'zod';
import { Failure } from '../../base/failure.ts';

/** What is undefined is not in the file: Wings' own default counts. */
export interface WingsAddress {
  readonly host: string | undefined;
  readonly port: number | undefined;
  readonly tls: boolean | undefined;
  readonly trustedProxies: readonly string[] | undefined;
}

export interface WingsFacts extends WingsAddress {
  readonly cert: string;
  readonly key: string;
  /** Numbers of the user of the games' files; undefined where the file does not say. */
  readonly owner: string | undefined;
}

/** Where the former file is kept. */
export const formerOf = (path: string): string => `${path}.before-roost`;
const ROOST = '127.0.0.1/32';

const KEYS = {
  host: ['api', 'host'],
  port: ['api', 'port'],
  tls: ['api', 'ssl', 'enabled'],
  trustedProxies: ['api', 'trusted_proxies'],
} as const;

const text = z.string().optional().catch(undefined);
const number = z.number().optional().catch(undefined);

const FileShape = z.object({
  api: z
    .object({
      host: text,
      port: number,
      ssl: z.object({ enabled: z.boolean().optional().catch(undefined), cert: text, key: text }).catch({}),
      trusted_proxies: z.array(z.string()).optional().catch(undefined),
    })
    .partial()
    .catch({}),
  system: z
    .object({ user: z.object({ uid: number, gid: number }).catch({}) })
    .partial()
    .catch({}),
});

/** @throws Failure `config_invalid` for what is no YAML. */
export function wingsFacts(written: string, path: string): WingsFacts {
  const { data } = FileShape.partial().safeParse(contentOf(written, path).toJS({ maxAliasCount: 0 }));
  const { host, port, ssl, trusted_proxies: trustedProxies } = data?.api ?? {};
  const { uid = 0, gid = 0 } = data?.system?.user ?? {};
  return {
    host: host === '' ? undefined : host,
    port,
    tls: ssl?.enabled,
    trustedProxies,
    cert: ssl?.cert ?? '',
    key: ssl?.key ?? '',
    owner: uid > 0 ? `${uid}:${gid}` : undefined,
  };
}

/** @returns the text with Wings at a loopback port, without TLS, and this host its trusted proxy. */
export function movedToLoopback(text: string, path: string, port: number): string {
  const { trustedProxies = [] } = wingsFacts(text, path);
  const proxies = trustedProxies.includes(ROOST) ? trustedProxies : [...trustedProxies, ROOST];
  return withAddress(text, path, { host: '127.0.0.1', port, tls: false, trustedProxies: proxies });
}

/** @returns the text with these four keys, unchanged where they say so already. */
export function withAddress(text: string, path: string, address: WingsAddress): string {
  const document = contentOf(text, path);
  const now = wingsFacts(text, path);
  let changed = false;
  for (const name of ['host', 'port', 'tls', 'trustedProxies'] as const) {
    if (String(now[name]) === String(address[name]) && (now[name] === undefined) === (address[name] === undefined)) {
      continue;
    }
    changed = true;
    if (address[name] === undefined) document.deleteIn(KEYS[name]);
    else document.setIn(KEYS[name], document.createNode(address[name]));
  }
  return changed ? document.toString({ lineWidth: 0 }) : text;
}

/** @throws Failure `config_invalid`. */
export function readText(path: string): string {
  try {
    return fs.readFileSync(path, 'utf8');
  } catch (error) {
    throw new Failure('config_invalid', `Cannot read the configuration of Wings ${path}: ${String(error)}`, {
      cause: error,
      hint: 'Name it: --wings-config FILE.',
    });
  }
}

function contentOf(text: string, path: string) {
  const document = parseDocument(text);
  if (document.errors.length === 0) return document;
  throw new Failure('config_invalid', `Cannot use the configuration of Wings ${path}: it is no YAML`);
}
