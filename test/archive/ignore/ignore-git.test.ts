/** The ignore rules against git itself, over random lists and trees that are dense in special cases. */
import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bytesOf, fromText } from '../../../src/base/files/paths.ts';
import { compileIgnore } from '../../../src/archive/ignore/ignore.ts';
import { decodeIgnoreText } from '../../../src/archive/ignore/ignore-text.ts';
import { definitionsAgree, gitDecider, prefixesOf, referenceLines, roostDecider } from '../ignore-reference.ts';
import { randomFrom, randomList, type Random } from '../ignore-random.ts';

interface Item {
  readonly path: string;
  readonly isDirectory: boolean;
}

let repository: string;
let items: Item[];

const HAS_GIT = spawnSync('git', ['--version']).error === undefined;

beforeAll(() => {
  if (!HAS_GIT) return;
  repository = fs.mkdtempSync(path.join(os.tmpdir(), 'roost-ignore-'));
  execFileSync('git', ['init', '-q', repository], { env: gitEnvironment() });
  items = plantTree(repository, randomFrom(1));
});

afterAll(() => {
  if (HAS_GIT) fs.rmSync(repository, { recursive: true, force: true });
});

function gitEnvironment(): NodeJS.ProcessEnv {
  return { PATH: process.env['PATH'], HOME: '/nonexistent', GIT_CONFIG_NOSYSTEM: '1', GIT_CONFIG_GLOBAL: '/dev/null' };
}

/** Number of the line (from 0) by which git decides each path, or -1. Lines and paths are byte strings. */
function askGit(lines: readonly string[], paths: readonly string[]): number[] {
  fs.writeFileSync(path.join(repository, '.git/info/exclude'), bytesOf(lines.map((line) => `${line}\n`).join('')));
  const { stdout, status, stderr } = spawnSync(
    'git',
    ['check-ignore', '--no-index', '--stdin', '-z', '--verbose', '--non-matching'],
    { cwd: repository, env: gitEnvironment(), input: bytesOf(paths.join('\0')), maxBuffer: 1 << 26 },
  );
  // 1: none of the paths is ignored.
  if (status !== 0 && status !== 1) throw new Error(stderr.toString());
  const fields = stdout.toString('latin1').split('\0');
  return paths.map((asked, index) => {
    if (fields[index * 4 + 3] !== asked) throw new Error(`git answers for ${fields[index * 4 + 3]}, not ${asked}`);
    return Number(fields[index * 4 + 1]) - 1;
  });
}

const NAMES = [
  'a',
  'b',
  'ab',
  'ba',
  'abc',
  'a.b',
  '.a',
  'A',
  'a b',
  'a ',
  '!a',
  '#a',
  '[a]',
  'a-b',
  '*',
  '\\a',
  'é',
  '\xff\xfe',
];

function plantTree(root: string, random: Random): Item[] {
  const planted: Item[] = [];
  const plant = (parent: string, depth: number): void => {
    for (const name of random.some(NAMES, depth === 0 ? NAMES.length : 5)) {
      const bytes = name === '\xff\xfe' ? name : fromText(name);
      const item = { path: parent === '' ? bytes : `${parent}/${bytes}`, isDirectory: depth < 4 && random.chance(0.5) };
      const place = Buffer.concat([Buffer.from(`${root}/`), bytesOf(item.path)]);
      planted.push(item);
      if (!item.isDirectory) fs.writeFileSync(place, '');
      else fs.mkdirSync(place);
      if (item.isDirectory && planted.length < 400) plant(item.path, depth + 1);
    }
  };
  plant('', 0);
  return planted;
}

const text = (bytes: string): string => decodeIgnoreText(bytesOf(bytes));

describe.skipIf(!HAS_GIT)('against git check-ignore (skipped without git)', () => {
  it('agrees with git wherever the definitions agree, keeps what git keeps, and follows its own definition elsewhere', () => {
    const random = randomFrom(20260101);
    const seen = { cases: 0, agreeing: 0, ignored: 0, differing: 0 };
    for (let list = 0; list < 260; list++) {
      const lines = randomList(random, items, list % 3 === 0 ? 1 : 1 + random.below(6));
      const reference = referenceLines(lines);
      const rules = compileIgnore(lines.map(text));
      const git = askGit(
        lines,
        items.map((item) => item.path),
      );
      for (const [index, item] of items.entries()) {
        // Only what is wrong goes to an `expect`: one for each of 100,000 cases takes ten times as long as the cases.
        const must = (holds: boolean, what: string): void => {
          if (!holds) expect.fail(`${what}: ${JSON.stringify(lines)} on ${JSON.stringify(item)}`);
        };
        const gitLine = git[index] ?? -1;
        const gitIgnores = reference[gitLine]?.negated === false;
        const ours = rules.ignores(item.path, item.isDirectory ? 'directory' : 'file');
        // The model is held against git first, so that it may stand in for git's meaning of a line below.
        must(gitDecider(reference, item.path, item.isDirectory) === gitLine, `git decides by line ${gitLine}`);
        const decider = roostDecider(reference, item.path, item.isDirectory);
        must(ours === (reference[decider]?.negated === false), 'the definition says otherwise');
        must(!ours || gitIgnores, 'git keeps it');
        seen.cases++;
        if (definitionsAgree(reference, item.path, item.isDirectory)) {
          must(ours === gitIgnores, 'git says otherwise');
          seen.agreeing++;
        } else {
          must(!ours && gitIgnores, 'only git may ignore it');
          seen.differing++;
        }
        if (gitIgnores) seen.ignored++;
      }
    }
    expect(seen.cases).toBeGreaterThan(50_000);
    expect(seen.agreeing / seen.cases).toBeGreaterThan(0.9);
    expect(seen.ignored / seen.cases).toBeGreaterThan(0.1);
    expect(seen.differing).toBeGreaterThan(500);
  });

  it('reads each POSIX class and range over all 254 bytes that a name can hold as git does', () => {
    const names = Array.from({ length: 255 }, (_, index) => String.fromCharCode(index + 1)).filter(
      (byte) => byte !== '/',
    );
    const classes = 'alnum alpha blank cntrl digit graph lower print punct space upper xdigit'.split(' ');
    const brackets = [
      ...classes.flatMap((name) => [`[[:${name}:]]`, `[![:${name}:]]`]),
      ...'[a-f] [^a-f] [--0] [!--0] []-a] [\\--\\0] [\xc3\xa9] [\x80-\xff] [[:digit:]-z] [a-[:digit:]] ?'.split(' '),
    ];
    for (const bracket of brackets) {
      const rules = compileIgnore([text(`x${bracket}`)]);
      const paths = names.map((name) => `x${name}`);
      const git = askGit([`x${bracket}`], paths);
      expect(
        paths.map((name) => rules.ignores(name, 'file')),
        bracket,
      ).toEqual(git.map((line) => line === 0));
    }
  });

  it('has a tree deep enough that parents matter', () => {
    expect(items.filter((item) => prefixesOf(item.path).length > 2).length).toBeGreaterThan(items.length / 2);
  });
});
