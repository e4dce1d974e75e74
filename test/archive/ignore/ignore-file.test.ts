import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { openRoot } from '../../../src/base/files/handles.ts';
import { MAX_BYTES, MAX_LINES, compileIgnore } from '../../../src/archive/ignore/ignore.ts';
import { readIgnoreFile } from '../../../src/archive/ignore/ignore-file.ts';
import { bytesOfLine, decodeIgnoreText, splitIgnoreText } from '../../../src/archive/ignore/ignore-text.ts';

let directory: string;
let root: number;

beforeEach(() => {
  directory = fs.mkdtempSync(path.join(os.tmpdir(), 'roost-ignore-file-'));
  root = openRoot(directory);
});

afterEach(() => {
  vi.restoreAllMocks();
  fs.closeSync(root);
  fs.rmSync(directory, { recursive: true, force: true });
});

function write(name: string, content: string | Buffer): void {
  fs.writeFileSync(path.join(directory, name), content);
}

function openDescriptors(): number {
  return fs.readdirSync('/proc/self/fd').length;
}

describe("the server's own ignore file", () => {
  it('is none when there is none', () => {
    expect(readIgnoreFile(root)).toBeUndefined();
  });

  it('is the first of Roost, Pterodactyl and Pelican that exists, alone', () => {
    write('.pelicanignore', 'pelican\n');
    expect(readIgnoreFile(root)).toEqual({ name: '.pelicanignore', lines: ['pelican'], warnings: [] });
    write('.pteroignore', 'ptero\n');
    expect(readIgnoreFile(root)).toEqual({ name: '.pteroignore', lines: ['ptero'], warnings: [] });
    write('.roostignore', 'roost\n');
    expect(readIgnoreFile(root)).toEqual({ name: '.roostignore', lines: ['roost'], warnings: [] });
  });

  it('may be empty: then nothing is left out, and no other file is looked at', () => {
    write('.roostignore', '');
    write('.pteroignore', '*\n');
    expect(readIgnoreFile(root)).toEqual({ name: '.roostignore', lines: [], warnings: [] });
  });

  it('keeps comments and blank lines, so that line numbers are those of the file', () => {
    write('.roostignore', '\ufeff# mine\r\n\r\n[bad\r\n');
    const lines = readIgnoreFile(root)?.lines ?? [];
    expect(lines).toEqual(['# mine', '', '[bad']);
    expect(compileIgnore(lines).warnings).toMatchObject([{ line: 3, text: '[bad' }]);
  });

  it('matches names by its bytes even when they are not UTF-8, also after its lines went through JSON', () => {
    write('.roostignore', Buffer.from('caf\xe9\n\xc3\xa9t\xe9*\n\xf0\x9f\x98\x80\xed\xa0\x80\n', 'latin1'));
    const stored = JSON.parse(JSON.stringify(readIgnoreFile(root)?.lines)) as string[];
    const rules = compileIgnore(stored);
    expect(rules.warnings).toEqual([]);
    for (const name of ['caf\xe9', '\xc3\xa9t\xe9s', '\xf0\x9f\x98\x80\xed\xa0\x80']) {
      expect(rules.ignores(name, 'file'), name).toBe(true);
    }
    expect(rules.ignores('caf\xc3\xa9', 'file')).toBe(false);
  });

  it('may have 32 KiB, in Latin-1 too', () => {
    write('.roostignore', Buffer.alloc(MAX_BYTES, `${'\xe9'.repeat(63)}\n`, 'latin1'));
    expect(readIgnoreFile(root)).toMatchObject({ warnings: [] });
    expect(readIgnoreFile(root)?.lines).toHaveLength(512);
  });

  const unusable: readonly [string, () => void, RegExp][] = [
    ['longer than 32 KiB', () => write('.roostignore', 'a'.repeat(MAX_BYTES + 1)), /longer than 32\.0 KiB/],
    ['a link', () => fs.symlinkSync('/etc/hostname', path.join(directory, '.roostignore')), /symbolic link/],
    ['a dangling link', () => fs.symlinkSync('gone', path.join(directory, '.roostignore')), /symbolic link/],
    ['a directory', () => fs.mkdirSync(path.join(directory, '.roostignore')), /no regular file/],
    ['a FIFO', () => execFileSync('/usr/bin/mkfifo', [path.join(directory, '.roostignore')]), /no regular file/],
    ['over the caps of a list', () => write('.roostignore', 'a\n'.repeat(MAX_LINES + 1)), /more than 4096 lines/],
  ];

  it.each(unusable)('counts as empty, with a warning, when it is %s', (_, make, reason) => {
    make();
    write('.pteroignore', '*\n');
    const before = openDescriptors();
    const file = readIgnoreFile(root);
    expect(file).toEqual({
      name: '.roostignore',
      lines: [],
      warnings: [{ path: '.roostignore', code: 'ignore_file', message: expect.stringMatching(reason) as string }],
    });
    expect(file?.warnings[0]?.message).toMatch(/; nothing was left out because of it$/);
    expect(openDescriptors()).toBe(before);
  });

  it('is not read past 32 KiB when it grows while it is read', () => {
    write('.roostignore', 'a\n');
    const read = fs.readSync;
    let asked = 0;
    vi.spyOn(fs, 'readSync').mockImplementation(((handle: number, buffer: Buffer, offset: number, length: number) => {
      fs.appendFileSync(path.join(directory, '.roostignore'), '#'.repeat(20_000));
      asked += read(handle, buffer, offset, length, null);
      return asked;
    }) as typeof fs.readSync);
    expect(readIgnoreFile(root)?.warnings).toMatchObject([{ code: 'ignore_file' }]);
    expect(asked).toBeLessThanOrEqual(MAX_BYTES + 1);
  });

  it('counts as empty when it cannot be read, and says why', () => {
    write('.roostignore', '*\n');
    vi.spyOn(fs, 'readSync').mockImplementation(() => {
      throw Object.assign(new Error('EIO: i/o error, read'), { code: 'EIO', errno: -5 });
    });
    const before = openDescriptors();
    expect(readIgnoreFile(root)).toMatchObject({
      lines: [],
      warnings: [{ message: expect.stringContaining('EIO') as string }],
    });
    expect(openDescriptors()).toBe(before);
  });

  it('is not used when it is a hard link to what the owner of the directory may not read', () => {
    const secret = path.join(directory, 'secret');
    fs.writeFileSync(secret, 'a-secret-line\n', { mode: 0o600 });
    fs.linkSync(secret, path.join(directory, '.roostignore'));
    expect(readIgnoreFile(root)?.lines).toEqual(['a-secret-line']);
    const stat = fs.fstatSync.bind(fs);
    vi.spyOn(fs, 'fstatSync').mockImplementation((handle: number) =>
      handle === root ? Object.assign(stat(handle), { uid: 4242, gid: 4242 }) : stat(handle),
    );
    expect(readIgnoreFile(root)).toMatchObject({
      lines: [],
      warnings: [{ message: expect.stringContaining('a hard link to a file that') as string }],
    });
    fs.chmodSync(secret, 0o644);
    expect(readIgnoreFile(root)?.lines).toEqual(['a-secret-line']);
  });

  it('throws when the process lacks descriptors: the list must not be dropped for that', () => {
    vi.spyOn(fs, 'openSync').mockImplementation(() => {
      throw Object.assign(new Error('EMFILE: too many open files'), { code: 'EMFILE', errno: -24 });
    });
    expect(() => readIgnoreFile(root)).toThrow('EMFILE');
  });
});

