/** Archives through pipes, as a shell connects them. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { scratchDirectory } from '../support/scratch.ts';
import { MAIN } from './roost-process.ts';

/** Runs a line of a shell in which `roost` is the program. */
async function scene() {
  const directory = await scratchDirectory();
  await mkdir(join(directory, 'server', 'world'), { recursive: true });
  await mkdir(join(directory, 'tmp'));
  await writeFile(join(directory, 'server', 'world', 'level.dat'), Buffer.alloc(300_000, 'level'));
  await writeFile(join(directory, 'server', 'eula.txt'), 'eula=true\n');
  const shell = (line: string) =>
    spawnSync('sh', ['-c', `roost() { '${process.execPath}' '${MAIN}' "$@"; }; ${line}`], {
      cwd: directory,
      encoding: 'utf8',
      env: { PATH: process.env['PATH'] ?? '', TMPDIR: join(directory, 'tmp') },
    });
  return { directory, shell, at: (...names: string[]) => join(directory, ...names) };
}

test('an archive goes through a pipe into tar, into a listing and into a directory, and leaves nothing beside', async () => {
  const { directory, shell, at } = await scene();
  const made = shell('roost archive create server - > x.tar.gz');
  expect([made.status, made.stdout, made.stderr]).toEqual([
    0,
    '',
    expect.stringMatching(/^stdout: 2 files.*\nsha256 /),
  ]);
  expect(execFileSync('tar', ['-tzf', at('x.tar.gz')], { encoding: 'utf8' })).toContain('world/level.dat\n');
  const listed = shell('cat x.tar.gz | roost archive list -');
  expect([listed.stderr, listed.stdout]).toEqual(['', expect.stringContaining('world/level.dat\n')]);
  expect(shell('roost archive list - < x.tar.gz').stdout).toBe(listed.stdout);
  const unpacked = shell('cat x.tar.gz | roost archive extract --path world - out');
  expect(unpacked).toMatchObject({ status: 0, stderr: '' });
  expect(await readFile(at('out', 'world', 'level.dat'))).toEqual(Buffer.alloc(300_000, 'level'));
  expect(await readdir(at('out'))).toEqual(['world']);
  expect(await readdir(at('tmp'))).toEqual([]);
  expect((await readdir(directory)).sort()).toEqual(['out', 'server', 'tmp', 'x.tar.gz']);
});

test('an archive that is redirected into the archived directory does not hold itself', async () => {
  const { shell, at } = await scene();
  const made = shell('cd server && roost archive create . - > x.tar.gz');
  expect([made.status, made.stderr]).toEqual([3, expect.stringContaining('warning: x.tar.gz: It belongs to Roost')]);
  const names = execFileSync('tar', ['-tzf', at('server', 'x.tar.gz')], { encoding: 'utf8' });
  expect(names).not.toContain('x.tar.gz');
});

test('a reader that leaves early, a full disk, a cut archive and --json are failures', async () => {
  const { shell } = await scene();
  const left = shell('{ roost archive create --level none server -; echo "ended $?" >&2; } | true');
  expect(left.stderr).toContain('ended 1');
  expect(left.stderr).toContain('the reader of stdout has left');
  expect(shell('roost archive create server - > /dev/full')).toMatchObject({ status: 1 });
  for (const line of ['--version', '--help', 'backup list --help', 'completion bash']) {
    const { status, stderr } = shell(`roost ${line} > /dev/full`);
    expect([line, status, stderr]).toEqual([line, 1, expect.stringContaining('ENOSPC')]);
  }
  expect(shell('roost --version | true; roost --help')).toMatchObject({ status: 0, stderr: '' });
  const cut = shell('roost archive create server - 2>/dev/null | head -c 400 | roost archive verify -');
  expect(cut.status).toBe(1);
  const json = shell('roost archive create --json server -');
  expect([json.status, json.stdout]).toEqual([1, expect.stringContaining('cannot both go to stdout')]);
});
