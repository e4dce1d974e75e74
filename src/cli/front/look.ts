/**
 * Looks at a host before anything is changed: which Wings runs there, by which file and unit, and what stands in the way.
 * All that cannot be done is said here.
 */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import fs from 'node:fs';
import net from 'node:net';
import { join } from 'node:path';
import { Failure, reasonOf } from '../../base/failure.ts';
import { type Config, parseConfig } from '../../config/config.ts';
import { readWingsConfig } from '../../servers/wings-config.ts';
import { askWings, type RunningWings } from './running-wings.ts';
import { type FrontHost, ROOST_UNIT, roostConfigOf, unitProperty, WINGS_UNIT, wingsFilesOf } from './host.ts';
import { formerOf, readText, wingsFacts, type WingsFacts } from './wings-file.ts';

export interface FrontWishes {
  readonly wingsConfig?: string;
  readonly wingsPort?: number;
  /** Where a Wings already listens that this host's systemd does not run. */
  readonly wings?: string;
}

/** What is taken over. */
export interface Takeover {
  readonly kind: 'pterodactyl' | 'pelican' | 'calagopus';
  readonly running: RunningWings;
  readonly wingsConfig: string;
  readonly remote: string;
  /** The address at which it answers now. */
  readonly runningAt: string;
  /** The node's address. */
  readonly listen: { readonly host: string; readonly port: number; readonly tls: { cert: string; key: string } | null };
  /** `http://127.0.0.1:port`, where Wings is to be. */
  readonly wings: string;
  /** False for a Wings in a container: it was moved by its operator. */
  readonly moves: boolean;
  /** Roost's configuration says already that Roost is before a Wings. */
  readonly stands: boolean;
  /** Proxies before the node. */
  readonly trustedProxies: readonly string[];
  readonly data: string;
  readonly backupDirectory: string | null;
  /** `uid:gid` of the games' files. */
  readonly owner: string | undefined;
  /** How many archives of Wings there are, and what the operator must know before going on. */
  readonly archives: number;
  readonly notes: readonly string[];
}

const FIRST_PORT = 18_080;
const MOST_PORTS = 100;
/** Wings writes to a backup all the time. */
const YOUNG_MS = 60_000;

/** @throws Failure `config_invalid` with what to do, for each host that cannot be taken over. */
export async function lookAtHost(host: FrontHost, wishes: FrontWishes, now: number): Promise<Takeover> {
  const inUnit = wishes.wings === undefined ? await requireUnit(host) : '';
  const path = wingsFileOf(host, wishes, inUnit);
  const file = await readWingsConfig(path);
  const facts = wingsFacts(readText(path), path);
  const roost = frontBefore(host);
  const token = file.token.reveal();
  const { running, url } = await findRunning(candidates(facts, roost, path, wishes), token);
  if (running.kind === 'elytra') {
    throw refusal('Elytra runs on this node, whose backup routes are its own', 'Front mode stands before Wings alone.');
  }
  const before = originalFacts(facts, path, roost);
  const listen = roost?.listen ?? listenOf(before);
  if (listen.tls !== null) requirePair(listen.tls);
  const port = await portFor(facts, roost, wishes, listen.port);
  const { count, isYoung } = archivesIn(file.backupDirectory, now);
  const data = file.data ?? '/var/lib/pterodactyl/volumes';
  return {
    kind: running.kind,
    running,
    wingsConfig: path,
    remote: file.remote,
    runningAt: url,
    listen,
    wings: wishes.wings ?? `http://127.0.0.1:${port}`,
    moves: wishes.wings === undefined,
    stands: roost !== undefined,
    trustedProxies: roost?.trustedProxies ?? (before.trustedProxies ?? []).filter((block) => block !== '127.0.0.1/32'),
    data,
    backupDirectory: file.backupDirectory,
    owner: facts.owner,
    archives: count,
    notes: isYoung ? ['Wings seems to be making a backup: its restart ends that'] : [],
  };
}

/** @returns how the unit starts Wings. */
async function requireUnit(host: FrontHost): Promise<string> {
  if ((await unitProperty(host, ROOST_UNIT, 'LoadState')) !== 'loaded') {
    throw refusal('there is no roost.service on this host', 'sudo roost setup, then sudo roost front.');
  }
  const state = await unitProperty(host, WINGS_UNIT, 'ActiveState');
  if (state !== 'active') {
    throw refusal(
      `wings.service is ${state === '' ? 'not there' : state}`,
      'Start it. Where Wings runs in a container: publish it as 127.0.0.1:18080:8080 instead of 8080:8080, start it anew, ' +
        'then sudo roost front --wings http://127.0.0.1:18080.',
    );
  }
  const start = await unitProperty(host, WINGS_UNIT, 'ExecStart');
  if (/--auto-tls\b/.test(start)) {
    throw refusal(
      'Wings gets its own certificates (--auto-tls), which it cannot behind another listener',
      'Get one with certbot, name it in api.ssl of its file, take --auto-tls out of wings.service, and restart it.',
    );
  }
  return start;
}

