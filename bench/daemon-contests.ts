/** What callers of a running daemon feel: one file out of an archive, health during a backup, a download. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { get } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import type { Contender, Contest } from './contest.ts';
import { type BenchDaemon, EMPTY, FULL } from './daemon.ts';
import { quoted, run, type Sample } from './measure.ts';
import type { Scene } from './scene.ts';

const ASKS = 100;
/** Between two questions to `/health`. */
const ASK_EVERY_MS = 20;

export function daemonContests(scene: Scene): Contest[] {
  const { daemon, tree } = scene;
  if (daemon === undefined) return [];
  return [
    { part: 'one-file', work: 'one file of 1 MiB', bytes: 2 ** 20, contenders: [oneFile(scene, daemon)] },
    { part: 'health', work: 'health during a backup', bytes: tree.bytes, contenders: [health(daemon)] },
    { part: 'download', work: 'download', bytes: scene.tree.bytes, contenders: downloads(scene, daemon) },
  ];
}

function oneFile({ backup, singleFiles }: Scene, daemon: BenchDaemon): Contender {
  return {
    name: 'roost',
    prepare: () => daemon.forgetPeak(),
    run: async () => {
      const start = performance.now();
      const latencies: number[] = [];
      for (let ask = 0; ask < ASKS; ask++) {
        const path = encodeURIComponent(singleFiles[ask % singleFiles.length] ?? '');
        const url = `/api/servers/${EMPTY}/backups/${backup}/files/content?path=${path}`;
        const { milliseconds, bytes } = await daemon.ask(url);
        if (bytes !== 2 ** 20) throw new Error(`${path} has ${bytes} bytes`);
        latencies.push(milliseconds);
      }
      return { seconds: (performance.now() - start) / 1000, peakBytes: daemon.peak(), latencies };
    },
  };
}

function health(daemon: BenchDaemon): Contender {
  let made = '';
  return {
    name: 'roost',
    prepare: () => daemon.forgetPeak(),
    run: async () => {
      const start = performance.now();
      const backup = daemon.backup(FULL);
      const ended = backup.then(() => true);
      const latencies: number[] = [];
      do {
        latencies.push((await daemon.ask('/health')).milliseconds);
      } while (!(await Promise.race([ended, delay(ASK_EVERY_MS, false)])));
      made = await backup;
      return { seconds: (performance.now() - start) / 1000, peakBytes: daemon.peak(), latencies };
    },
    // The next round's backup is not to copy from this one.
    after: () => daemon.remove(FULL, made),
  };
}

/** The least that serves a file over HTTP: what Node itself costs. */
const BARE_SERVER = `
const fs = require('node:fs');
const server = require('node:http').createServer((_, answer) => fs.createReadStream(process.argv[1]).pipe(answer));
server.listen(0, '127.0.0.1', () => console.log(server.address().port));`;

function downloads(scene: Scene, daemon: BenchDaemon): Contender[] {
  const { archive, scratch, peers, backup } = scene;
  const read = (url: string): Promise<Sample> | Sample =>
    peers.has.has('curl') ? run(`curl -sSf -o /dev/null ${quoted(url)}`, scratch) : readByNode(url);
  let url = '';
  let stopBare: () => void;
  return [
    {
      name: 'roost',
      prepare: async () => {
        url = await daemon.downloadUrl(EMPTY, backup);
        daemon.forgetPeak();
      },
      run: async () => ({ ...(await read(url)), peakBytes: daemon.peak() }),
    },
    {
      name: 'raw pipe (createReadStream().pipe() of Node)',
      prepare: async () => {
        const bare = spawn(process.execPath, ['-e', BARE_SERVER, archive], { stdio: ['ignore', 'pipe', 'inherit'] });
        stopBare = () => void bare.kill();
        const [port] = (await once(bare.stdout, 'data')) as [Buffer];
        url = `http://127.0.0.1:${port.toString().trim()}/`;
      },
      run: () => read(url),
      after: () => stopBare(),
    },
    { name: 'cat | cat', run: () => run(`cat ${quoted(archive)} | cat > /dev/null`, scratch) },
  ];
}

function readByNode(url: string): Promise<Sample> {
  const start = performance.now();
  return new Promise((resolve, reject) => {
    get(url, (answer) => {
      answer.on('error', reject).on('end', () => resolve({ seconds: (performance.now() - start) / 1000 }));
      answer.resume();
    }).on('error', reject);
  });
}
