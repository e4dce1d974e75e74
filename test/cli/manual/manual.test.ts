import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { run } from '../run.ts';

const root = join(import.meta.dirname, '../../..');
const withoutMan = spawnSync('man', ['--version']).status !== 0;

/** As a reader sees it, with what the formatter complains of. */
function formatted(page: string): { readonly text: string; readonly warnings: string } {
  const env = { ...process.env, MANWIDTH: '80', LC_ALL: 'C.UTF-8', MANROFFSEQ: '' };
  const ran = spawnSync('man', ['--warnings', '-l', '-'], { input: page, encoding: 'utf8', env });
  // eslint-disable-next-line no-control-regex
  return { text: ran.stdout.replaceAll(/.\u0008/gu, ''), warnings: ran.stderr };
}

describe('roost manual', () => {
  test('names every command with its options, exit codes and environment', async () => {
    const { stdout } = await run(['manual']);
    for (const words of ['backup create <server>', 'archive extract <file> <directory>', 'config check']) {
      expect(stdout).toContain(`.SS roost ${words}`);
    }
    for (const word of ['\\-\\-keep\\-previous <hours>', 'ROOST_URL', 'NO_COLOR', '.SH EXIT STATUS']) {
      expect(stdout).toContain(word);
    }
  });

  test.skipIf(withoutMan)('is formatted without a warning', async () => {
    const { text, warnings } = formatted((await run(['manual'])).stdout);
    expect(warnings).toBe('');
    expect(text).toContain('ROOST(1)');
    expect(text).toMatch(/--keep-previous <hours>/);
  });

  test.skipIf(withoutMan)('shows the whole config, as it can be copied', async () => {
    const { text, warnings } = formatted((await run(['manual', 'roost.yml.5'])).stdout);
    expect(warnings).toBe('');
    const shown = new Set(text.split('\n').map((line) => line.trim()));
    const missing = readFileSync(join(root, 'config.example.yml'), 'utf8')
      .split('\n')
      .map((line) => line.trim().replaceAll('\u2026', '...'))
      .filter((line) => line !== '' && !shown.has(line));
    expect(missing).toEqual([]);
  });
});

describe('help', () => {
  test.each(['--version', '-v', '-V', 'version'])('%s is the version', async (word) => {
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { readonly version: string };
    expect(await run([word])).toMatchObject({ exitCode: 0, stdout: `${version}\n` });
  });

  test('of the program has examples, exit codes and environment', async () => {
    const { exitCode, stdout } = await run(['--help']);
    expect(exitCode).toBe(0);
    for (const title of ['Examples:', 'Exit codes:', 'Environment:']) expect(stdout).toContain(`\n${title}\n`);
  });

  test('of every command fits 80 columns, and has an example of that command with options that it knows', async () => {
    const faults: string[] = [];
    const look = async (path: readonly string[]): Promise<void> => {
      const { stdout } = await run([...path, '--help']);
      faults.push(...stdout.split('\n').filter((line) => line.length > 80));
      faults.push(...(/\(default: (?:\[\]|0|""|false)\)/.exec(stdout) ?? []));
      const listed = /^Commands:\n((?: .*\n)+)/m.exec(stdout)?.[1] ?? '';
      const inside = [...listed.matchAll(/^ {2}([a-z]+)/gm)]
        .map(([, name = '']) => name)
        .filter((name) => name !== 'help');
      for (const name of inside) await look([...path, name]);
      if (inside.length > 0) return;
      const examples = (stdout.split('\nExamples:\n')[1] ?? '').split('\n').filter((line) => line !== '');
      const own = examples.filter((line) => line.includes(`roost ${path.join(' ')}`));
      if (own.length === 0) faults.push(`${path.join(' ')}: no example`);
      const options = own.flatMap((line) => line.match(/(?<= )--?[a-z-]+(?= |$)/g) ?? []);
      const known = stdout.split('\nExamples:\n')[0] ?? '';
      faults.push(
        ...options.filter((option) => !known.includes(option)).map((option) => `${path.join(' ')}: ${option}`),
      );
    };
    await look([]);
    expect(faults).toEqual([]);
  });

  test('of a command has its examples, its required options, and no default that says nothing', async () => {
    const { stdout } = await run(['backup', 'restore', '--help']);
    expect(stdout).toContain('Examples:\n  roost backup restore survival latest --dry-run\n');
    expect(stdout).not.toContain('default: []');
    expect((await run(['configure', '--help'])).stdout).toMatch(/--node <id>[^-]*\(required\)/);
  });
});
