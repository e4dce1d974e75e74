/** An old Node on the host hands over to the one that npm brought. Needs dist/, which `npm test` builds first. */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const BUILT = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
const OLD_NODE = oldNode();

/** A Node below 24 on the PATH, if this host has one. */
function oldNode(): string | undefined {
  const candidates = (process.env['PATH'] ?? '').split(delimiter).map((directory) => join(directory, 'node'));
  return candidates.find((path) => {
    if (!fs.existsSync(path)) return false;
    const { stdout } = spawnSync(path, ['--version'], { encoding: 'utf8' });
    const major = Number(/^v(\d+)/.exec(stdout)?.[1] ?? 0);
    return major >= 18 && major < 24;
  });
}

/**
 * A directory for temporary files that has no node_modules beside it: Node looks for packages in all parents, so one
 * that somebody left there would be found as the runtime.
 */
function bareDirectory(): string {
  const bare = [tmpdir(), '/var/tmp', '/dev/shm'].find(
    (path) => fs.existsSync(path) && !fs.existsSync(join(path, 'node_modules')),
  );
  if (bare === undefined) throw new Error('every directory for temporary files has a node_modules in it: remove one');
  return bare;
}

let home: string;
beforeEach(() => {
  home = fs.mkdtempSync(join(bareDirectory(), 'roost-hand-over-'));
});
afterEach(() => {
  fs.rmSync(home, { recursive: true, force: true });
});

/** A runtime as npm lays it out beside dist/main.js: a script in place of Node. */
function installRuntime(script: string): string {
  fs.mkdirSync(join(home, 'dist'));
  fs.copyFileSync(BUILT, join(home, 'dist/main.js'));
  fs.writeFileSync(join(home, 'package.json'), '{"type":"module"}');
  const bin = join(home, `node_modules/node-linux-${process.arch}/bin`);
  fs.mkdirSync(bin, { recursive: true });
  fs.writeFileSync(join(bin, 'node'), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  return join(home, 'dist/main.js');
}

describe.skipIf(OLD_NODE === undefined || !fs.existsSync(BUILT))(
  'an old Node (skipped without one, or without dist/)',
  () => {
    const old = OLD_NODE ?? '';

    it('runs the command on the Node that npm brought', () => {
      const text = execFileSync(old, [BUILT, '--version'], { encoding: 'utf8' });
      expect(text).toMatch(/^\d+\.\d+\.\d+\n$/);
    });

    it('works through the link that npm makes for the bin', () => {
      fs.symlinkSync(BUILT, join(home, 'roost'));
      expect(execFileSync(old, [join(home, 'roost'), '--version'], { encoding: 'utf8' })).toMatch(/^\d+\.\d+/);
    });

    it('passes words, streams and the exit code through', () => {
      const ended = spawnSync(old, [BUILT, 'archive', 'verify', 'no such file'], { cwd: home, encoding: 'utf8' });
      expect(ended).toMatchObject({ status: 1, stdout: '' });
      expect(ended.stderr).toContain('no such file: there is no such file');
    });

    it('passes SIGTERM on, and waits for what becomes of it', async () => {
      const main = installRuntime(`trap 'echo stopped; exit 7' TERM; echo ready; while :; do sleep 0.05; done`);
      const child = spawn(old, [main], { stdio: ['ignore', 'pipe', 'inherit'] });
      let text = '';
      child.stdout.on('data', (chunk: Buffer) => {
        text += chunk.toString('utf8');
        if (text === 'ready\n') child.kill('SIGTERM');
      });
      const exitCode = await new Promise((resolve) => child.on('close', resolve));
      expect({ exitCode, text }).toEqual({ exitCode: 7, text: 'ready\nstopped\n' });
    });

    it('dies of the signal that its successor died of', async () => {
      const child = spawn(old, [installRuntime('kill -KILL $$')], { stdio: 'ignore' });
      const signal = await new Promise((resolve) => child.on('close', (_code, name) => resolve(name)));
      expect(signal).toBe('SIGKILL');
    });

    it('says what is missing when npm brought none', () => {
      fs.mkdirSync(join(home, 'dist'));
      fs.copyFileSync(BUILT, join(home, 'dist/main.js'));
      fs.writeFileSync(join(home, 'package.json'), '{"type":"module"}');
      const ended = spawnSync(old, [join(home, 'dist/main.js'), 'start'], { encoding: 'utf8' });
      expect(ended.status).toBe(1);
      expect(ended.stderr).toContain('Roost needs Node 24');
      expect(ended.stderr).toContain('npm ci');
      expect(ended.stderr).not.toMatch(/^\s+at /m);
    });

    it('says that a runtime is for another libc when it is there and cannot be started', () => {
      const main = installRuntime('');
      // As of a Node for glibc on a system with musl: the file names a loader that is not there.
      fs.writeFileSync(join(home, `node_modules/node-linux-${process.arch}/bin/node`), '#!/nowhere/ld-linux.so\n');
      const ended = spawnSync(old, [main, '--version'], { encoding: 'utf8' });
      expect(ended).toMatchObject({ status: 1, stdout: '' });
      expect(ended.stderr).toMatch(/^roost: Cannot start \S+node: .*ENOENT\nhint: .*glibc.*musl.*Node 24/);
    });

    it('never hands over to itself', () => {
      const main = installRuntime('');
      const runtime = join(home, `node_modules/node-linux-${process.arch}/bin/node`);
      fs.rmSync(runtime);
      fs.symlinkSync(fs.realpathSync(old), runtime);
      const ended = spawnSync(old, [main, '--version'], { encoding: 'utf8', timeout: 20_000 });
      expect(ended.status).toBe(1);
      expect(ended.stderr).toContain('Roost needs Node 24');
    });
  },
);
