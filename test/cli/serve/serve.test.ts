import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Failure } from '../../../src/base/failure.ts';
import type { Daemon } from '../../../src/cli/daemon.ts';
import { ensureFirstRun } from '../../../src/cli/first-run/first-run.ts';
import type { Config } from '../../../src/config/config.ts';
import { run } from '../run.ts';

let directory: string;
let file: string;
beforeEach(() => {
  directory = fs.mkdtempSync(join(tmpdir(), 'roost-serve-'));
  file = ensureFirstRun(join(directory, '.roost'), 8090);
});
afterEach(() => {
  fs.rmSync(directory, { recursive: true });
});

/** A daemon that notes its calls, and asks to be stopped as soon as it serves. */
function fakeDaemon(stop: AbortController, faults: Partial<Record<'start' | 'stop', Failure>> = {}) {
  const calls: string[] = [];
  let config: Config | undefined;
  const daemon: Daemon = {
    start() {
      calls.push('start');
      if (faults.start !== undefined) return Promise.reject(faults.start);
      setImmediate(() => stop.abort());
      return Promise.resolve({ url: 'http://127.0.0.1:1234' });
    },
    reload(reloaded) {
      calls.push(`reload ${reloaded.api.host} ${reloaded.limits.perServer}`);
      return [];
    },
    refuseReload(failure) {
      calls.push(`refused ${failure.code}`);
    },
    stop() {
      calls.push('stop');
      return faults.stop === undefined ? Promise.resolve() : Promise.reject(faults.stop);
    },
  };
  return {
    calls,
    config: () => config,
    composeDaemon: (given: Config) => {
      config = given;
      return Promise.resolve(daemon);
    },
  };
}

describe('roost serve', () => {
  it('serves until it is asked to stop, and leaves stdout to the log', async () => {
    const stop = new AbortController();
    const daemon = fakeDaemon(stop);
    const ran = await run(['serve', '--config', file], { signal: stop.signal, composeDaemon: daemon.composeDaemon });
    expect(ran).toMatchObject({ exitCode: 0, stdout: '', stderr: '' });
    expect(daemon.calls).toEqual(['start', 'stop']);
  });

  it('reads its config again on a hangup, --host included, and keeps the old one when the new has a fault', async () => {
    const stop = new AbortController();
    const daemon = fakeDaemon(stop);
    let hangUp: () => void = () => undefined;
    const ready = Promise.withResolvers<void>();
    const held = {
      ...daemon,
      composeDaemon: async (config: Config) => {
        const made = await daemon.composeDaemon(config);
        return { ...made, start: async () => ({ url: 'http://127.0.0.1:1' }) };
      },
    };
    const onHangup = (listener: () => void) => {
      hangUp = listener;
      ready.resolve();
    };
    const argv = ['serve', '--config', file, '--host', '::1'];
    const running = run(argv, { signal: stop.signal, composeDaemon: held.composeDaemon, onHangup });
    await ready.promise;
    fs.appendFileSync(file, 'limits: { per_server: 7 }\n');
    hangUp();
    await expect.poll(() => daemon.calls).toEqual(['reload ::1 7']);
    fs.appendFileSync(file, 'nonsense: true\n');
    hangUp();
    await expect.poll(() => daemon.calls).toEqual(['reload ::1 7', 'refused config_invalid']);
    stop.abort();
    expect((await running).exitCode).toBe(0);
  });

  it('takes --host and --port before the config', async () => {
    const stop = new AbortController();
    const daemon = fakeDaemon(stop);
    const argv = ['serve', '--config', file, '--host', '::1', '--port', '0'];
    await run(argv, { signal: stop.signal, composeDaemon: daemon.composeDaemon });
    expect(daemon.config()?.api).toMatchObject({ host: '::1', port: 0 });
  });

  it('stops in order also when it was asked to before it was ready', async () => {
    const stop = new AbortController();
    stop.abort();
    const daemon = fakeDaemon(stop);
    const ran = await run(['serve', '--config', file], { signal: stop.signal, composeDaemon: daemon.composeDaemon });
    expect(ran.exitCode).toBe(0);
    expect(daemon.calls).toEqual(['start', 'stop']);
  });

  it('frees what was opened when it cannot start, and says why', async () => {
    const stop = new AbortController();
    const taken = new Failure('config_invalid', 'Cannot listen: the port is taken', { hint: 'Choose another.' });
    const daemon = fakeDaemon(stop, { start: taken });
    const ran = await run(['serve', '--config', file], { signal: stop.signal, composeDaemon: daemon.composeDaemon });
    expect(ran).toMatchObject({
      exitCode: 2,
      stderr: 'roost: Cannot listen: the port is taken\nhint: Choose another.\n',
    });
    expect(daemon.calls).toEqual(['start', 'stop']);
  });

  it('keeps the reason of a failed start when stopping fails too', async () => {
    const stop = new AbortController();
    const daemon = fakeDaemon(stop, {
      start: new Failure('config_invalid', 'Cannot listen: the port is taken'),
      stop: new Failure('internal', 'Cannot stop'),
    });
    const ran = await run(['serve', '--config', file], { signal: stop.signal, composeDaemon: daemon.composeDaemon });
    expect(ran.stderr).toContain('the port is taken');
  });

  it.each(['70000', '-1', 'http'])('refuses the port %s with exit 2', async (port) => {
    const ran = await run(['serve', '--config', file, `--port=${port}`]);
    expect(ran.exitCode).toBe(2);
    expect(ran.stderr).toContain('from 0 to 65535');
  });

  it('exits 2 with a config that is not there', async () => {
    const ran = await run(['serve', '--config', join(directory, 'none.yml')]);
    expect(ran.exitCode).toBe(2);
    expect(ran.stderr).toContain('there is no such file');
  });
});
