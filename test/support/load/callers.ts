/**
 * A crowd of callers, in a process of their own so that what they do slows nothing of the test: each asks again as soon
 * as it was answered, until the standard input ends. Told at the end: how many answers of which status each kind got.
 *
 * @param argv a JSON object: { url, token, backups, id, directories, globs }
 */
import http from 'node:http';
import net from 'node:net';
import os from 'node:os';

interface Orders {
  readonly url: string;
  readonly token: string;
  /** The path of the server's backups, and the id of one. */
  readonly backups: string;
  readonly id: string;
  /** Directories of the backup that are listed. */
  readonly directories: readonly string[];
  readonly globs: readonly string[];
}

const LISTING = 20;
const POLLING = 20;
const SILENT = 1000;

const { url, token, backups, id, directories, globs } = JSON.parse(process.argv[2] ?? '') as Orders;
const { hostname, port } = new URL(url);
const agent = new http.Agent({ keepAlive: true, maxSockets: 100 });
const counts: Record<string, Record<string, number>> = {};
const state = { going: true };
// The daemon is measured, not who asks it.
os.setPriority(19);

function count(kind: string, outcome: string): void {
  const of = (counts[kind] ??= {});
  of[outcome] = (of[outcome] ?? 0) + 1;
}

function ask(method: string, path: string, body?: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const headers = {
      authorization: `Bearer ${token}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }),
    };
    const request = http.request({ agent, hostname, port, method, path, headers }, (response) => {
      response.resume();
      response.on('end', () => resolve(response.statusCode ?? 0));
      response.on('error', reject);
    });
    request.on('error', reject);
    request.end(body);
  });
}

async function keepAsking(kind: string, work: () => Promise<number>): Promise<void> {
  while (state.going) count(kind, String(await work().catch((error: unknown) => String(error))));
}

function silent(): void {
  if (!state.going) return;
  const socket = net.connect(Number(port), hostname);
  socket.on('connect', () => count('silent', 'connected'));
  socket.on('error', () => undefined);
  socket.on('close', () => setTimeout(silent, 200).unref());
  socket.unref();
}

let asked = 0;
const list = (): Promise<number> => {
  const directory = directories[asked++ % directories.length] ?? '';
  return ask('GET', `${backups}/${id}/files?path=${encodeURIComponent(directory)}`);
};
const select = (): Promise<number> =>
  ask('POST', `${backups}/restore?id=${id}`, JSON.stringify({ globs, dryRun: true, truncate: false }));

const working = [
  ...Array.from({ length: LISTING }, () => keepAsking('list', list)),
  ...Array.from({ length: POLLING }, () => keepAsking('poll', () => ask('GET', backups))),
  keepAsking('globs', select),
];
for (let made = 0; made < SILENT; made++) silent();
process.stdin.resume();
process.stdin.on('end', () => {
  state.going = false;
  void Promise.all(working).then(() => {
    process.stdout.write(`${JSON.stringify(counts)}\n`);
    process.exit(0);
  });
});
