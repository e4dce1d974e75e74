import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Failure } from '../../../src/base/failure.ts';
import { zip } from '../../hostile/zip-builder.ts';
import { run } from '../run.ts';

interface Created {
  readonly file: string;
  readonly size: number;
  readonly rawSize: number;
  readonly sha256: string;
  readonly entries: number;
  readonly files: number;
  readonly warnings: readonly { path: string; code: string; message: string }[];
  readonly reusedBytes: number;
  readonly engine: string;
  readonly seconds: number;
}

interface Listed {
  readonly format: string;
  readonly entries: readonly { path: string; kind: string; size: number; target?: string }[];
}

let directory: string;
const at = (...names: string[]) => join(directory, ...names);

beforeEach(() => {
  directory = fs.mkdtempSync(join(tmpdir(), 'roost-archive-'));
  fs.mkdirSync(at('server/world/region'), { recursive: true });
  fs.mkdirSync(at('server/empty'));
  fs.writeFileSync(at('server/world/level.dat'), 'level');
  fs.writeFileSync(at('server/world/region/r.0.0.mca'), Buffer.alloc(700_000, 'chunk'));
  fs.writeFileSync(at('server/latest.log'), 'line\n'.repeat(1000));
  fs.symlinkSync('world/level.dat', at('server/link'));
});

afterEach(() => {
  fs.rmSync(directory, { recursive: true, force: true });
});

async function create(...options: string[]): Promise<Created> {
  const ran = await run(['archive', 'create', at('server'), at('x.tar.gz'), '--json', ...options]);
  expect(ran.stderr).toBe('');
  expect(ran.exitCode).toBe(0);
  return ran.json() as Created;
}

/** Every path below a directory with its kind and content, for comparing trees. */
function contents(root: string, below = ''): Record<string, string> {
  const found: Record<string, string> = {};
  for (const item of fs.readdirSync(join(root, below), { withFileTypes: true })) {
    const path = below === '' ? item.name : `${below}/${item.name}`;
    if (item.isDirectory()) Object.assign(found, { [`${path}/`]: 'directory' }, contents(root, path));
    else if (item.isSymbolicLink()) found[path] = `-> ${fs.readlinkSync(join(root, path))}`;
    else
      found[path] = createHash('sha256')
        .update(fs.readFileSync(join(root, path)))
        .digest('hex');
  }
  return found;
}

