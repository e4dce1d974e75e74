import fs from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { NO_QUIESCE } from '../../support/no-quiesce.ts';
import { type Clock, systemClock } from '../../../src/base/clock.ts';
import { openPower } from '../../../src/servers/power/power.ts';
import type { CommandPowerConfig } from '../../../src/config/types.ts';
import type { PowerPort } from '../../../src/servers/power/port.ts';
import type { GameServer } from '../../../src/servers/registry.ts';
import { serverId } from '../../support/node.ts';
import { scratchDirectory } from '../../support/scratch.ts';

const never = new AbortController().signal;

/** A clock by which any wait is over at the next look. */
function leapingClock(): Clock {
  let looks = 0;
  return { now: () => Date.now(), monotonic: () => ++looks * 60_000 };
}

interface Scene {
  readonly power: PowerPort;
  readonly server: GameServer;
  /** The calls of the programs, in order. */
  readonly calls: () => string[];
  readonly path: (name: string) => string;
}

/** Programs that are one script: it notes how it was called; a file `running` is the game. */
async function scene(
  settings: Partial<CommandPowerConfig> = {},
  script = 'case $1 in stop|kill) rm -f $2/running;; esac',
  clock = systemClock,
): Promise<Scene> {
  const root = await scratchDirectory();
  const program = join(root, 'game');
  const status = `if [ "$1" = status ]; then [ -e "$2/running" ]; exit; fi`;
  fs.writeFileSync(program, `#!/bin/sh\necho "$@" >> "$2/calls"\n${status}\n${script}\n`, { mode: 0o755 });
  fs.writeFileSync(join(root, 'running'), '');
  const call = (verb: string): string[] => [program, verb, '{path}', '{server}'];
  const all = {
    driver: 'command' as const,
    status: call('status'),
    stop: call('stop'),
    kill: null,
    start: call('start'),
    prepare: call('prepare'),
    resume: call('resume'),
    timeoutSeconds: 10,
    ...settings,
  };
  const path = (name: string): string => join(root, name);
  const calls = (): string[] => {
    const lines = fs.existsSync(path('calls')) ? fs.readFileSync(path('calls'), 'utf8').trim().split('\n') : [];
    return lines.map((line) => line.replace(` ${root}`, ''));
  };
  return {
    power: openPower(all, clock, NO_QUIESCE),
    server: { id: serverId(1), name: 'one', path: root },
    calls,
    path,
  };
}

