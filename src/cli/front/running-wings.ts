/**
 * Finds out what answers at an address: whether it is a Wings, which one, and whether it accepts a token. The token is sent
 * only after the server has answered a request without a token as Wings does.
 *
 * Sources: pterodactyl/wings router/middleware/middleware.go; calagopus/wings src/response.rs; pelican-dev/wings
 * router/middleware (`User-Agent` of answers); pyrohost/elytra src/router/router.go.
 */
import http from 'node:http';
import https from 'node:https';

export type WingsKind = 'pterodactyl' | 'pelican' | 'calagopus' | 'elytra';

export interface RunningWings {
  readonly kind: WingsKind;
  readonly version: string;
  /** Ids of its servers, and how many of them run. */
  readonly servers: readonly string[];
  readonly running: number;
}

export type Asked = RunningWings | 'nothing answers' | 'something else' | 'another token';

interface Answer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
}

const ANSWER_MS = 10_000;
const ANSWER_BYTES = 64 * 1024 * 1024;
const WITHOUT_TOKEN: ReadonlySet<string> = new Set([
  'The required authorization heads were not present in the request.',
  'invalid authorization header',
]);

/**
 * @param url `http://address:port` or https; a certificate is not compared with the address, which is this host's.
 * Never rejects for what answers or does not.
 */
export async function askWings(url: string, token: string): Promise<Asked> {
  const bare = await get(`${url}/api/system`);
  if (bare === undefined) return 'nothing answers';
  if (bare.status !== 401 || !WITHOUT_TOKEN.has(errorIn(bare.body))) return 'something else';
  const system = await get(`${url}/api/system`, token);
  if (system === undefined) return 'nothing answers';
  if (system.status === 401 || system.status === 403) return 'another token';
  const version = textIn(system.body, 'version');
  if (system.status !== 200 || version === undefined) return 'something else';
  const [jobs, servers] = await Promise.all([
    get(`${url}/api/servers/00000000-0000-4000-8000-000000000000/jobs`, token),
    get(`${url}/api/servers`, token),
  ]);
  const states = statesIn(servers?.body ?? '');
  const running = states.filter(([, state]) => state !== 'offline').length;
  return { kind: kindOf(system, version, jobs), version, servers: states.map(([id]) => id), running };
}

/** Elytra alone has a route of jobs below a server: others answer with their router's own 404, which is no JSON. */
function kindOf({ headers }: Answer, version: string, jobs: Answer | undefined): WingsKind {
  if ((headers['user-agent'] ?? '').startsWith('Pelican Wings')) return 'pelican';
  if (version.includes(':')) return 'calagopus';
  return jobs !== undefined && errorIn(jobs.body) !== '' ? 'elytra' : 'pterodactyl';
}

/** @returns undefined when there is no answer. */
export function get(url: string, token?: string): Promise<Answer | undefined> {
  const { promise, resolve } = Promise.withResolvers<Answer | undefined>();
  const headers = { Accept: 'application/json', ...(token === undefined ? {} : { Authorization: `Bearer ${token}` }) };
  const client = url.startsWith('https:') ? https : http;
  const request = client.get(url, { headers, rejectUnauthorized: false, agent: false }, (response) => {
    let body = '';
    response.setEncoding('utf8').on('data', (part: string) => {
      body += part;
      if (body.length > ANSWER_BYTES) request.destroy();
    });
    response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }));
    response.on('error', () => resolve(undefined));
  });
  request.setTimeout(ANSWER_MS, () => request.destroy());
  request.on('error', () => resolve(undefined));
  request.on('close', () => resolve(undefined));
  return promise;
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function textIn(body: string, key: string): string | undefined {
  const value = jsonOf(body);
  const found: unknown = typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined;
  return typeof found === 'string' ? found : undefined;
}

function errorIn(body: string): string {
  return textIn(body, 'error') ?? '';
}

function statesIn(body: string): (readonly [id: string, state: string])[] {
  const list = jsonOf(body);
  if (!Array.isArray(list)) return [];
  return list.flatMap((each: { state?: unknown; configuration?: { uuid?: unknown } } | null) => {
    const [id, state] = [each?.configuration?.uuid, each?.state];
    return typeof id === 'string' && typeof state === 'string' ? [[id, state] as const] : [];
  });
}
