/**
 * `npm run build` beside a daemon that runs from dist/: its threads are loaded when a job starts, so a build that takes
 * their files away, or fails half-way, would fail backups. The bundler is a script here that looks at what is there.
 */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';

const PACKAGE = fileURLToPath(new URL('../../package.json', import.meta.url));

let home: string;
beforeEach(() => {
  home = fs.mkdtempSync(join(tmpdir(), 'roost-build-'));
  fs.copyFileSync(PACKAGE, join(home, 'package.json'));
  fs.mkdirSync(join(home, 'node_modules/.bin'), { recursive: true });
});
afterEach(() => {
  fs.rmSync(home, { recursive: true, force: true });
});

/** Builds with bundlers of daemon and page that run a line of shell; the first one's `$out` is where its files are to go. */
function build(line: string, page = ''): number | null {
  const out = 'while [ "$1" != --dir ]; do shift; done; out=$2; mkdir -p "$out"';
  fs.writeFileSync(join(home, 'node_modules/.bin/rolldown'), `#!/bin/sh\n${out}\n${line}\n`, { mode: 0o755 });
  fs.writeFileSync(join(home, 'node_modules/.bin/vite'), `#!/bin/sh\n${page}\n`, { mode: 0o755 });
  return spawnSync('npm', ['run', '--silent', 'build'], { cwd: home }).status;
}

function read(path: string): string {
  return fs.readFileSync(join(home, path), 'utf8');
}

const outputs = () => fs.readdirSync(home).filter((name) => name.startsWith('dist'));

test('a first build makes dist/, and nothing beside it', () => {
  expect(build('echo first > "$out/main.js"')).toBe(0);
  expect([read('dist/main.js'), outputs()]).toEqual(['first\n', ['dist']]);
});

test('the build before stays whole until the next one is complete, and then goes as a whole', () => {
  build('echo first > "$out/main.js"; echo gone > "$out/gone.js"');
  expect(build('cat dist/main.js dist/gone.js > seen; echo second > "$out/main.js"')).toBe(0);
  expect(read('seen')).toBe('first\ngone\n');
  expect([read('dist/main.js'), fs.readdirSync(join(home, 'dist')), outputs()]).toEqual([
    'second\n',
    ['main.js'],
    ['dist'],
  ]);
});

test('a page that cannot be built leaves the build before, and nothing beside it', () => {
  build('echo first > "$out/main.js"');
  expect(build('echo second > "$out/main.js"', 'exit 3')).toBe(3);
  expect([read('dist/main.js'), outputs()]).toEqual(['first\n', ['dist']]);
});

test('a build that fails leaves the one before, and nothing beside it', () => {
  build('echo first > "$out/main.js"');
  expect(build('echo broken > "$out/main.js"; exit 2')).toBe(2);
  expect([read('dist/main.js'), outputs()]).toEqual(['first\n', ['dist']]);
});

test('npm start builds when a source is newer than what was built, and only then', () => {
  fs.mkdirSync(join(home, 'src/cli'), { recursive: true });
  fs.mkdirSync(join(home, 'web'));
  const sources = ['src/cli/main.ts', 'rolldown.config.ts', 'tsconfig.json', 'package-lock.json'];
  for (const name of sources) fs.writeFileSync(join(home, name), '');
  for (const name of [...sources, 'src/cli', 'src', 'web']) fs.utimesSync(join(home, name), 1, 1);
  expect(build('echo built >> log; : > "$out/main.js"')).toBe(0);
  const builds = (): number => {
    expect(spawnSync('npm', ['start', '--silent'], { cwd: home }).status).toBe(0);
    return read('log').trim().split('\n').length;
  };
  expect(builds()).toBe(1);
  const later = Date.now() / 1000 + 60;
  fs.utimesSync(join(home, 'src/cli/main.ts'), later, later);
  expect(builds()).toBe(2);
});