describe('power through programs', () => {
  it('asks, stops, and asks again, with the id and the directory of the server', async () => {
    const { power, server, calls } = await scene();
    await expect(power.state(server)).resolves.toBe('running');
    await power.stop(server, never);
    await expect(power.state(server)).resolves.toBe('stopped');
    expect(calls()).toEqual(['status', 'status', 'stop', 'status', 'status'].map((verb) => `${verb} ${server.id}`));
  });

  it('starts, prepares and resumes with one call each, and none where none is named', async () => {
    const { power, server, calls } = await scene();
    await power.prepare(server, never);
    await power.resume(server);
    await power.start(server);
    expect(calls()).toEqual(['prepare', 'resume', 'start'].map((verb) => `${verb} ${server.id}`));
    const bare = await scene({ prepare: null, resume: null, start: null });
    await bare.power.prepare(bare.server, never);
    await bare.power.resume(bare.server);
    await bare.power.start(bare.server);
    expect(bare.calls()).toEqual([]);
  });

  it('kills a server that does not stop in time', async () => {
    const kill = (path: string): string[] => [join(path, 'game'), 'kill', '{path}', '{server}'];
    const made = await scene({}, 'case $1 in kill) rm -f $2/running;; esac');
    const settings: CommandPowerConfig = {
      driver: 'command',
      status: [made.path('game'), 'status', '{path}'],
      stop: [made.path('game'), 'stop', '{path}'],
      start: null,
      prepare: null,
      resume: null,
      timeoutSeconds: 10,
      kill: kill(made.server.path),
    };
    await openPower(settings, leapingClock(), NO_QUIESCE).stop(made.server, never);
    expect(made.calls().some((call) => call.startsWith('kill'))).toBe(true);
    expect(fs.existsSync(made.path('running'))).toBe(false);
  });

  it('gives up on one that runs even then', async () => {
    const { power, server } = await scene({}, 'true', leapingClock());
    await expect(power.stop(server, never)).rejects.toMatchObject({ code: 'server_busy' });
  });

  it('does not take a status that failed for a stopped server', async () => {
    for (const status of [
      ['/bin/sh', '-c', 'echo no such unit; exit 4'],
      ['/nowhere/game'],
      ['/bin/sh', '-c', 'kill -9 $$'],
    ]) {
      const { power, server } = await scene({ status });
      await expect(power.state(server)).rejects.toMatchObject({ code: 'server_busy' });
    }
    const { power, server } = await scene({ status: ['/bin/sh', '-c', 'echo no such unit; exit 4'] });
    await expect(power.state(server)).rejects.toThrow(/ended with code 4, saying: no such unit$/);
    const inactive = await scene({ status: ['/bin/sh', '-c', 'exit 3'] });
    await expect(inactive.power.state(inactive.server)).resolves.toBe('stopped');
  });

  it('tells why a stop failed, on one line', async () => {
    const stop = ['/bin/sh', '-c', String.raw`printf 'line\nnext\033[2J'; exit 7`];
    const { power, server } = await scene({ stop });
    await expect(power.stop(server, never)).rejects.toThrow(String.raw`ended with code 7, saying: line\nnext\x1b[2J`);
  });

  it('kills a program that hangs, with all that it started', async () => {
    const { power, server, path } = await scene({
      timeoutSeconds: 1,
      start: ['/bin/sh', '-c', 'sleep 600 & echo $! > {path}/pid; wait'],
    });
    await expect(power.start(server)).rejects.toMatchObject({ code: 'server_busy' });
    const child = Number(fs.readFileSync(path('pid'), 'utf8'));
    await expect.poll(() => isAlive(child)).toBe(false);
  });

  it('stops waiting when it is cancelled', async () => {
    const abort = new AbortController();
    const { power, server } = await scene({ stop: ['/bin/sh', '-c', 'touch {path}/asked; sleep 600'] });
    const stopping = power.stop(server, abort.signal);
    const asked = expect.poll(() => fs.existsSync(join(server.path, 'asked'))).toBe(true);
    await Promise.all([expect(stopping).rejects.toMatchObject({ code: 'cancelled' }), asked.then(() => abort.abort())]);
  });

  it('leaves a server alone that it has no way to stop, unless that runs', async () => {
    const unmanaged = await scene({ status: null, stop: null });
    await expect(unmanaged.power.state(unmanaged.server)).resolves.toBe('stopped');
    await unmanaged.power.stop(unmanaged.server, never);
    const running = await scene({ stop: null });
    await expect(running.power.stop(running.server, never)).rejects.toMatchObject({ code: 'server_busy' });
    const unasked = await scene({ status: null });
    await expect(unasked.power.state(unasked.server)).resolves.toBe('running');
    await unasked.power.stop(unasked.server, never);
    expect(unasked.calls()).toEqual([`stop ${unasked.server.id}`]);
  });

  it('passes words on as they are: no shell sees them', async () => {
    const { server, calls, path } = await scene();
    const start = [path('game'), '$(touch owned); `id` "{server}" *', '{path}'];
    const settings: CommandPowerConfig = {
      driver: 'command',
      status: null,
      stop: null,
      kill: null,
      start,
      prepare: null,
      resume: null,
      timeoutSeconds: 5,
    };
    await openPower(settings, systemClock, NO_QUIESCE).start(server);
    expect(calls()).toEqual([`$(touch owned); \`id\` "${server.id}" *`]);
  });

  it('does nothing with the driver `none`', async () => {
    const { server, calls } = await scene();
    const none = openPower({ driver: 'none' }, systemClock, NO_QUIESCE);
    await expect(none.state(server)).resolves.toBe('stopped');
    await Promise.all([none.stop(server, never), none.start(server), none.prepare(server, never), none.resume(server)]);
    expect(calls()).toEqual([]);
  });
});

/** A killed process that nobody has waited for yet counts as gone. */
function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(fs.readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}
