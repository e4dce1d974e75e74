/** Daemons as processes of their own, to be killed: the real one, and one that ends itself at a step of a restore. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import { caller, type Host, type RunningDaemon } from './daemon.ts';
import { watchLine } from './secret-shapes.ts';

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
/** Unbuilt, Node takes some 100 MiB to strip the types. */
const BUILT = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
const CHILD = fileURLToPath(new URL('daemon-child.ts', import.meta.url));

export interface DaemonProcess {
  readonly pid: number;
  readonly url: string;
  readonly call: RunningDaemon['call'];
  /** The steps of restores that it told of; only a child of `startMortal` tells. */
  readonly steps: readonly string[];
  /** Resolves when the process is gone. */
  readonly gone: Promise<unknown>;
  /** Ends it with SIGKILL and waits for that. */
  kill(): Promise<void>;
}

export interface StartOptions {
  /** Starts the built program, which `npm run test:slow` makes, instead of the sources. */
  readonly built?: true;
  /** The `dist/main.js` of another version, in place of the sources. */
  readonly main?: string;
  /** A program, with its words, that is to start it. */
  readonly through?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** Starts `roost serve` and waits until it serves. */
export async function startDaemon(
  host: Pick<Host, 'directory' | 'config'>,
  options: StartOptions = {},
): Promise<DaemonProcess> {
  const config = join(host.directory, 'config.yml');
  await writeFile(config, host.config.replace('level: silent', 'level: trace'));
  const started = await follow(
    run([options.main ?? (options.built === true ? BUILT : MAIN), 'serve', '--config', config], options),
  );
  if (started === undefined) throw new Error('the daemon ended before it served');
  return started;
}

/** Starts a daemon that dies at a step. Undefined when it did so before it served: while it ended what was left. */
export async function startMortal(host: Host, dieAt: number | null): Promise<DaemonProcess | undefined> {
  return follow(run([CHILD, JSON.stringify({ config: host.config, dieAt })]));
}

function run(argv: readonly string[], { through = [], env = {} }: StartOptions = {}): ChildProcess {
  const [program = '', ...words] = [...through, process.execPath, ...argv];
  const child = spawn(program, words, { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, ...env } });
  const gone = once(child, 'close');
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await gone;
  });
  return child;
}

async function follow(child: ChildProcess): Promise<DaemonProcess | undefined> {
  const gone = once(child, 'close');
  const steps: string[] = [];
  const served = Promise.withResolvers<string | undefined>();
  if (child.stdout === null) throw new Error('its output is piped');
  onLines(child.stdout, (line) => {
    watchLine(line);
    const { url, step } = JSON.parse(line) as { readonly url?: string; readonly step?: string };
    if (step !== undefined) steps.push(step);
    if (url !== undefined) served.resolve(url);
  });
  void gone.then(() => served.resolve(undefined));
  const url = await served.promise;
  if (url === undefined || child.pid === undefined) return undefined;
  return {
    pid: child.pid,
    url,
    call: caller(url),
    steps,
    gone,
    kill: async () => {
      child.kill('SIGKILL');
      await gone;
    },
  };
}

/** Calls back with each whole line: the last one of a process that was killed may be half of one. */
function onLines(stream: Readable, take: (line: string) => void): void {
  let rest = '';
  stream.setEncoding('utf8').on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) take(line);
  });
}