describe('ignore text', () => {
  it('splits at LF and CRLF, without a byte order mark and the piece behind the last line end', () => {
    expect(splitIgnoreText('')).toEqual([]);
    expect(splitIgnoreText('\n')).toEqual(['']);
    expect(splitIgnoreText('a')).toEqual(['a']);
    expect(splitIgnoreText('\ufeffa\r\nb\n\nc \n')).toEqual(['a', 'b', '', 'c ']);
    expect(splitIgnoreText('a\n\ufeffb\rc\n')).toEqual(['a', '\ufeffb\rc']);
  });

  it('gives back the bytes of any file', () => {
    const every = Buffer.from(Array.from({ length: 256 }, (_, byte) => [byte, 0xe2, byte, 0xf0, 0x9f, byte]).flat());
    for (const bytes of [every, Buffer.from('a\xe9\xc3\xa9\xed\xb2\x80\xc0\xaf\xf4\x90\x80\x80é', 'latin1')]) {
      expect(Buffer.from(bytesOfLine(decodeIgnoreText(bytes)) ?? '', 'latin1')).toEqual(bytes);
    }
  });

  it('never takes half a character for a slash or another ASCII byte', () => {
    expect(bytesOfLine('a\udc2fb')).toBeUndefined();
    expect(bytesOfLine('a\udd00')).toBeUndefined();
    expect(bytesOfLine('\ud800')).toBeUndefined();
    expect(bytesOfLine('\udc80\u{1f600}\udcff')).toBe('\x80\xf0\x9f\x98\x80\xff');
  });
});
