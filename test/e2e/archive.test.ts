/** The archive commands as processes: exit codes, streams, signals, pipes that close. */
import { execFileSync, spawn } from 'node:child_process';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { MAIN, RoostProcess, roost } from './roost-process.ts';

let home: string;
beforeEach(() => {
  home = fs.mkdtempSync(join(tmpdir(), 'roost-e2e-'));
  fs.mkdirSync(join(home, 'server/world'), { recursive: true });
  fs.writeFileSync(join(home, 'server/world/level.dat'), 'level');
});
afterEach(() => {
  fs.rmSync(home, { recursive: true, force: true });
});

describe('roost archive as a process', () => {
  it('goes from a directory to an archive and back with exit code 0 and a quiet stderr', async () => {
    expect(await roost(['archive', 'create', 'server', 'x.tar.gz'], { cwd: home })).toMatchObject({
      exitCode: 0,
      stderr: '',
    });
    expect(await roost(['archive', 'verify', 'x.tar.gz'], { cwd: home })).toMatchObject({ exitCode: 0, stderr: '' });
    expect(await roost(['archive', 'extract', 'x.tar.gz', 'out'], { cwd: home })).toMatchObject({
      exitCode: 0,
      stderr: '',
    });
    expect(fs.readFileSync(join(home, 'out/world/level.dat'), 'utf8')).toBe('level');
  });

  it('shows a stack trace only with ROOST_DEBUG=1', async () => {
    const argv = ['archive', 'verify', 'missing.tar.gz'];
    expect((await roost(argv, { cwd: home })).stderr).not.toMatch(/^\s+at /m);
    expect((await roost(argv, { cwd: home, env: { ROOST_DEBUG: '1' } })).stderr).toMatch(/^\s+at /m);
  });

  it('exits 2 for words that it does not know', async () => {
    const ended = await roost(['archive', 'creat', 'server', 'x.tar.gz'], { cwd: home });
    expect(ended).toMatchObject({ exitCode: 2, stdout: '' });
    expect(ended.stderr).toContain('Did you mean create?');
  });

  it('removes its temporary files on Ctrl-C and leaves the older archive alone', async () => {
    await roost(['archive', 'create', 'server', 'x.tar.gz'], { cwd: home });
    const before = fs.readFileSync(join(home, 'x.tar.gz'));
    // A hole takes no room on the disk, and is large enough to be under way when the signal comes.
    fs.writeFileSync(join(home, 'server/world/large'), '');
    fs.truncateSync(join(home, 'server/world/large'), 64 * 1024 ** 3);
    const running = new RoostProcess(['archive', 'create', 'server', 'x.tar.gz'], { cwd: home });
    await eventually(() => fs.readdirSync(home).filter((name) => name.endsWith('.partial')).length >= 3);
    running.signal('SIGINT');
    const ended = await running.ended;
    expect(ended.exitCode).toBe(1);
    expect(ended.stderr).toContain('cancelled');
    expect(fs.readdirSync(home).sort()).toEqual(['server', 'x.index', 'x.json', 'x.tar.gz']);
    expect(fs.readFileSync(join(home, 'x.tar.gz')).equals(before)).toBe(true);
  });

  it('ends quietly when the reader of its list leaves', async () => {
    for (let at = 0; at < 3000; at++) fs.writeFileSync(join(home, 'server', `file-with-a-long-name-${at}`), '');
    await roost(['archive', 'create', 'server', 'x.tar.gz'], { cwd: home });
    const line = `'${process.execPath}' '${MAIN}' archive list x.tar.gz | head -1`;
    const shell = spawn('bash', ['-o', 'pipefail', '-c', `${line}; exit \${PIPESTATUS[0]}`], { cwd: home });
    let [stdout, stderr] = ['', ''];
    shell.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString('utf8')));
    shell.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString('utf8')));
    const exitCode = await new Promise((resolve) => shell.on('close', resolve));
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect(stdout.trim().split('\n')).toHaveLength(1);
  });

  it('makes archives that stay plain tar when the index and the manifest are gone', async () => {
    await roost(['archive', 'create', 'server', 'x.tar.gz'], { cwd: home });
    fs.rmSync(join(home, 'x.index'));
    fs.rmSync(join(home, 'x.json'));
    expect(execFileSync('tar', ['-tzf', 'x.tar.gz'], { cwd: home, encoding: 'utf8' })).toBe(
      'world/\nworld/level.dat\n',
    );
    const ended = await roost(['archive', 'extract', 'x.tar.gz', 'out'], { cwd: home });
    expect(ended).toMatchObject({ exitCode: 0 });
  });
});