describe('roost archive create', () => {
  it('writes an archive that tar reads, with an index and a manifest beside it and nothing else', async () => {
    const made = await create();
    expect(fs.readdirSync(directory).sort()).toEqual(['server', 'x.index', 'x.json', 'x.tar.gz']);
    const bytes = fs.readFileSync(at('x.tar.gz'));
    expect(made).toMatchObject({ file: at('x.tar.gz'), size: bytes.length, files: 3, warnings: [], reusedBytes: 0 });
    expect(made.sha256).toBe(createHash('sha256').update(bytes).digest('hex'));
    fs.mkdirSync(at('out'));
    execFileSync('tar', ['-xzf', at('x.tar.gz'), '-C', at('out')]);
    expect(contents(at('out'))).toEqual(contents(at('server')));
  });

  it('counts one file as one, and names an archive that is none', async () => {
    fs.mkdirSync(at('single'));
    fs.writeFileSync(at('single/file'), 'x');
    const ran = await run(['archive', 'create', at('single'), at('single.tar.gz')]);
    expect(ran.stdout).toContain('single.tar.gz: 1 file, 1 B');
    for (const word of ['list', 'verify']) {
      expect((await run(['archive', word, at('single/file')])).stderr).toContain(
        `Cannot read ${at('single/file')}: it has`,
      );
    }
  });

  it('tells people the size and the checksum in a line each', async () => {
    const ran = await run(['archive', 'create', at('server'), at('x.tar.gz')]);
    expect(ran.stdout).toMatch(/x\.tar\.gz: 3 files, .* in .*, .* s\nsha256 [0-9a-f]{64}\n$/);
  });

  it('leaves out what --ignore and --ignore-file say', async () => {
    fs.writeFileSync(at('list'), '\ufeff*.log\r\n# a comment\r\n');
    await create('--ignore-file', at('list'), '--ignore', '/world/region/');
    const listed = (await run(['archive', 'list', at('x.tar.gz')])).stdout;
    expect(listed.trim().split('\n').sort()).toEqual(['empty/', 'link', 'world/', 'world/level.dat']);
  });

  it('takes the directory’s own ignore file only when nothing else is asked for', async () => {
    fs.writeFileSync(at('server/.roostignore'), '*.log\n');
    await create();
    expect((await run(['archive', 'list', at('x.tar.gz')])).stdout).not.toContain('latest.log');
    await create('--ignore', 'empty');
    expect((await run(['archive', 'list', at('x.tar.gz')])).stdout).toContain('latest.log');
  });

  it('replaces an older archive, index and manifest', async () => {
    const first = await create();
    fs.writeFileSync(at('server/world/level.dat'), 'another level');
    const second = await create();
    expect(second.sha256).not.toBe(first.sha256);
    expect((await run(['archive', 'verify', at('x.tar.gz')])).exitCode).toBe(0);
    expect(fs.readdirSync(directory)).toHaveLength(4);
  });

  it('never takes a file that somebody else wrote for its manifest or index', async () => {
    for (const name of ['x.json', 'x.index']) {
      fs.writeFileSync(at(name), '{"precious":true}');
      const ran = await run(['archive', 'create', at('server'), at('x.tar.gz')]);
      expect(ran.exitCode).toBe(1);
      expect(ran.stderr).toContain(name);
      expect(fs.readFileSync(at(name), 'utf8')).toBe('{"precious":true}');
      expect(fs.readdirSync(directory).sort()).toEqual(['server', name].sort());
      fs.rmSync(at(name));
    }
  });

  it('leaves itself out of an archive of the directory that it is written to', async () => {
    const file = at('server/self.tar.gz');
    for (let time = 0; time < 2; time++) {
      const ran = await run(['archive', 'create', at('server'), file, '--json']);
      expect(ran).toMatchObject({ exitCode: 0, stderr: '' });
      expect(ran.json() as Created).toMatchObject({ files: 3, warningCount: 0 });
    }
    expect((await run(['archive', 'list', file])).stdout).not.toContain('self');
  });

  it('leaves the old three as they were, and nothing beside them, when it fails or is cancelled', async () => {
    await create();
    const before = contents(directory);
    const stop = new AbortController();
    stop.abort(new Failure('cancelled', 'Cannot go on: it was cancelled'));
    const cancelled = await run(['archive', 'create', at('server'), at('x.tar.gz'), '--json'], { signal: stop.signal });
    expect(cancelled.exitCode).toBe(1);
    expect(cancelled.json()).toMatchObject({ code: 'cancelled' });
    expect(contents(directory)).toEqual(before);
  });

  it('exits 3 and names what could not be archived', async () => {
    execFileSync('mkfifo', [at('server/pipe')]);
    const ran = await run(['archive', 'create', at('server'), at('x.tar.gz'), '--json']);
    expect(ran.exitCode).toBe(3);
    expect((ran.json() as Created).warnings).toMatchObject([{ path: 'pipe', code: 'special_file' }]);
    expect(ran.stderr).toContain('warning: pipe: ');
  });

  it('copies unchanged bytes from a base, and says when a base has no index', async () => {
    // Reuse trusts only files that came to rest before the base was read.
    const longAgo = new Date(Date.now() - 3_600_000);
    fs.utimesSync(at('server/world/region/r.0.0.mca'), longAgo, longAgo);
    await create();
    fs.renameSync(at('x.index'), at('kept'));
    const without = await run(['archive', 'create', at('server'), at('y.tar.gz'), '--base', at('x.tar.gz'), '--json']);
    expect((without.json() as Created).reusedBytes).toBe(0);
    expect(without.stderr).toContain('has no index beside it, so nothing is reused');
    expect(without.exitCode).toBe(0);
  });

  it.each([
    [['nowhere', 'x.tar.gz'], 1, 'there is no such directory'],
    [['server/latest.log', 'x.tar.gz'], 1, 'it is no directory'],
    [['server', 'missing/x.tar.gz'], 1, 'its directory does not exist'],
    [['server', 'server'], 1, 'it is no regular file'],
    [['server', 'x.tar.gz', '--base', 'missing.tar.gz'], 1, 'there is no such file'],
    [['server', 'x.tar.gz', '--ignore-file', 'missing'], 1, 'there is no such file'],
    [['server', 'x.tar.gz', '--level', 'most'], 2, 'Allowed choices are none, fast, best'],
    [['server', 'x.tar.gz', '--workers', '0'], 2, 'It is 1 to 256'],
    [['server'], 2, 'missing required argument'],
  ])('says what is wrong with %j', async (argv, exitCode, words) => {
    const paths = argv.map((word) => (/^(?:nowhere|server|x\.|missing)/.test(word) ? at(word) : word));
    const ran = await run(['archive', 'create', ...paths]);
    expect(ran.exitCode).toBe(exitCode);
    expect(ran.stderr).toContain(words);
    expect(ran.stdout).toBe('');
    expect(fs.readdirSync(directory)).toEqual(['server']);
  });

  it('answers a failure with --json as one object on stdout', async () => {
    const ran = await run(['archive', 'create', at('nowhere'), at('x.tar.gz'), '--json']);
    expect(ran.json()).toEqual({
      error: `Cannot archive ${at('nowhere')}: there is no such directory`,
      code: 'path_not_found',
    });
  });
});

