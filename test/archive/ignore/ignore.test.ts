import { describe, expect, it } from 'vitest';
import { Failure } from '../../../src/base/failure.ts';
import { fromText } from '../../../src/base/files/paths.ts';
import { MAX_BYTES, MAX_LINES, MAX_LINE_BYTES, compileIgnore } from '../../../src/archive/ignore/ignore.ts';
import { splitIgnoreText } from '../../../src/archive/ignore/ignore-text.ts';

/** Which of these paths (text; a slash at the end says directory) the lines leave out. */
function ignored(lines: readonly string[], ...paths: string[]): string[] {
  const rules = compileIgnore(lines);
  return paths.filter((path) =>
    path.endsWith('/')
      ? rules.ignores(fromText(path.slice(0, -1)), 'directory')
      : rules.ignores(fromText(path), 'file'),
  );
}

function failureOf(action: () => unknown): Failure {
  try {
    action();
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

describe('lines', () => {
  it('keeps everything without lines', () => {
    expect(ignored([], 'a', 'a/b', 'a/')).toEqual([]);
  });

  it('takes blank lines as separators and # at the start as a comment', () => {
    expect(ignored(['', '   ', '# a', '#b'], 'a', '#b', '# a', ' ')).toEqual([]);
  });

  it('takes \\# and \\! at the start as the characters themselves', () => {
    expect(ignored(['\\#a', '\\!b'], '#a', 'a', '!b', 'b')).toEqual(['#a', '!b']);
  });

  it('takes a # behind the start, and after spaces, as itself', () => {
    expect(ignored(['a#b', ' #c'], 'a#b', 'a', ' #c')).toEqual(['a#b', ' #c']);
  });

  it('drops spaces at the end unless a backslash keeps them, and no tabs', () => {
    expect(ignored(['a  ', 'b\\ ', 'c\\  ', 'd\t'], 'a', 'a  ', 'b ', 'b', 'c ', 'd', 'd\t')).toEqual([
      'a',
      'b ',
      'c ',
      'd\t',
    ]);
  });

  it('keeps spaces at the start and inside', () => {
    expect(ignored([' a', 'b c'], ' a', 'a', 'b c')).toEqual([' a', 'b c']);
  });

  it('drops the carriage returns of a file from Windows', () => {
    expect(ignored(['*.log\r', '!keep.log\r', '\r'], 'a.log', 'keep.log')).toEqual(['a.log']);
  });

  it('counts an element with line feeds as several lines', () => {
    expect(ignored(['*.log\n!keep.log\r\ncache/\n'], 'a.log', 'keep.log', 'cache/x')).toEqual(['a.log', 'cache/x']);
  });

  it('distinguishes case', () => {
    expect(ignored(['Logs', '*.LOG', '[a-z]x'], 'logs', 'Logs', 'a.log', 'a.LOG', 'Ax')).toEqual(['Logs', 'a.LOG']);
  });
});

describe('slashes', () => {
  it('matches a name without a slash at any depth, with all that is below it', () => {
    expect(ignored(['foo'], 'foo', 'a/foo', 'a/b/foo', 'foo/x', 'a/foo/x/y', 'foobar', 'a/xfoo')).toEqual([
      'foo',
      'a/foo',
      'a/b/foo',
      'foo/x',
      'a/foo/x/y',
    ]);
  });

  it('ties a line to the root by a slash at its start or inside', () => {
    expect(ignored(['/foo', 'doc/bar'], 'foo', 'a/foo', 'doc/bar', 'a/doc/bar', 'doc/bar/x')).toEqual([
      'foo',
      'doc/bar',
      'doc/bar/x',
    ]);
  });

  it('matches only directories with a slash at the end, at any depth', () => {
    expect(ignored(['foo/', '/b/'], 'foo', 'foo/', 'a/foo/', 'foo/x', 'a/foo', 'b/', 'b/x', 'a/b/')).toEqual([
      'foo/',
      'a/foo/',
      'foo/x',
      'b/',
      'b/x',
    ]);
  });

  it('takes a link to a directory as a file', () => {
    const rules = compileIgnore(['foo/']);
    expect(rules.ignores('foo', 'symlink')).toBe(false);
    expect(rules.root().child('foo', false)).toEqual({ ignored: false, prune: false });
  });

  it('never ignores the root', () => {
    expect(compileIgnore(['*', '**', '/**']).ignores('', 'directory')).toBe(false);
  });
});

describe('wildcards', () => {
  it('lets * and ? match anything but a slash', () => {
    expect(ignored(['/foo/*', '/a?c'], 'foo/test.json', 'foo/bar/', 'foo', 'abc', 'a/c', 'ac')).toEqual([
      'foo/test.json',
      'foo/bar/',
      'abc',
    ]);
    expect(ignored(['foo/*.c'], 'foo/a.c', 'foo/b/a.c', 'a.c')).toEqual(['foo/a.c']);
  });

  it('matches hidden names too', () => {
    expect(ignored(['*.log', '/*/x'], '.log', '.a/x')).toEqual(['.log', '.a/x']);
  });

  it('lets **/ at the start match in all directories', () => {
    expect(ignored(['**/foo', '**/a/b'], 'foo', 'x/y/foo', 'a/b', 'x/a/b', 'x/a/c/b', 'xfoo')).toEqual([
      'foo',
      'x/y/foo',
      'a/b',
      'x/a/b',
    ]);
  });

  it('lets /** at the end match everything inside, but not the directory itself', () => {
    expect(ignored(['abc/**'], 'abc/', 'abc/x', 'abc/x/y', 'x/abc/y')).toEqual(['abc/x', 'abc/x/y']);
  });

  it('lets /**/ match no directory or many', () => {
    expect(ignored(['a/**/b'], 'a/b', 'a/x/b', 'a/x/y/b', 'ab', 'a/xb', 'x/a/b')).toEqual(['a/b', 'a/x/b', 'a/x/y/b']);
    expect(ignored(['a/**/**/**/b'], 'a/b', 'a/x/y/b')).toEqual(['a/b', 'a/x/y/b']);
  });

  it('takes other runs of stars as one', () => {
    expect(ignored(['/?a**b', 'x**y'], 'xab', 'xa1b', 'xa/b', 'xy', 'd/x1y')).toEqual(['xab', 'xa1b', 'xy', 'd/x1y']);
  });

  it('does as git does, not as it says, with ** as the first wildcard of a line', () => {
    expect(ignored(['foo**/bar'], 'foobar', 'foo/bar', 'foo1/2/bar')).toEqual(['foobar', 'foo/bar', 'foo1/2/bar']);
    expect(ignored(['x**/./b', 'y**/.'], 'x./b', 'y.', 'x/b')).toEqual(['x./b', 'y.']);
  });

  it('matches bytes, as git does: a letter beyond ASCII is several', () => {
    expect(ignored(['?', '[é]x', '/été'], 'é', 'éx', 'été')).toEqual(['été']);
    expect(ignored(['??', 'caf*'], 'é', 'café')).toEqual(['é', 'café']);
  });
});

describe('brackets', () => {
  it('matches one of a set, of a range, or of neither', () => {
    expect(ignored(['[abc]', 'x[0-9]', 'y[!0-9]', 'z[^0-9]'], 'a', 'd', 'x5', 'xa', 'y5', 'ya', 'z5', 'za')).toEqual([
      'a',
      'x5',
      'ya',
      'za',
    ]);
  });

  it('takes ] first, - at an end and an escaped character as themselves', () => {
    expect(ignored(['a[]x]', 'b[-x]', 'c[x-]', 'd[\\]]', 'e[!]]'], 'a]', 'ax', 'b-', 'c-', 'd]', 'e]', 'ex')).toEqual([
      'a]',
      'ax',
      'b-',
      'c-',
      'd]',
      'ex',
    ]);
  });

  it('knows the POSIX classes', () => {
    expect(
      ignored(['[[:digit:]_]', 'x[![:alpha:]]', '[[:upper:][:space:]]y'], '1', '_', 'a', 'x1', 'xa', 'Ay', ' y'),
    ).toEqual(['1', '_', 'x1', 'Ay', ' y']);
  });

  it('matches no slash, not even when it is listed', () => {
    expect(ignored(['/a[/]b', '/a[!x]b'], 'a/b')).toEqual([]);
  });

  it('takes an escaped wildcard as the character', () => {
    expect(ignored(['\\*', 'a\\?', '\\[x]', '\\\\'], '*', 'x', 'a?', 'ab', '[x]', '\\')).toEqual([
      '*',
      'a?',
      '[x]',
      '\\',
    ]);
  });
});

describe('the last line that matches decides', () => {
  it('brings back what an earlier line leaves out, and not what a later one does', () => {
    expect(ignored(['*.log', '!keep.log'], 'a.log', 'keep.log', 'x/keep.log')).toEqual(['a.log']);
    expect(ignored(['!keep.log', '*.log'], 'keep.log')).toEqual(['keep.log']);
  });

  it('keeps a directory and its content with * and a later ! line, where git would drop both', () => {
    const paths = ['server.jar', 'world/', 'world/level.dat', 'world/region/r.0.0.mca', 'logs/'];
    expect(ignored(['*', '!world/**'], ...paths)).toEqual(['server.jar', 'world/', 'logs/']);
    expect(ignored(['*', '!world/'], ...paths)).toEqual(['server.jar', 'logs/']);
    expect(ignored(['*', '!world'], ...paths)).toEqual(['server.jar', 'logs/']);
  });

  it('keeps a file below an ignored directory', () => {
    expect(ignored(['plugins/', '!plugins/*/config.yml'], 'plugins/a/config.yml', 'plugins/a/a.jar')).toEqual([
      'plugins/a/a.jar',
    ]);
  });

  it('keeps all that is below a directory that a later line brings back', () => {
    expect(ignored(['*', '!*/'], 'a.txt', 'd/a.txt', 'd/e/')).toEqual(['a.txt']);
  });

  it('can leave out again below what was brought back', () => {
    expect(ignored(['*', '!world/', 'world/cache/'], 'a', 'world/a', 'world/cache/a')).toEqual(['a', 'world/cache/a']);
  });

  it('understands the idiom that git needs for the same', () => {
    const lines = ['/*', '!/world', '/world/*', '!/world/region'];
    expect(ignored(lines, 'a', 'world/', 'world/a', 'world/region/x')).toEqual(['a', 'world/a']);
  });
});

describe('pruning', () => {
  const prunes = (lines: readonly string[], path: string): boolean => {
    const names = path.split('/');
    const last = names.pop() ?? '';
    const parent = names.reduce((at, name) => at.enter(name), compileIgnore(lines).root());
    const verdict = parent.child(last, true);
    expect(verdict.ignored).toBe(true);
    return verdict.prune;
  };

  it('prunes an ignored directory when no line brings anything back', () => {
    expect(prunes(['*.log', 'cache/'], 'cache')).toBe(true);
    expect(prunes(['*.log', 'cache/'], 'a/b/cache')).toBe(true);
  });

  it('prunes it in spite of a ! line tied elsewhere', () => {
    expect(prunes(['*.log', 'cache/', '!keep/x', '!/world', '!world/cache/**'], 'cache')).toBe(true);
    expect(prunes(['cache/', '!a/*/c/x'], 'a/b/cache')).toBe(true);
  });

  it('opens exactly the directories on the way to what a tied ! line brings back', () => {
    const lines = ['*', '!a/*/c'];
    expect(prunes(lines, 'a')).toBe(false);
    expect(prunes(lines, 'a/b')).toBe(false);
    expect(prunes(lines, 'a/b/d')).toBe(true);
    expect(prunes(lines, 'ab')).toBe(true);
    expect(compileIgnore(lines).root().enter('a').enter('b').child('c', true).ignored).toBe(false);
  });

  it('opens everything for a ! line that can match at any depth', () => {
    expect(prunes(['cache/', '!*.cfg'], 'cache')).toBe(false);
    expect(prunes(['cache/', '!keep'], 'x/cache')).toBe(false);
    expect(prunes(['cache/', '!**/keep/x'], 'x/cache')).toBe(false);
  });

  it('pays no heed to a ! line before the one that decided, or to one that can match nothing', () => {
    expect(prunes(['!*.cfg', 'cache/'], 'cache')).toBe(true);
    expect(prunes(['cache/', '!cache/[', '!cache//x', '!cache/./x', '!['], 'cache')).toBe(true);
  });

  it('decides by the parent that a later line left out', () => {
    const rules = compileIgnore(['cache/', '!x/cache/a', 'x/']);
    expect(rules.root().child('x', true)).toEqual({ ignored: true, prune: true });
    expect(rules.root().enter('x').enter('cache').child('a', false)).toEqual({ ignored: true, prune: false });
  });

  it('never prunes what is kept', () => {
    expect(compileIgnore(['a']).root().child('b', true)).toEqual({ ignored: false, prune: false });
  });
});

describe('lines that match nothing', () => {
  it.each([
    ['[abc', /bracket is not closed/],
    ['a[', /bracket is not closed/],
    ['[[:alpha:]', /bracket is not closed/],
    ['[a\\', /bracket is not closed/],
    ['[[:letters:]]', /names no class that exists/],
    ['[[:constructor:]]', /names no class that exists/],
    ['foo\\', /ends in a backslash/],
    ['foo\\/', /ends in a backslash/],
    ['!', /is empty/],
    ['/', /is empty/],
    ['a//b', /slash with no name before it/],
    ['//a', /slash with no name before it/],
    ['a//', /slash with no name behind it/],
    ['a[/]b/c', /bracket in it matches no byte/],
    ['./logs', /no name is "." or ".."/],
    ['a/../b', /no name is "." or ".."/],
    ['a\0b', /NUL byte/],
    ['a\ud800', /half a character/],
  ])('passes over %j with a warning', (line, reason) => {
    const rules = compileIgnore(['# first', line, '*.log']);
    expect(rules.warnings).toEqual([
      { path: '', code: 'ignore_line', line: 2, text: line, message: expect.stringMatching(reason) as string },
    ]);
    expect(rules.ignores('a.log', 'file')).toBe(true);
    expect(rules.ignores('logs', 'directory')).toBe(false);
  });

  it('shows such a line in one line of bounded length, whatever is in it', () => {
    const [warning] = compileIgnore([`[\u001b[2J\u202e${'x'.repeat(3000)}`]).warnings;
    expect(warning?.message).toContain('Line 1 of the ignore list');
    expect(warning?.message).toContain('\\x1b');
    expect(warning?.message.length).toBeLessThan(250);
    expect(compileIgnore([`[[:${'x'.repeat(3000)}:]]`]).warnings[0]?.message.length).toBeLessThan(250);
  });

  it('warns of nothing that can match', () => {
    expect(
      compileIgnore(['a[b]', '**', '/**', '*/', '**/', '[!a]', 'a/**/b', '.', '.a/..b/', 'x/[.]']).warnings,
    ).toMatchObject([{ line: 8 }]);
  });
});

describe('what is stored with a backup', () => {
  it('is the lines in force, as they were given', () => {
    const rules = compileIgnore(splitIgnoreText('\ufeff# comment\r\n\r\n*.log \r\n[bad\r\n!keep.log\r\n'));
    expect(rules.lines).toEqual(['*.log ', '[bad', '!keep.log']);
    expect(rules.warnings).toMatchObject([{ line: 4 }]);
    expect(compileIgnore(rules.lines).lines).toEqual(rules.lines);
  });
});

describe('caps', () => {
  it('takes a list up to them', () => {
    expect(compileIgnore(Array.from({ length: MAX_LINES }, (_, index) => `n${index}`)).ignores('n4095', 'file')).toBe(
      true,
    );
    expect(compileIgnore(['a'.repeat(MAX_LINE_BYTES)]).warnings).toEqual([]);
    expect(compileIgnore(Array.from({ length: 1024 }, () => `${'x'.repeat(30)}[`)).warnings).toHaveLength(1024);
    expect(compileIgnore(Array.from({ length: 1024 }, () => 'y'.repeat(MAX_BYTES / 1024))).lines).toHaveLength(1024);
  });

  it('does not count blank lines and comments', () => {
    const comments = Array.from({ length: MAX_LINES * 2 }, () => `#${'x'.repeat(50)}`);
    expect(compileIgnore([...comments, '', 'a']).lines).toEqual(['a']);
  });

  it.each([
    ['too many lines', Array.from({ length: MAX_LINES + 1 }, () => 'a'), /more than 4096 lines/],
    ['a line that is too long', ['', 'a'.repeat(MAX_LINE_BYTES + 1)], /line 2 has 4097 bytes, 4096 are allowed/],
    ['a line too long in bytes, not in characters', ['é'.repeat(MAX_LINE_BYTES / 2 + 1)], /line 1 has 4098 bytes/],
    ['too many bytes', Array.from({ length: 17 }, () => 'a'.repeat(2048)), /more than 32\.0 KiB together/],
  ])('refuses %s', (_, lines, reason) => {
    const failure = failureOf(() => compileIgnore(lines));
    expect(failure.code).toBe('invalid_request');
    expect(failure.message).toMatch(/^Cannot use the ignore list: /);
    expect(failure.message).toMatch(reason);
    expect(failure.hint).toBeDefined();
  });
});
