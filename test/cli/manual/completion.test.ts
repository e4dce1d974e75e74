/** Completions, asked of the shells themselves. */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { run } from '../run.ts';

let directory: string;
beforeAll(async () => {
  directory = fs.mkdtempSync(join(tmpdir(), 'roost-completion-'));
  for (const shell of ['bash', 'zsh', 'fish']) {
    const { exitCode, stdout } = await run(['completion', shell]);
    expect(exitCode).toBe(0);
    fs.writeFileSync(join(directory, `_roost.${shell}`), stdout);
  }
  fs.mkdirSync(join(directory, 'here/worlds'), { recursive: true });
  fs.writeFileSync(join(directory, 'here/world.tar.gz'), '');
});
afterAll(() => {
  fs.rmSync(directory, { recursive: true });
});

/** What each shell offers after these words; the last is unfinished. */
const SHELLS: Readonly<Record<string, (words: readonly string[]) => string[]>> = {
  bash: (words) =>
    // Bash itself adds the files that compopt asks for; here it is only told that it would.
    lines('bash', [
      '--norc',
      '-c',
      `compopt() { COMPREPLY+=("$2"); }; source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _roost
       printf '%s\\n' "\${COMPREPLY[@]}"`,
      'bash',
      join(directory, '_roost.bash'),
      'roost',
      ...words,
    ]).map((word) => ({ default: 'world.tar.gz', dirnames: 'worlds/' })[word] ?? word),
  zsh: (words) =>
    lines('zsh', [
      '-f',
      '-c',
      `compdef() { : }
       _files() { [[ "$1" == -/ ]] && print worlds/ || print world.tar.gz }
       _describe() { local each; for each in "\${(@P)4}"; do print -r -- "\${each%%:*}"; done }
       compadd() { shift; print -rl -- "$@" }
       source "$1"; shift; words=("$@"); CURRENT=$#words; _roost`,
      'zsh',
      join(directory, '_roost.zsh'),
      'roost',
      ...words,
    ]),
  fish: (words) =>
    lines('fish', [
      '--no-config',
      '-c',
      `source $argv[1]; complete -C (string join ' ' -- (string escape -- $argv[2..-2]) $argv[-1])`,
      join(directory, '_roost.fish'),
      'roost',
      ...words,
    ]).map((line) => line.split('\t')[0] ?? ''),
};

function lines(program: string, words: readonly string[]): string[] {
  const env = { PATH: process.env['PATH'], HOME: directory, TERM: 'dumb', LC_ALL: 'C.UTF-8' };
  const ran = spawnSync(program, words, { encoding: 'utf8', env, cwd: join(directory, 'here') });
  expect(ran.stderr).toBe('');
  return ran.stdout.split('\n').filter((line) => line !== '');
}

describe.each(Object.keys(SHELLS))('%s', (shell) => {
  const missing = spawnSync(shell, ['-c', 'true']).status !== 0;
  const offered = (...words: string[]) => SHELLS[shell]?.(words) ?? [];

  test.skipIf(missing)('offers the commands, and those of a command', () => {
    expect(offered('')).toEqual(expect.arrayContaining(['backup', 'archive', 'doctor', 'completion']));
    const ofBackup = offered('backup', '');
    expect(ofBackup).toEqual(expect.arrayContaining(['create', 'restore', 'get']));
    expect(ofBackup).not.toContain('doctor');
  });

  test.skipIf(missing)('offers the options of a command, after other words and options with values too', () => {
    const words = ['backup', 'restore', 'survival', '--path', 'list', 'latest', '--'];
    expect(offered(...words)).toEqual(expect.arrayContaining(['--dry-run', '--keep-previous', '--json']));
    expect(offered('doctor', '--')).not.toContain('--dry-run');
  });

  test.skipIf(missing)('offers what a value may be, and nothing for one that is free', () => {
    expect(offered('archive', 'create', '--level', '')).toEqual(expect.arrayContaining(['none', 'fast', 'best']));
    expect(offered('completion', '')).toEqual(expect.arrayContaining(['bash', 'zsh', 'fish']));
    expect(offered('backup', 'create', 'survival', '--name', '')).toEqual([]);
  });

  test.skipIf(missing)('offers files and directories where a command takes them', () => {
    expect(offered('archive', 'list', 'wor')).toContain('world.tar.gz');
    expect(offered('doctor', '--config', 'wor')).toContain('world.tar.gz');
    expect(offered('setup', '--servers', 'wor')).toEqual(['worlds/']);
  });
});

test('another shell is refused, and those that there are are named', async () => {
  const { exitCode, stderr } = await run(['completion', 'csh']);
  expect(exitCode).toBe(2);
  expect(stderr).toContain('bash, zsh, fish');
});