describe('roost archive list', () => {
  it('prints one path a line, the same with and without the index', async () => {
    await create();
    const withIndex = (await run(['archive', 'list', at('x.tar.gz')])).stdout;
    fs.rmSync(at('x.index'));
    const without = (await run(['archive', 'list', at('x.tar.gz')])).stdout;
    expect(without).toBe(withIndex);
    expect(without.trim().split('\n').sort()).toEqual(
      ['empty/', 'latest.log', 'link', 'world/', 'world/level.dat', 'world/region/', 'world/region/r.0.0.mca'].sort(),
    );
  });

  it('prints one level with --path, and says when there is no such directory', async () => {
    await create();
    const level = await run(['archive', 'list', at('x.tar.gz'), '--path', './world/']);
    expect(level.stdout.trim().split('\n').sort()).toEqual(['world/level.dat', 'world/region/']);
    const nothing = await run(['archive', 'list', at('x.tar.gz'), '--path', 'nether', '--json']);
    expect(nothing.exitCode).toBe(1);
    expect(nothing.json()).toMatchObject({ code: 'path_not_found' });
  });

  it('prints one object with --json', async () => {
    await create();
    const { entries, format } = (await run(['archive', 'list', at('x.tar.gz'), '--json'])).json() as Listed;
    expect(format).toBe('roost');
    expect(entries.find(({ path }) => path === 'link')).toMatchObject({ kind: 'symlink', target: 'world/level.dat' });
    expect(entries.find(({ path }) => path === 'latest.log')).toMatchObject({ kind: 'file', size: 5000 });
  });

  it('never uses the index of an older archive of that name', async () => {
    await create();
    const older = fs.readFileSync(at('x.index'));
    fs.writeFileSync(at('server/new-file'), 'new');
    await create();
    fs.writeFileSync(at('x.index'), older);
    expect((await run(['archive', 'list', at('x.tar.gz')])).stdout).toContain('new-file');
  });

  it('reads archives that others made', async () => {
    execFileSync('tar', ['-czf', at('other.tar.gz'), '-C', at('server'), '.']);
    const { entries, format } = (await run(['archive', 'list', at('other.tar.gz'), '--json'])).json() as Listed;
    expect(format).toBe('tar');
    expect(entries.map(({ path }) => path)).toContain('world/level.dat');
  });

  it('writes hostile names without their control characters', async () => {
    fs.writeFileSync(at('server/a\u001b[2J\nb'), '');
    await create();
    const { stdout } = await run(['archive', 'list', at('x.tar.gz')]);
    expect(stdout).toContain('a\\x1b[2J\\nb\n');
  });
});

