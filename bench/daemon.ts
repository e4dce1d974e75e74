/** A whole daemon as a process of its own, for what is measured through it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import { Agent, get } from 'node:http';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Sample } from './measure.ts';
import { MAIN } from './peers.ts';

const TOKEN = 'a-token-of-the-bench-of-some-length';

/** Two servers: one whose directory holds the tree, and an empty one with a backup of it. */
export const FULL = '11111111-1111-4111-8111-111111111111';
export const EMPTY = '22222222-2222-4222-8222-222222222222';

export class BenchDaemon {
  readonly #directory: string;
  readonly #child: ChildProcess;
  readonly #url: string;
  readonly #agent = new Agent({ keepAlive: true });

  /** Starts `roost serve` over `directory`/servers and waits until it serves. */
  static async start(directory: string, lookEveryMs = 50, layout: 'plain' | 'vault' = 'plain'): Promise<BenchDaemon> {
    const config = join(directory, 'config.yml');
    fs.writeFileSync(config, configOf(directory, layout), { mode: 0o600 });
    // A file: an unread pipe would fill while shell lines are measured.
    const log = join(directory, 'daemon.log');
    const output = fs.openSync(log, 'w');
    // As systemd/roost.service starts it.
    const env = { ...process.env, MALLOC_ARENA_MAX: '1' };
    const child = spawn(process.execPath, ['--max-semi-space-size=1', MAIN, 'serve', '--config', config], {
      stdio: ['ignore', output, output],
      env,
    });
    fs.closeSync(output);
    process.on('exit', () => child.kill('SIGKILL'));
    for (;;) {
      const url = /"url":"([^"]+)"/.exec(fs.readFileSync(log, 'utf8'))?.[1];
      if (url !== undefined) return new BenchDaemon(directory, child, url);
      if (child.exitCode !== null) throw new Error(`the daemon ended: ${fs.readFileSync(log, 'utf8')}`);
      await delay(lookEveryMs);
    }
  }

  private constructor(directory: string, child: ChildProcess, url: string) {
    this.#directory = directory;
    this.#child = child;
    this.#url = url;
  }

  serverDirectory(server: string): string {
    return join(this.#directory, 'servers', server);
  }

  archiveOf(server: string, id: string): string {
    return join(this.#directory, 'backups', server, `${id}.tar.gz`);
  }

  /** Calls the API; a body makes it a POST. Rejects when it is refused: refused work is no sample. */
  async call(path: string, body?: unknown, method = body === undefined ? 'GET' : 'POST'): Promise<unknown> {
    const answer = await fetch(this.#url + path, {
      method,
      // A kept connection is closed by the daemon while others are measured, which a POST does not survive.
      headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json', connection: 'close' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path} answered ${answer.status}: ${text}`);
    return JSON.parse(text);
  }

  async backup(server: string): Promise<string> {
    const { id } = (await this.call(`/api/servers/${server}/backups`, {})) as { readonly id: string };
    return id;
  }

  async restore(server: string, id: string): Promise<void> {
    await this.call(`/api/servers/${server}/backups/restore?id=${id}`, { truncate: true });
  }

  async remove(server: string, id: string): Promise<void> {
    await this.call(`/api/servers/${server}/backups/delete?id=${id}`, undefined, 'DELETE');
  }

  async downloadUrl(server: string, id: string): Promise<string> {
    const path = `/api/servers/${server}/backups/download-token`;
    const { downloadUrl } = (await this.call(path, { id })) as { readonly downloadUrl: string };
    return new URL(downloadUrl, this.#url).href;
  }

  /** Reads an answer to its end over a connection that is kept; milliseconds until then, and its bytes. */
  ask(path: string): Promise<{ readonly milliseconds: number; readonly bytes: number }> {
    const start = performance.now();
    return new Promise((resolve, reject) => {
      const headers = { authorization: `Bearer ${TOKEN}` };
      get(this.#url + path, { agent: this.#agent, headers }, (answer) => {
        let bytes = 0;
        answer.on('data', (part: Buffer) => (bytes += part.length));
        answer.on('error', reject);
        answer.on('end', () => {
          if (answer.statusCode !== 200) reject(new Error(`GET ${path} answered ${String(answer.statusCode)}`));
          else resolve({ milliseconds: performance.now() - start, bytes });
        });
      }).on('error', reject);
    });
  }

  /** Peak resident set since the last call of `forgetPeak`, in bytes. */
  peak(): number {
    const status = fs.readFileSync(`/proc/${String(this.#child.pid)}/status`, 'utf8');
    return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1]) * 1024;
  }

  /** Bytes that it had written to disks so far, or that wait in memory for that. */
  writtenBytes(): number {
    const io = fs.readFileSync(`/proc/${String(this.#child.pid)}/io`, 'latin1');
    return Number(/^write_bytes: (\d+)$/m.exec(io)?.[1]);
  }

  /** Does what the daemon is asked for, and says what that cost it. */
  async measure(work: () => Promise<void>): Promise<Sample> {
    const [start, cpu] = [performance.now(), this.#cpuSeconds()];
    await work();
    const seconds = (performance.now() - start) / 1000;
    return { seconds, cpuSeconds: this.#cpuSeconds() - cpu, peakBytes: this.peak() };
  }

  /** User and system time of all its threads, those that ended too. */
  #cpuSeconds(): number {
    // proc(5): fields 14 and 15, in ticks of 1/100 s on Linux; the name in front may hold spaces.
    const stat = fs.readFileSync(`/proc/${String(this.#child.pid)}/stat`, 'latin1');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[11]) + Number(fields[12])) / 100;
  }

  forgetPeak(): void {
    // proc(5): 5 resets the peak to what is resident now.
    fs.writeFileSync(`/proc/${String(this.#child.pid)}/clear_refs`, '5');
  }

  async stop(): Promise<void> {
    this.#agent.destroy();
    this.#child.kill('SIGTERM');
    if (this.#child.exitCode === null) await once(this.#child, 'exit');
  }
}

function configOf(directory: string, layout: 'plain' | 'vault'): string {
  const store = `type: local, layout: ${layout}, directory: ${JSON.stringify(join(directory, 'backups'))}`;
  return `
api: { host: 127.0.0.1, port: 0 }
state_directory: ${JSON.stringify(join(directory, 'state'))}
servers: { root: ${JSON.stringify(join(directory, 'servers'))} }
tokens: [ { id: bench, secret: ${TOKEN}, permissions: ["*"], servers: ["*"] } ]
storage: { default: local, stores: { local: { ${store} } } }
limits: { per_server: 0, max_size: 0, reserve_free: 0 }
log: { level: info, format: json }
`;
}