function wingsFileOf(host: FrontHost, { wingsConfig }: FrontWishes, start: string): string {
  if (wingsConfig !== undefined) return wingsConfig;
  const named = /--config[= ]([^\s;]+)/.exec(start)?.[1];
  const found = named ?? wingsFilesOf(host).find((path) => fs.existsSync(path));
  if (found !== undefined) return found;
  throw refusal('no configuration of Wings was found', 'Name it: --wings-config FILE.');
}

/** The front that an earlier run has set up. */
function frontBefore(host: FrontHost): Config['front'] | undefined {
  const path = roostConfigOf(host);
  if (!fs.existsSync(path)) return undefined;
  return parseConfig(path, fs.readFileSync(path, 'utf8'), host.env).front ?? undefined;
}

/** Addresses to try for the running Wings: its file may have changed since it started. */
function candidates(
  facts: WingsFacts,
  roost: Config['front'] | undefined,
  path: string,
  { wings }: FrontWishes,
): readonly string[] {
  if (wings !== undefined) return [wings];
  const former = formerFacts(path);
  const all = [urlOf(facts), ...(roost === undefined || roost === null ? [] : [roost.wings])];
  return [...new Set([...all, ...(former === undefined ? [] : [urlOf(former)])])];
}

async function findRunning(urls: readonly string[], token: string) {
  const answers: string[] = [];
  for (const url of urls) {
    const asked = await askWings(url, token);
    if (typeof asked !== 'string') return { running: asked, url };
    answers.push(`${url}: ${asked}`);
  }
  const hint = answers.some((each) => each.endsWith('another token'))
    ? 'The file is not that of the running Wings, or it was changed after its start: name the right one, --wings-config FILE.'
    : 'Start Wings, or free its port; then run this again.';
  throw refusal(`Wings does not answer where its file says (${answers.join('; ')})`, hint);
}

/** Before Roost has moved it. */
function originalFacts(facts: WingsFacts, path: string, roost: Config['front'] | undefined): WingsFacts {
  return roost === undefined || roost === null ? facts : (formerFacts(path) ?? facts);
}

export function formerFacts(path: string): WingsFacts | undefined {
  const former = formerOf(path);
  return fs.existsSync(former) ? wingsFacts(readText(former), former) : undefined;
}

function listenOf({ host = '0.0.0.0', port = 8080, tls = false, cert, key }: WingsFacts): Takeover['listen'] {
  return { host, port, tls: tls ? { cert, key } : null };
}

/** As this host reaches it. */
export function urlOf({
  host = '0.0.0.0',
  port = 8080,
  tls = false,
}: Pick<WingsFacts, 'host' | 'port' | 'tls'>): string {
  const address = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host;
  return `${tls ? 'https' : 'http'}://${address.includes(':') ? `[${address}]` : address}:${port}`;
}

function requirePair({ cert, key }: { readonly cert: string; readonly key: string }): void {
  try {
    const fits = new X509Certificate(fs.readFileSync(cert)).checkPrivateKey(createPrivateKey(fs.readFileSync(key)));
    if (!fits) throw new Error('the key is not that of the certificate');
  } catch (error) {
    const hint = 'Mend api.ssl of the file of Wings, restart it, and run this again.';
    throw refusal(`the certificate ${cert} cannot be used: ${reasonOf(error)}`, hint);
  }
}

async function portFor(
  facts: WingsFacts,
  roost: Config['front'] | undefined,
  { wingsPort, wings }: FrontWishes,
  listenPort: number,
): Promise<number> {
  if (wings !== undefined) return 0;
  const kept = roost === undefined || roost === null ? undefined : Number(new URL(roost.wings).port);
  if (wingsPort === undefined && kept !== undefined && kept > 0) return kept;
  if (wingsPort !== undefined) {
    const isIts = facts.port === wingsPort && facts.host === '127.0.0.1';
    if (wingsPort !== listenPort && (isIts || wingsPort === kept || (await isFree(wingsPort)))) return wingsPort;
    throw refusal(`port ${wingsPort} of 127.0.0.1 is taken`, 'Choose another: --wings-port N.');
  }
  for (let port = FIRST_PORT; port < FIRST_PORT + MOST_PORTS; port++) {
    if (port !== listenPort && (await isFree(port))) return port;
  }
  throw refusal(`no port from ${FIRST_PORT} on is free`, 'Choose one: --wings-port N.');
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = net.createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

/** Counts archives in the directory and one level below: the daemons have different layouts. */
function archivesIn(directory: string | null, now: number): { readonly count: number; readonly isYoung: boolean } {
  if (directory === null || !fs.existsSync(directory)) return { count: 0, isYoung: false };
  const inside = fs.readdirSync(directory, { withFileTypes: true });
  const below = inside
    .filter((each) => each.isDirectory())
    .flatMap(({ name }) => fs.readdirSync(join(directory, name), { withFileTypes: true }));
  const files = [...inside, ...below].filter((each) => each.isFile());
  const isYoung = files.some(({ parentPath, name }) => {
    const { mtimeMs } = fs.statSync(join(parentPath, name), { throwIfNoEntry: false }) ?? { mtimeMs: 0 };
    return now - mtimeMs < YOUNG_MS;
  });
  return { count: files.filter(({ name }) => name.endsWith('.tar.gz')).length, isYoung };
}

function refusal(problem: string, hint: string): Failure {
  return new Failure('config_invalid', `Cannot take over this node: ${problem}`, { hint });
}