describe('roost archive verify', () => {
  it('says that an archive is intact', async () => {
    const { sha256 } = await create();
    const ran = await run(['archive', 'verify', at('x.tar.gz'), '--json']);
    expect(ran.exitCode).toBe(0);
    expect(ran.json()).toMatchObject({ sha256, files: 3, comparedWithManifest: true });
  });

  it('reads names in an encoding that the operator names, in all commands, and says what it passes over', async () => {
    const name = Buffer.from('cac0bde72ec4a3', 'hex');
    const members = [
      { name, body: 'x', madeBy: 0 },
      { name: '../out', body: 'x' },
      { name: '/abs', body: 'x' },
    ];
    fs.writeFileSync(at('w.zip'), zip(members));
    const guessed = await run(['archive', 'list', at('w.zip')]);
    expect([guessed.exitCode, guessed.stdout]).toEqual([3, '世界.模\nabs\n']);
    expect(guessed.stderr).toMatch(/guessed_encoding/);
    expect(guessed.stderr).toMatch(/absolute_name/);
    expect(guessed.stderr).toMatch(/hostile_entry/);
    for (const [verb, ...more] of [['list'], ['verify'], ['extract', at('out')]] as [string, ...string[]][]) {
      const named = await run(['archive', verb, at('w.zip'), ...more, '--encoding', 'gb18030']);
      expect(named.exitCode).toBe(3);
      expect(named.stderr).not.toMatch(/guessed_encoding/);
      const wrong = await run([
        'archive',
        verb,
        at('w.zip'),
        ...(more.length > 0 ? [at('none')] : []),
        '--encoding',
        'no-such',
      ]);
      expect([wrong.exitCode, fs.existsSync(at('none'))]).toEqual([1, false]);
    }
    expect(fs.readdirSync(at('out')).sort()).toEqual(['abs', '世界.模']);
  });

  it('says when nothing of an archive can be unpacked', async () => {
    fs.writeFileSync(
      at('out.zip'),
      zip([
        { name: '../a', body: 'x' },
        { name: 'null', mode: 0o020666 },
      ]),
    );
    for (const [verb, ...more] of [['verify'], ['extract', at('out')]] as [string, ...string[]][]) {
      const ran = await run(['archive', verb, at('out.zip'), ...more]);
      expect([ran.exitCode, /nothing_left/.test(ran.stderr)]).toEqual([3, true]);
    }
  });

  it('finds a flipped bit anywhere, the gzip header included', async () => {
    await create();
    const good = fs.readFileSync(at('x.tar.gz'));
    for (const offset of [4, 9, Math.floor(good.length / 2), good.length - 1]) {
      const bad = Buffer.from(good);
      bad[offset] = (bad[offset] ?? 0) ^ 1;
      fs.writeFileSync(at('x.tar.gz'), bad);
      const ran = await run(['archive', 'verify', at('x.tar.gz'), '--json']);
      expect(ran.exitCode).toBe(1);
      expect(ran.json()).toMatchObject({ code: 'archive_damaged' });
    }
  });

  it('says when there is no manifest to compare with', async () => {
    await create();
    fs.rmSync(at('x.json'));
    const ran = await run(['archive', 'verify', at('x.tar.gz')]);
    expect(ran.exitCode).toBe(0);
    expect(ran.stdout).toContain('no manifest');
  });
});

