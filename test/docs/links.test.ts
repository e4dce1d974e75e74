/** What the documents point to exists: files, headings in them, and paths of code. */
import fs from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const FENCE = /^```[\s\S]*?^```/gm;

const documents = fs.globSync(['*.md', 'docs/**/*.md'], { cwd: ROOT }).sort();

function textOf(path: string): string {
  return fs.readFileSync(join(ROOT, path), 'utf8');
}

/** Targets of inline links that lie in this repository, as they are written. */
function linksIn(text: string): string[] {
  const targets = Array.from(text.replace(FENCE, '').matchAll(/\]\(([^)\s]+)\)/g), ([, target]) => target ?? '');
  return targets.filter((target) => !/^[a-z]+:/.test(target));
}

/** Headings as GitHub names them in links. */
function anchorsIn(text: string): string[] {
  return Array.from(text.replace(FENCE, '').matchAll(/^#+ (.*)$/gm), ([, heading]) =>
    (heading ?? '')
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .trim()
      .replaceAll(' ', '-'),
  );
}

/** Paths of code named in a text: `src/…` anywhere, and in backticks what ends in .ts with a folder before it. */
function pathsIn(text: string): string[] {
  const named = Array.from(text.matchAll(/(?<![\w./-])(?:src|test|bench)\/[\w./-]*[\w/]/g), ([path]) => path);
  const quoted = Array.from(text.matchAll(/`([\w-]+(?:\/[\w-]+)+\.ts)`/g), ([, path]) => path ?? '');
  return Array.from(new Set([...named, ...quoted]));
}

function brokenIn(path: string, text: string): string[] {
  const links = linksIn(text).filter((link) => {
    const [file = '', anchor] = link.split('#');
    const target = file === '' ? path : relative(ROOT, join(ROOT, dirname(path), decodeURIComponent(file)));
    if (!fs.existsSync(join(ROOT, target))) return true;
    return anchor !== undefined && target.endsWith('.md') && !anchorsIn(textOf(target)).includes(anchor);
  });
  const paths = pathsIn(text).filter((named) => !fs.existsSync(join(ROOT, named)));
  return [...links, ...paths];
}

test('there are documents to look at', () => {
  expect(documents).toContain('README.md');
  expect(documents).toContain('docs/architecture.md');
});

describe.each(documents)('%s', (path) => {
  test('links to files and headings that exist, and names paths of code that exist', () => {
    expect(brokenIn(path, textOf(path))).toEqual([]);
  });
});

test('a link to no file, to no heading and a path that is gone are found', () => {
  const text =
    'A [file](gone.md), a [heading](README.md#gone), `src/gone.ts`, `base/gone.ts`, [here](README.md#roost).';
  expect(brokenIn('README.md', text)).toEqual(['gone.md', 'README.md#gone', 'src/gone.ts', 'base/gone.ts']);
});
