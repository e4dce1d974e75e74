/**
 * `npm run bench -- api --servers 500 --backups 2000 --files 200000`: what a page of a whole node costs. A daemon makes one
 * backup, its rows are multiplied in the catalogue with plain SQL, and a daemon that was started anew is asked: the
 * overview of all servers, pages of the list of one, its history, and the preview of a backup of many files. Times are of
 * the caller, from the first byte of the question to the last of the answer; bytes are those on the wire, as gzip.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import http from 'node:http';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { gunzipSync } from 'node:zlib';
import { formatBytes, MEBIBYTE } from '../src/base/sizes.ts';
import { makeSmallFiles } from './tree.ts';

const MAIN = fileURLToPath(new URL('../dist/main.js', import.meta.url));
const TOKEN = 'a-token-of-the-bench-of-the-api';

const { values: options } = parseArgs({
  allowPositionals: true,
  options: {
    servers: { type: 'string', default: '500' },
    backups: { type: 'string', default: '2000' },
    files: { type: 'string', default: '200000' },
    directory: { type: 'string', default: tmpdir() },
  },
});
const [servers, backups, files] = [options.servers, options.backups, options.files].map(Number) as [
  number,
  number,
  number,
];

const scratch = fs.mkdtempSync(join(options.directory, 'roost-bench-'));
process.on('exit', () => fs.rmSync(scratch, { recursive: true, force: true }));
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(1));

const serverId = (number: number): string => `11111111-1111-4111-8111-${number.toString(16).padStart(12, '0')}`;
const FIRST = serverId(0);
const BACKUPS = `/api/servers/${FIRST}/backups`;

for (let number = 0; number < servers; number++) {
  fs.mkdirSync(join(scratch, 'servers', serverId(number)), { recursive: true });
}
makeSmallFiles(join(scratch, 'servers', FIRST), files);
step('the tree was made');
const maker = await start();
const { id } = (await maker.ask('POST', BACKUPS)).body as { readonly id: string };
await maker.stop();
step('one backup was made');
multiply();
step('its rows were multiplied');
const daemon = await start();
console.log(`${servers} servers with ${backups} backups each; ${cpus().length} x ${cpus()[0]?.model ?? 'CPU'}`);
console.log(`load ${(loadavg()[0] ?? 0).toFixed(1)}; RSS after the start ${memory()}`);
await measure('overview, first', 'GET', '/api/servers?with=overview');
await measure('overview, again', 'GET', '/api/servers?with=overview');
await measure('list, first page of 100', 'GET', `${BACKUPS}?limit=100&fields=summary`);
const { headers } = await daemon.ask('GET', `${BACKUPS}?limit=1000&fields=summary`);
const cursor = /[?&]cursor=([^&>]+)/.exec(headers['link'] as string)?.[1];
// There with more backups than that.
if (cursor !== undefined)
  await measure('list, page behind 1,000', 'GET', `${BACKUPS}?limit=100&fields=summary&cursor=${cursor}`);
await measure('history of 400 days', 'GET', `/api/servers/${FIRST}/history?days=400`);
await measure('system with usage', 'GET', '/api/system?with=usage');
await measure('schedules', 'GET', '/api/schedules');
await measure(`preview of ${files} files`, 'POST', `${BACKUPS}/${id}/preview`, { truncate: true });
await measure('one level with totals, live', 'GET', `${BACKUPS}/${id}/files?with=totals,live`);
await measure('find in the backup', 'GET', `${BACKUPS}/${id}/find?q=1`);
console.log(`RSS at the end ${memory()}`);
await daemon.stop();

/** Tells on stderr how far the making of it is, which takes longer than what is measured. */
function step(what: string): void {
  console.error(`${(performance.now() / 1000).toFixed(0)} s: ${what}`);
}

async function measure(what: string, method: string, path: string, body?: object): Promise<void> {
  const [began, before] = [performance.now(), cpuMs()];
  const { status, bytes } = await daemon.ask(method, path, body);
  const [took, used] = [performance.now() - began, cpuMs() - before];
  if (status >= 400) throw new Error(`${path} answered ${status}`);
  const columns = [`${took.toFixed(0)} ms`, `${used} ms of CPU`, formatBytes(bytes)];
  console.log(`${what.padEnd(30)}${columns.map((column) => column.padStart(16)).join('')}`);
}

