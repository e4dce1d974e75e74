/** What a host starts: the bundle in dist/, which `npm test` makes first. */
import fs from 'node:fs';
import { isBuiltin } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { BUILT, roost } from './roost-process.ts';

const DIST = dirname(BUILT);

let home: string;
beforeEach(() => {
  home = fs.mkdtempSync(join(tmpdir(), 'roost-bundle-'));
});
afterEach(() => {
  fs.rmSync(home, { recursive: true, force: true });
});

function read(file: string): string {
  return fs.readFileSync(join(DIST, file), 'utf8');
}

/** What a file of the bundle names in `import … from` or `import …`, which is loaded before the file runs. */
function importsOf(file: string): string[] {
  return [...read(file).matchAll(/^import (?:.* from )?"([^"]+)";$/gm)].map((match) => match[1] ?? '');
}

describe.skipIf(!fs.existsSync(BUILT))('the bundle (skipped without dist/)', () => {
  test('its main file loads nothing that an old Node lacks before it has looked at the version', () => {
    expect(importsOf('main.js').filter((name) => !name.startsWith('node:'))).toEqual([]);
  });

  test('each thread is one file, with nothing to find but koffi', () => {
    for (const name of ['operation-thread', 'task-thread', 'punch-thread']) {
      const required = [...read(`${name}.cjs`).matchAll(/\brequire\("([^"]+)"\)/g)].map((match) => match[1] ?? '');
      expect(required).toContain('koffi');
      expect([name, required.filter((from) => !isBuiltin(from) && from !== 'koffi')]).toEqual([name, []]);
    }
  });

  test('the version is told without loading config, schemas or databases', () => {
    const program = /import\("\.\/(program-[^"]+)"\)/.exec(read('main.js'))?.[1] ?? '';
    const loaded = new Set([program]);
    for (const file of loaded) {
      for (const from of importsOf(file)) if (from.startsWith('./')) loaded.add(from.slice(2));
    }
    const text = [...loaded].map(read).join('\n');
    const packages = text.matchAll(/^\/\/ node_modules\/([^/\n]+)/gm).map((match) => match[1]);
    const sources = text.matchAll(/^\/\/ src\/([a-z]+)\//gm).map((match) => match[1]);
    expect(new Set(packages)).toEqual(new Set(['commander']));
    expect(new Set(sources)).toEqual(new Set(['base', 'cli']));
  });

  test('every file with code of a source has its map beside it', () => {
    const files = fs.readdirSync(DIST);
    const isCode = (name: string) => name.endsWith('.js') && /^\/\/ src\//m.test(read(name));
    const code = files.filter(isCode);
    expect(code.length).toBeGreaterThan(20);
    expect(code.filter((name) => !files.includes(`${name}.map`))).toEqual([]);
  });

  test('it makes an archive, checks it and unpacks it', async () => {
    fs.mkdirSync(join(home, 'tree/deep'), { recursive: true });
    fs.writeFileSync(join(home, 'tree/deep/file'), 'content');
    const run = async (...words: string[]) => (await roost(['archive', ...words], { main: BUILT, cwd: home })).exitCode;
    expect(await run('create', 'tree', 'tree.tar.gz')).toBe(0);
    expect(await run('verify', 'tree.tar.gz')).toBe(0);
    expect(await run('extract', 'tree.tar.gz', 'out')).toBe(0);
    expect(fs.readFileSync(join(home, 'out/deep/file'), 'utf8')).toBe('content');
  });

  test('a stack trace names functions, and with ROOST_DEBUG=1 lines of the sources', async () => {
    const env = { ROOST_DEBUG: '1' };
    const { stderr } = await roost(['archive', 'verify', 'missing'], { main: BUILT, cwd: home, env });
    expect(stderr).toMatch(/at verify \(.*src\/cli\/archive\/verify\.ts:\d+:\d+\)/);
  });
});