describe('roost archive extract', () => {
  it('brings back what was archived, into a directory that it makes', async () => {
    await create();
    const ran = await run(['archive', 'extract', at('x.tar.gz'), at('out'), '--json']);
    expect(ran.exitCode).toBe(0);
    expect(ran.json()).toMatchObject({ directory: at('out'), files: 3, warnings: [], hostile: 0 });
    expect(contents(at('out'))).toEqual(contents(at('server')));
  });

  it('refuses a directory that holds something, and touches nothing in it', async () => {
    await create();
    const before = contents(at('server'));
    const ran = await run(['archive', 'extract', at('x.tar.gz'), at('server')]);
    expect(ran.exitCode).toBe(1);
    expect(ran.stderr).toContain('--overwrite');
    expect(contents(at('server'))).toEqual(before);
  });

  it('replaces files of the same names with --overwrite and leaves others alone', async () => {
    await create();
    fs.mkdirSync(at('out'));
    fs.writeFileSync(at('out/latest.log'), 'old');
    fs.writeFileSync(at('out/mine'), 'mine');
    const ran = await run(['archive', 'extract', at('x.tar.gz'), at('out'), '--overwrite']);
    expect(ran.exitCode).toBe(0);
    expect(contents(at('out'))).toEqual({ ...contents(at('server')), mine: contents(at('out'))['mine'] });
  });

  it('unpacks only what --path matches', async () => {
    await create();
    await run(['archive', 'extract', at('x.tar.gz'), at('out'), '--path', 'world/*.dat', '--path', '*.log']);
    expect(Object.keys(contents(at('out'))).sort()).toEqual(['latest.log', 'world/', 'world/level.dat']);
  });

  it('says when nothing matches, and leaves no empty directory', async () => {
    await create();
    const ran = await run(['archive', 'extract', at('x.tar.gz'), at('out'), '--path', 'nether/**', '--json']);
    expect(ran.exitCode).toBe(1);
    expect(ran.json()).toMatchObject({ code: 'path_not_found' });
    expect(fs.existsSync(at('out'))).toBe(false);
  });

  it('gives up beyond --max-size', async () => {
    await create();
    const ran = await run(['archive', 'extract', at('x.tar.gz'), at('out'), '--max-size', '100KiB', '--json']);
    expect(ran.exitCode).toBe(1);
    expect(ran.json()).toMatchObject({ code: 'too_large' });
  });

  it('passes hostile entries over, names them, and exits 3', async () => {
    fs.mkdirSync(at('evil/inner'), { recursive: true });
    fs.writeFileSync(at('evil/outside'), 'escaped');
    fs.writeFileSync(at('evil/inner/good'), 'good');
    execFileSync('tar', ['-czPf', at('evil.tar.gz'), 'good', '../outside'], { cwd: at('evil/inner') });
    fs.rmSync(at('evil/outside'));
    fs.mkdirSync(at('room'));
    const ran = await run(['archive', 'extract', at('evil.tar.gz'), at('room/out'), '--json']);
    expect(ran.exitCode).toBe(3);
    expect(ran.json()).toMatchObject({ files: 1, warnings: [{ code: 'hostile_entry' }] });
    expect(fs.readdirSync(at('room'))).toEqual(['out']);
  });

  it('strips setuid unless it is told to keep it', async () => {
    fs.chmodSync(at('server/latest.log'), 0o4755);
    await create();
    const stripped = await run(['archive', 'extract', at('x.tar.gz'), at('out'), '--json']);
    expect(stripped.exitCode).toBe(3);
    expect(stripped.json()).toMatchObject({ warnings: [{ path: 'latest.log', code: 'setuid_stripped' }] });
    expect(fs.statSync(at('out/latest.log')).mode & 0o7777).toBe(0o755);
    await run(['archive', 'extract', at('x.tar.gz'), at('kept'), '--setuid', 'keep']);
    expect(fs.statSync(at('kept/latest.log')).mode & 0o7777).toBe(0o4755);
  });

  it.skipIf(process.geteuid?.() !== 0)('gives everything to --owner (skipped unless root)', async () => {
    await create();
    await run(['archive', 'extract', at('x.tar.gz'), at('out'), '--owner', '1234:2345']);
    const { uid, gid } = fs.lstatSync(at('out/link'));
    expect([uid, gid, fs.statSync(at('out/world')).uid]).toEqual([1234, 2345, 1234]);
  });

  it('reads an archive of tar', async () => {
    execFileSync('tar', ['-czf', at('other.tgz'), '-C', at('server'), '.']);
    await run(['archive', 'extract', at('other.tgz'), at('out')]);
    expect(contents(at('out'))).toEqual(contents(at('server')));
  });

  it.each([
    [['--owner', 'robin'], 'two numbers'],
    [['--max-size', 'huge'], 'Write a number with a unit'],
    [['--setuid', 'maybe'], 'Allowed choices are strip, keep'],
  ])('refuses %j with exit 2', async (options, words) => {
    const ran = await run(['archive', 'extract', at('x.tar.gz'), at('out'), ...options]);
    expect(ran.exitCode).toBe(2);
    expect(ran.stderr).toContain(words);
  });
});