/** Copies the backup of the first server to all servers, six hours apart; ten of the newest have failed, as many as are kept. */
function multiply(): void {
  const catalogue = new DatabaseSync(join(scratch, 'state', 'catalogue.sqlite'));
  catalogue.exec('PRAGMA synchronous = OFF; BEGIN');
  for (const [table, key] of [
    ['backups', 'id'],
    ['history', 'backup'],
  ] as const) {
    const columns = catalogue
      .prepare(`PRAGMA table_info(${table})`)
      .all()
      .map(({ name }) => String(name));
    const changed: Readonly<Record<string, string>> = {
      [key]: `printf('bbbbbbbb-%04x-4000-8000-%012x', :server, n)`,
      server: ':id',
      created_at: 'created_at - n * 21600000',
      sequence: ':most - n + 1',
      status: `iif(n % 4 = 3 AND n < 40, 'FAILED', status)`,
      error: `iif(n % 4 = 3 AND n < 40, '{"code":"insufficient_storage","message":"No room"}', NULL)`,
      completed_at: 'iif(n % 4 = 3 AND n < 40, NULL, completed_at - n * 21600000)',
      code: `iif(n % 4 = 3 AND n < 40, 'insufficient_storage', NULL)`,
      size: 'size + n * 1000',
    };
    const copied = columns.filter((name) => name !== 'seq');
    const rows = catalogue.prepare(
      `WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < :most)
       INSERT INTO ${table} (${copied.join(', ')})
       SELECT ${copied.map((name) => changed[name] ?? name).join(', ')}
       FROM (SELECT * FROM ${table} WHERE ${key} = :first), numbers ORDER BY n DESC`,
    );
    for (let number = 0; number < servers; number++) {
      rows.run({ first: id, server: number, id: serverId(number), most: number === 0 ? backups - 1 : backups });
    }
  }
  catalogue
    .prepare('UPDATE backups SET sequence = :sequence WHERE id = :first')
    .run({ first: id, sequence: backups + 1 });
  catalogue.exec('COMMIT');
  catalogue.close();
}

async function start() {
  const config = join(scratch, 'config.yml');
  fs.writeFileSync(
    config,
    `
api: { host: 127.0.0.1, port: 0 }
state_directory: ${join(scratch, 'state')}
servers: { root: ${join(scratch, 'servers')} }
tokens: [ { id: bench, secret: ${TOKEN}, permissions: ["*"], servers: ["*"] } ]
storage: { default: local, stores: { local: { type: local, directory: ${join(scratch, 'backups')} } } }
limits: { per_server: 0, max_size: 0, reserve_free: 0 }
verification: { every_days: 0 }
schedules: [ { server: "*", cron: "0 */6 * * *", timezone: UTC } ]
`,
    { mode: 0o600 },
  );
  const stdio = ['ignore', 'pipe', 'inherit'] as const;
  const child = spawn(process.execPath, ['--max-semi-space-size=1', MAIN, 'serve', '--config', config], {
    stdio: [...stdio],
  });
  process.on('exit', () => child.kill('SIGKILL'));
  for await (const line of createInterface({ input: child.stdout })) {
    const { url } = JSON.parse(line) as { readonly url?: string };
    if (url === undefined) continue;
    child.stdout.resume();
    const stop = async (): Promise<void> => {
      child.kill('SIGTERM');
      await once(child, 'exit');
    };
    return { pid: child.pid, ask: caller(url), stop };
  }
  throw new Error('the daemon ended before it served');
}

interface Answer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  /** Bytes on the wire. */
  readonly bytes: number;
  readonly body: unknown;
}

function caller(url: string): (method: string, path: string, body?: object) => Promise<Answer> {
  const agent = new http.Agent({ keepAlive: true });
  const headers = { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json', 'accept-encoding': 'gzip' };
  return (method, path, body) =>
    new Promise((resolve, reject) => {
      const request = http.request(url + path, { method, headers, agent }, (response) => {
        const pieces: Buffer[] = [];
        response.on('data', (piece: Buffer) => pieces.push(piece));
        response.on('error', reject);
        response.on('end', () => {
          const sent = Buffer.concat(pieces);
          const plain = response.headers['content-encoding'] === 'gzip' ? gunzipSync(sent) : sent;
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            bytes: sent.length,
            body: JSON.parse(plain.toString('utf8')),
          });
        });
      });
      request.on('error', reject);
      request.end(body === undefined ? undefined : JSON.stringify(body));
    });
}

/** Of all threads of the daemon; the kernel counts in hundredths of a second. */
function cpuMs(): number {
  const fields = fs.readFileSync(`/proc/${daemon.pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

function memory(): string {
  const status = fs.readFileSync(`/proc/${daemon.pid}/status`, 'utf8');
  const of = (name: string): string =>
    formatBytes(
      Math.round((Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1]) * 1024) / MEBIBYTE) * MEBIBYTE,
    );
  return `${of('VmRSS')}, at most ${of('VmHWM')}`;
}
