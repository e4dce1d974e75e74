/**
 * `npm run bench -- event-loop --files 50000 --rounds 3`: how long the daemon's event loop keeps callers
 * waiting while it makes, verifies and restores a backup of many small files. Both sides are shown: what the daemon
 * says of itself at `/metrics`, and how long a caller waited for `/health`, asked again and again meanwhile. Every
 * answer of this process goes through this one loop, so a busy machine shows here too: look at the load, and at how
 * long the loop's thread ran and how long it stood ready and was given no CPU.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { makeSmallFiles } from './tree.ts';

const MAIN = fileURLToPath(new URL('../dist/main.js', import.meta.url));
const SERVER = '11111111-1111-4111-8111-111111111111';
const TOKEN = 'a-token-of-the-bench-of-the-event-loop';
const BACKUPS = `/api/servers/${SERVER}/backups`;
/** Between two questions of a caller. */
const ASK_EVERY_MS = 20;

const { values: options } = parseArgs({
  allowPositionals: true,
  options: {
    files: { type: 'string', default: '50000' },
    rounds: { type: 'string', default: '3' },
    directory: { type: 'string', default: tmpdir() },
    main: { type: 'string', default: MAIN },
    /** `backups.nice`: how much it matters to the loop, on a machine that is busy with other things. */
    nice: { type: 'string', default: '0' },
  },
});

const scratch = fs.mkdtempSync(join(options.directory, 'roost-bench-'));
process.on('exit', () => fs.rmSync(scratch, { recursive: true, force: true }));
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(1));

type Call = (path: string, method?: string, body?: unknown) => Promise<unknown>;

const tree = makeSmallFiles(join(scratch, 'servers', SERVER), Number.parseInt(options.files, 10));
console.log(`${tree.files.length} files; ${cpus().length} x ${cpus()[0]?.model ?? 'CPU'}`);
const HEADINGS = [
  ['work', 8],
  ['round', 6],
  ['seconds', 8],
  ['load', 6],
  ['loop p99 ms', 12],
  ['loop max ms', 12],
  ['/health p99 ms', 15],
  ['/health max ms', 15],
  ['ran ms', 8],
  ['kept waiting ms', 16],
] as const;
console.log(HEADINGS.map(([heading, width]) => heading.padStart(width)).join(' '));
const daemon = await start();
for (let round = 1; round <= Number.parseInt(options.rounds, 10); round++) await measureRound(daemon.call, round);
daemon.child.kill('SIGTERM');
await once(daemon.child, 'exit');

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
backups: { nice: ${options.nice} }
limits: { per_server: 0, max_size: 0, reserve_free: 0 }
`,
    { mode: 0o600 },
  );
  const stdio = ['ignore', 'pipe', 'inherit'] as const;
  const child = spawn(process.execPath, [options.main, 'serve', '--config', config], { stdio: [...stdio] });
  process.on('exit', () => child.kill('SIGKILL'));
  for await (const line of createInterface({ input: child.stdout })) {
    const { url } = JSON.parse(line) as { readonly url?: string };
    if (url === undefined) continue;
    child.stdout.resume();
    return { child, call: caller(url) };
  }
  throw new Error('the daemon ended before it served');
}

function caller(url: string): Call {
  return async (path, method = 'GET', body) => {
    const answer = await fetch(url + path, {
      method,
      headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path} answered ${answer.status}: ${text}`);
    return path === '/metrics' ? text : JSON.parse(text);
  };
}

async function measureRound(call: Call, round: number): Promise<void> {
  let id = '';
  await measure('backup', round, call, async () => {
    ({ id } = (await call(BACKUPS, 'POST')) as { readonly id: string });
  });
  await measure('verify', round, call, () => call(`${BACKUPS}/${id}/verify`, 'POST'));
  await measure('restore', round, call, () => call(`${BACKUPS}/restore?id=${id}`, 'POST', { truncate: true }));
  // The next round's backup is not to copy from this one's.
  await call(`${BACKUPS}/delete?id=${id}`, 'DELETE');
}

async function measure(work: string, round: number, call: Call, run: () => Promise<unknown>): Promise<void> {
  // A scrape begins a new span of time.
  await call('/metrics');
  const start = performance.now();
  const before = schedule();
  const ending = new AbortController();
  const asking = ask(call, ending.signal);
  await run().finally(() => ending.abort());
  const waits = await asking;
  const after = schedule();
  const seconds = (performance.now() - start) / 1000;
  const metrics = (await call('/metrics')) as string;
  const [p99, max] = ['p99', 'max'].map((which) => milliseconds(metrics, `roost_event_loop_delay_${which}_seconds`));
  waits.sort((one, other) => one - other);
  const columns = [
    work,
    round,
    seconds.toFixed(2),
    (loadavg()[0] ?? 0).toFixed(1),
    (p99 ?? Number.NaN).toFixed(1),
    (max ?? Number.NaN).toFixed(1),
    (waits[Math.floor(waits.length * 0.99)] ?? Number.NaN).toFixed(1),
    (waits.at(-1) ?? Number.NaN).toFixed(1),
    (after.ran - before.ran).toFixed(0),
    (after.waited - before.waited).toFixed(0),
  ];
  console.log(columns.map((column, at) => String(column).padStart(HEADINGS[at]?.[1] ?? 0)).join(' '));
}

/** Milliseconds that the daemon's first thread, that of its event loop, ran, and stood ready without a CPU. */
function schedule(): { readonly ran: number; readonly waited: number } {
  const { pid } = daemon.child;
  const [ran = 0, waited = 0] = fs.readFileSync(`/proc/${pid}/task/${pid}/schedstat`, 'utf8').split(' ').map(Number);
  return { ran: ran / 1e6, waited: waited / 1e6 };
}

/** How many milliseconds each answer took, until the signal fires. */
async function ask(call: Call, signal: AbortSignal): Promise<number[]> {
  const waits: number[] = [];
  while (!signal.aborted) {
    const asked = performance.now();
    await call('/health');
    waits.push(performance.now() - asked);
    await delay(ASK_EVERY_MS);
  }
  return waits;
}

function milliseconds(metrics: string, name: string): number {
  const line = metrics.split('\n').find((at) => at.startsWith(`${name} `));
  return line === undefined ? Number.NaN : Number(line.slice(name.length)) * 1000;
}
