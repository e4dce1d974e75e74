import { array, assert, constantFrom, property } from 'fast-check';
import { posix } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  MAX_PATH_BYTES,
  checkEntryPath,
  checkHardLinkTarget,
  checkSymlinkTarget,
} from '../../../src/archive/tar/entry-name.ts';
import { MAX_DEPTH } from '../../../src/base/files/handles.ts';

describe('the path of an entry', () => {
  it.each([
    ['a', 'a'],
    ['./a/b', 'a/b'],
    ['././a', 'a'],
    ['a/', 'a'],
    ['a//b///c//', 'a/b/c'],
    ['a/./b', 'a/b'],
    ['./', ''],
    ['.', ''],
    ['...', '...'],
    ['..a/b..', '..a/b..'],
  ])('%j is normalised to %j', (raw, path) => {
    expect(checkEntryPath(raw)).toEqual({ ok: true, path });
  });

  it.each([
    'C:\\Windows\\x',
    'C:/x',
    'c:x',
    '..\\..\\x',
    'a\\b',
    '\\\\server\\share',
    'a\nb',
    'a\x1b[31mb',
    '\xff\xfe',
    'aux',
    'nul.txt',
    'x:stream',
    ' ',
    '-rf',
    '~root',
    '%2e%2e',
    '__proto__',
  ])('%j is a legal name on Linux and stays as it is', (raw) => {
    expect(checkEntryPath(raw)).toEqual({ ok: true, path: raw });
  });

  it.each([
    ['', 'is empty'],
    ['/', 'is absolute'],
    ['/etc/passwd', 'is absolute'],
    ['//etc', 'is absolute'],
    ['..', 'leads out'],
    ['../a', 'leads out'],
    ['a/../b', 'leads out'],
    ['a/..', 'leads out'],
    ['./../a', 'leads out'],
    ['a\0b', 'NUL'],
    ['a'.repeat(256), '256 bytes'],
    [`a/${'b'.repeat(300)}/c`, '300 bytes'],
    ['a/'.repeat(MAX_PATH_BYTES), 'bytes long'],
    ['a/'.repeat(MAX_DEPTH + 1), 'levels deep'],
  ])('%.20j is refused: %s', (raw, reason) => {
    expect(checkEntryPath(raw)).toMatchObject({ ok: false, reason: expect.stringContaining(reason) as string });
  });

  it('may be as deep and as long as the limits say', () => {
    expect(checkEntryPath('a/'.repeat(MAX_DEPTH))).toMatchObject({ ok: true });
    expect(checkEntryPath(`${'n'.repeat(255)}/`.repeat(32))).toMatchObject({ ok: true });
  });

  it('that is accepted stays below the directory and does not change when it is checked again', () => {
    const part = constantFrom('.', '..', '', 'a', '...', 'b\\..', '..\\', '\x80', 'C:', '..a');
    assert(
      property(array(part, { maxLength: 8 }), (parts) => {
        const verdict = checkEntryPath(parts.join('/'));
        if (!verdict.ok) return;
        expect(posix.join('/base', verdict.path)).toBe(verdict.path === '' ? '/base' : `/base/${verdict.path}`);
        expect(verdict.path.split('/')).not.toContain('..');
        if (verdict.path !== '') expect(checkEntryPath(verdict.path)).toEqual(verdict);
      }),
    );
  });
});

describe('the target of a hard link', () => {
  it('is a path like any entry’s', () => {
    expect(checkHardLinkTarget('./a//b')).toEqual({ ok: true, path: 'a/b' });
  });

  it.each(['', './', '/etc/passwd', '../x', 'a/../../x', 'a\0'])('%j is refused', (raw) => {
    expect(checkHardLinkTarget(raw).ok).toBe(false);
  });
});

describe('the target of a symlink', () => {
  it.each(['/etc/passwd', '../../x', 'a//b/./', 'C:\\x', '\xff', ' '])('%j is kept verbatim', (raw) => {
    expect(checkSymlinkTarget(raw)).toEqual({ ok: true, path: raw });
  });

  it.each(['', 'a\0b', 'a'.repeat(4096)])('%.20j is refused', (raw) => {
    expect(checkSymlinkTarget(raw).ok).toBe(false);
  });
});
