import fs from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import type { ArchiveWarning, Entry } from '../../../src/archive/entry.ts';
import { openUnpackRoot, type UnpackPolicy, UnpackTarget } from '../../../src/archive/unpack/target.ts';
import { writeSparse } from '../../../src/archive/unpack/file.ts';
import { removeTree } from '../../../src/base/files/remove-tree.ts';
import { thrownBy } from '../../support/rejection.ts';
import { scratchDirectory } from '../../support/scratch.ts';

const UID = process.geteuid?.() ?? 0;
const GID = process.getegid?.() ?? 0;

function entry(path: string, kind: Entry['kind'], more: Partial<Entry> = {}): Entry {
  const mode = kind === 'directory' ? 0o755 : 0o644;
  return { path, kind, size: 0, mode, uid: UID, gid: GID, mtime: 1_500_000_000, ...more };
}

async function openTarget(policy: Partial<UnpackPolicy> = {}) {
  const into = await scratchDirectory();
  const warnings: ArchiveWarning[] = [];
  const root = openUnpackRoot(into, true);
  const full: UnpackPolicy = {
    owner: 'archive',
    setuid: 'strip',
    overwrite: false,
    durability: 'none',
    limits: { maxBytes: 0, maxEntries: 0 },
    ...policy,
  };
  const target = new UnpackTarget(root, full, (warning) => warnings.push(warning));
  onTestFinished(() => {
    target.close();
    fs.closeSync(root);
  });
  const write = (path: string, content: string | Buffer, more: Partial<Entry> = {}): void => {
    const bytes = Buffer.from(content);
    const file = target.createFile(entry(path, 'file', { size: bytes.length, ...more }));
    file?.write(bytes);
    file?.close();
  };
  return { into, target, warnings, write, root, policy: full };
}

function modeOf(path: string): string {
  return (fs.lstatSync(path).mode & 0o7777).toString(8);
}

/** A system error as Node throws it. */
function systemError(code: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${code}: staged`), { code, errno: -1, syscall: 'staged' });
}

afterEach(() => {
  vi.restoreAllMocks();
});

describe('directories', () => {
  it('are private until the end, and then have their own mode and time, from the deepest up', async () => {
    const { into, target, write } = await openTarget();
    target.makeDirectory(entry('a', 'directory', { mode: 0o555 }));
    target.makeDirectory(entry('a/b', 'directory', { mode: 0o511 }));
    write('a/b/f', 'x');
    expect([modeOf(join(into, 'a')), modeOf(join(into, 'a/b'))]).toEqual(['700', '700']);
    target.finish();
    expect([modeOf(join(into, 'a')), modeOf(join(into, 'a/b'))]).toEqual(['555', '511']);
    for (const name of ['a', 'a/b', 'a/b/f']) expect(fs.statSync(join(into, name)).mtimeMs).toBe(1.5e12);
    fs.chmodSync(join(into, 'a'), 0o700);
    fs.chmodSync(join(into, 'a/b'), 0o700);
  });

  it('that no entry names are made 0755, for the owner of what is in them', async () => {
    const { into, target, write } = await openTarget();
    write('a/b/c/f', 'x', UID === 0 ? { uid: 1234, gid: 2345 } : {});
    target.finish();
    expect(modeOf(join(into, 'a/b/c'))).toBe('755');
    if (UID === 0) expect(fs.statSync(join(into, 'a/b'))).toMatchObject({ uid: 1234, gid: 2345 });
    expect(target.counts).toEqual({ entries: 1, files: 1, bytes: 1 });
  });

  it('may come after what is in them, and twice', async () => {
    const { into, target, write, warnings } = await openTarget();
    write('a/f', 'x');
    target.makeDirectory(entry('a', 'directory', { mode: 0o700 }));
    target.makeDirectory(entry('a', 'directory', { mode: 0o750 }));
    target.finish();
    expect(modeOf(join(into, 'a'))).toBe('750');
    expect(warnings).toEqual([]);
  });

  it('that were there before are kept with what is in them', async () => {
    const { into, target, write } = await openTarget({ overwrite: true });
    fs.mkdirSync(join(into, 'a'));
    fs.writeFileSync(join(into, 'a/old'), 'old');
    target.makeDirectory(entry('a', 'directory'));
    write('a/new', 'new');
    target.finish();
    expect(fs.readdirSync(join(into, 'a')).sort()).toEqual(['new', 'old']);
  });

  it('may be as deep as the limit, with a name longer than any path the system takes', async () => {
    const { target, write, into, root } = await openTarget();
    const path = `${'d/'.repeat(1000)}${'n'.repeat(255)}`;
    const wide = Array.from({ length: 30 }, () => 'w'.repeat(250)).join('/');
    // Nothing that works by whole paths can remove these again.
    for (const name of ['d', 'w'.repeat(250)]) onTestFinished(() => removeTree(root, name));
    write(path, 'deep');
    write(`${wide}/f`, 'wide');
    target.finish();
    expect(target.counts.files).toBe(2);
    expect(fs.readdirSync(into).sort()).toEqual(['d', 'w'.repeat(250)]);
  });
});

describe('files', () => {
  it('are private while they are written, and then have mode, owner and time', async () => {
    const { into, target } = await openTarget();
    const owner = UID === 0 ? { uid: 4321, gid: 5432 } : {};
    const file = target.createFile(entry('f', 'file', { size: 5, mode: 0o751, mtime: -1000, ...owner }));
    file?.write(Buffer.from('hel'));
    expect(modeOf(join(into, 'f'))).toBe('600');
    file?.write(Buffer.from('lo'));
    file?.close();
    expect(fs.readFileSync(join(into, 'f'), 'utf8')).toBe('hello');
    expect(modeOf(join(into, 'f'))).toBe('751');
    expect(fs.statSync(join(into, 'f'))).toMatchObject({ mtimeMs: -1_000_000, ...owner });
  });

  it('replace an earlier one of the name, and break its hard links', async () => {
    const { into, target, write } = await openTarget();
    write('f', 'first');
    target.placeHardLink(entry('h', 'hardlink', { target: 'f' }));
    write('f', 'second');
    expect(fs.readFileSync(join(into, 'f'), 'utf8')).toBe('second');
    expect(fs.readFileSync(join(into, 'h'), 'utf8')).toBe('first');
  });

  it('must be as long as announced', async () => {
    const { target } = await openTarget();
    const short = target.createFile(entry('f', 'file', { size: 5 }));
    short?.write(Buffer.from('abc'));
    expect(thrownBy(() => short?.close(), 'archive_damaged').message).toContain('3 bytes');
    const long = target.createFile(entry('g', 'file', { size: 2 }));
    thrownBy(() => long?.write(Buffer.from('abc')), 'archive_damaged');
    if (long !== undefined) target.abandonFile(long);
  });

  it('that are given up are gone', async () => {
    const { into, target } = await openTarget();
    const file = target.createFile(entry('d/f', 'file', { size: 5 }));
    if (file === undefined) throw new Error('no file');
    file.write(Buffer.from('abc'));
    target.abandonFile(file);
    target.abandonFile(file);
    expect(fs.readdirSync(join(into, 'd'))).toEqual([]);
  });

  it('are written on after a short write', async () => {
    const { into, write } = await openTarget();
    const real = fs.writeSync.bind(fs);
    const spy = vi.spyOn(fs, 'writeSync');
    spy.mockImplementation(((fd: number, bytes: Uint8Array, at: number, length: number, position: number) =>
      real(fd, bytes, at, Math.min(length, 7), position)) as typeof fs.writeSync);
    write('f', 'more than seven bytes');
    expect(spy.mock.calls.length).toBe(3);
    expect(fs.readFileSync(join(into, 'f'), 'utf8')).toBe('more than seven bytes');
  });

  it('whose closing fails are an error', async () => {
    const { target } = await openTarget();
    const file = target.createFile(entry('f', 'file'));
    const real = fs.closeSync.bind(fs);
    vi.spyOn(fs, 'closeSync').mockImplementationOnce((fd) => {
      real(fd);
      throw systemError('EIO');
    });
    expect(() => file?.close()).toThrow('EIO');
  });

  it('have holes where their content is zero, at the end too', async () => {
    const { into, write } = await openTarget();
    const content = Buffer.alloc(3_000_000);
    content.write('middle', 1_500_000);
    write('f', content);
    expect(fs.readFileSync(join(into, 'f')).equals(content)).toBe(true);
    expect(fs.statSync(join(into, 'f')).blocks * 512).toBeLessThan(500_000);
  });

  it('can be written in pieces through their descriptor', async () => {
    const { into, target } = await openTarget();
    const file = target.createFile(entry('f', 'file', { size: 200_010 }));
    if (file === undefined) throw new Error('no file');
    writeSparse(file.descriptor, Buffer.from('tail'), 100_000);
    writeSparse(file.descriptor, Buffer.concat([Buffer.from('head'), Buffer.alloc(99_996)]), 0);
    file.account(100_000);
    file.account(100_010);
    file.close();
    expect(fs.statSync(join(into, 'f')).size).toBe(200_010);
    expect(fs.readFileSync(join(into, 'f'), 'latin1')).toMatch(/^head\0{99996}tail\0{100006}$/);
  });

  it('of a limit’s size fit, and one byte more does not', async () => {
    const { write } = await openTarget({ limits: { maxBytes: 10, maxEntries: 0 } });
    write('a', '12345');
    write('b', '12345');
    thrownBy(() => write('c', '1'), 'too_large');
  });
});

describe('hard links', () => {
  it('share the file, and leave its metadata alone', async () => {
    const { into, target, write, warnings } = await openTarget();
    write('d/f', 'x', { mode: 0o600 });
    expect(target.placeHardLink(entry('e/h', 'hardlink', { target: 'd/f', mode: 0o4777 }))).toBe(true);
    expect(fs.statSync(join(into, 'e/h')).ino).toBe(fs.statSync(join(into, 'd/f')).ino);
    expect(modeOf(join(into, 'd/f'))).toBe('600');
    expect(warnings).toEqual([]);
  });

  it.each(['EPERM', 'EMLINK', 'EXDEV', 'EOPNOTSUPP'])('become a copy with all its metadata on %s', async (code) => {
    const { into, target, write, warnings } = await openTarget();
    const owner = UID === 0 ? { uid: 77, gid: 88 } : {};
    write('f', 'x'.repeat(3_000_000), { mode: 0o640, mtime: 1_234_567, ...owner });
    vi.spyOn(fs, 'linkSync').mockImplementation(() => {
      throw systemError(code);
    });
    expect(target.placeHardLink(entry('h', 'hardlink', { target: 'f' }))).toBe(true);
    expect(warnings).toMatchObject([{ path: 'h', code: 'link_copied' }]);
    expect(fs.readFileSync(join(into, 'h')).equals(fs.readFileSync(join(into, 'f')))).toBe(true);
    expect(modeOf(join(into, 'h'))).toBe('640');
    expect(fs.statSync(join(into, 'h'))).toMatchObject({ mtimeMs: 1_234_567_000, ...owner });
    expect(target.counts).toEqual({ entries: 2, files: 2, bytes: 6_000_000 });
  });

  it('that become copies count against the limit', async () => {
    const { target, write } = await openTarget({ limits: { maxBytes: 150, maxEntries: 0 } });
    write('f', 'x'.repeat(100));
    vi.spyOn(fs, 'linkSync').mockImplementation(() => {
      throw systemError('EMLINK');
    });
    thrownBy(() => target.placeHardLink(entry('h', 'hardlink', { target: 'f' })), 'too_large');
  });

  it('are an error when the disk says so', async () => {
    const { target, write } = await openTarget();
    write('f', 'x');
    vi.spyOn(fs, 'linkSync').mockImplementation(() => {
      throw systemError('ENOSPC');
    });
    thrownBy(() => target.placeHardLink(entry('h', 'hardlink', { target: 'f' })), 'insufficient_storage');
  });

  it('lead only to what this run made, or adopted from another thread', async () => {
    const { into, target, warnings } = await openTarget({ overwrite: true });
    fs.writeFileSync(join(into, 'old'), 'old');
    expect(target.placeHardLink(entry('h', 'hardlink', { target: 'old' }))).toBe(false);
    expect(warnings).toMatchObject([{ path: 'h', code: 'hostile_entry' }]);
    target.adopt('old');
    expect(target.placeHardLink(entry('h', 'hardlink', { target: 'old' }))).toBe(true);
  });

  it('never lead to a symlink', async () => {
    const { target, warnings } = await openTarget();
    target.placeSymlink(entry('l', 'symlink', { target: '/etc/passwd' }));
    expect(target.placeHardLink(entry('h', 'hardlink', { target: 'l' }))).toBe(false);
    expect(target.placeHardLink(entry('i', 'hardlink', { target: 'l/x' }))).toBe(false);
    expect(warnings.map(({ code }) => code)).toEqual(['hostile_entry', 'hostile_entry']);
  });
});

describe('symlinks', () => {
  it('have their target verbatim, an owner and a time', async () => {
    const { into, target } = await openTarget();
    const owner = UID === 0 ? { uid: 11, gid: 22 } : {};
    const link = Buffer.from('../\xff/./x', 'latin1');
    target.placeSymlink(entry('d/l', 'symlink', { target: link.toString('latin1'), mtime: 99, ...owner }));
    expect(fs.readlinkSync(join(into, 'd/l'), 'buffer').equals(link)).toBe(true);
    expect(fs.lstatSync(join(into, 'd/l'))).toMatchObject({ mtimeMs: 99_000, ...owner });
  });

  it('replace files and links, never directories', async () => {
    const { into, target, write, warnings } = await openTarget();
    write('f', 'x');
    target.placeSymlink(entry('f', 'symlink', { target: 'a' }));
    target.placeSymlink(entry('f', 'symlink', { target: 'b' }));
    target.makeDirectory(entry('d', 'directory'));
    expect(target.placeSymlink(entry('d', 'symlink', { target: 'b' }))).toBe(false);
    expect(fs.readlinkSync(join(into, 'f'))).toBe('b');
    expect(warnings).toMatchObject([{ path: 'd', code: 'hostile_entry' }]);
  });

  it('that appear under a directory’s name are not followed', async () => {
    const outside = await scratchDirectory();
    const { into, target, write, warnings } = await openTarget();
    fs.symlinkSync(outside, join(into, 'd'));
    write('d/f', 'x');
    target.makeDirectory(entry('d', 'directory'));
    expect(warnings.map(({ path, code }) => [path, code])).toEqual([
      ['d/f', 'hostile_entry'],
      ['d', 'hostile_entry'],
    ]);
    expect(fs.readdirSync(outside)).toEqual([]);
  });
});

describe('owners and modes', () => {
  it.skipIf(UID !== 0)(
    `are those of the policy where it names one${UID === 0 ? '' : ' (skipped: not root)'}`,
    async () => {
      const { into, target, write } = await openTarget({ owner: { uid: 600, gid: 700 } });
      write('d/f', 'x', { uid: 1, gid: 2 });
      target.placeSymlink(entry('l', 'symlink', { target: 'x', uid: 1, gid: 2 }));
      target.finish();
      for (const name of ['d', 'd/f', 'l'])
        expect(fs.lstatSync(join(into, name))).toMatchObject({ uid: 600, gid: 700 });
    },
  );

  it('that may not be set are told once, and everything is there', async () => {
    const { target, write, warnings, into } = await openTarget();
    for (const call of ['fchownSync', 'lchownSync'] as const) {
      vi.spyOn(fs, call).mockImplementation(() => {
        throw systemError('EPERM');
      });
    }
    target.makeDirectory(entry('d', 'directory'));
    for (let number = 0; number < 5; number++) write(`d/${number}`, 'x');
    target.placeSymlink(entry('l', 'symlink', { target: 'x' }));
    target.finish();
    expect(warnings).toMatchObject([
      { path: 'd/0', code: 'metadata', message: expect.stringContaining('EPERM') as string },
    ]);
    expect(fs.readdirSync(join(into, 'd'))).toHaveLength(5);
  });

  it('of a file lose setuid and setgid, with a warning; a directory keeps its setgid', async () => {
    const { into, target, write, warnings } = await openTarget();
    write('f', 'x', { mode: 0o6755 });
    target.makeDirectory(entry('d', 'directory', { mode: 0o3777 }));
    target.finish();
    expect([modeOf(join(into, 'f')), modeOf(join(into, 'd'))]).toEqual(['755', '3777']);
    expect(warnings.map(({ path, code }) => [path, code])).toEqual([['f', 'setuid_stripped']]);
  });

  it('keep setuid where that is allowed, but not on a file whose owner could not be set', async () => {
    const { into, write, warnings } = await openTarget({ setuid: 'keep' });
    write('kept', 'x', { mode: 0o4755 });
    vi.spyOn(fs, 'fchownSync').mockImplementation(() => {
      throw systemError('EPERM');
    });
    write('stripped', 'x', { mode: 0o4755 });
    expect([modeOf(join(into, 'kept')), modeOf(join(into, 'stripped'))]).toEqual(['4755', '755']);
    expect(warnings.map(({ code }) => code)).toEqual(['metadata', 'setuid_stripped']);
  });

  it('and times that a file system refuses are warnings, a broken disk is an error', async () => {
    const { target, warnings } = await openTarget();
    vi.spyOn(fs, 'fchmodSync').mockImplementationOnce(() => {
      throw systemError('EPERM');
    });
    vi.spyOn(fs, 'futimesSync').mockImplementationOnce(() => {
      throw systemError('EINVAL');
    });
    target.createFile(entry('f', 'file'))?.close();
    expect(warnings.map(({ code, message }) => [code, message.includes('mode') ? 'mode' : 'time'])).toEqual([
      ['metadata', 'mode'],
      ['metadata', 'time'],
    ]);
    vi.spyOn(fs, 'futimesSync').mockImplementationOnce(() => {
      throw systemError('EIO');
    });
    expect(() => target.createFile(entry('g', 'file'))?.close()).toThrow('EIO');
  });
});

describe('several targets on one directory', () => {
  it('make the same parents without getting in each other’s way', async () => {
    const { into, target, root, policy } = await openTarget();
    const other = new UnpackTarget(root, policy, () => {});
    onTestFinished(() => other.close());
    const real = fs.mkdirSync.bind(fs);
    // The other target makes each directory between this one's look and its mkdir.
    vi.spyOn(fs, 'mkdirSync').mockImplementation(((path: fs.PathLike, mode: number) => {
      vi.restoreAllMocks();
      other.makeDirectory(entry('a/b', 'directory'));
      return real(path, mode);
    }) as typeof fs.mkdirSync);
    const file = target.createFile(entry('a/b/f', 'file'));
    onTestFinished(() => file?.close());
    expect(file).toBeDefined();
    expect(fs.readdirSync(join(into, 'a/b'))).toEqual(['f']);
  });
});

describe('making it durable', () => {
  it('flushes every file and directory where there is no flush of all', async () => {
    const { target, write } = await openTarget({ durability: 'each' });
    const sync = vi.spyOn(fs, 'fsyncSync');
    target.makeDirectory(entry('d', 'directory'));
    write('d/f', 'x');
    write('g', 'x');
    expect(sync).toHaveBeenCalledTimes(2);
    target.finish();
    // d and the root.
    expect(sync).toHaveBeenCalledTimes(4);
  });

  it('is an error when the disk does not take it', async () => {
    const { target } = await openTarget({ durability: 'each' });
    vi.spyOn(fs, 'fsyncSync').mockImplementation(() => {
      throw systemError('EIO');
    });
    const file = target.createFile(entry('f', 'file'));
    expect(() => file?.close()).toThrow('EIO');
    thrownBy(() => target.finish(), 'internal');
  });

  it('flushes the file system once where that can be trusted', async () => {
    const { target, write } = await openTarget({ durability: 'once' });
    const sync = vi.spyOn(fs, 'fsyncSync');
    write('d/f', 'x');
    target.finish();
    expect(sync).not.toHaveBeenCalled();
  });
});

describe('the directory to unpack into', () => {
  it('must be there', async () => {
    const failure = thrownBy(() => openUnpackRoot('/nowhere/at/all', true), 'invalid_request');
    expect(failure.message).toContain('ENOENT');
  });

  it('must be empty unless things may be replaced', async () => {
    const into = await scratchDirectory();
    fs.closeSync(openUnpackRoot(into, false));
    fs.writeFileSync(join(into, 'x'), '');
    expect(thrownBy(() => openUnpackRoot(into, false), 'invalid_request').hint).toContain('empty');
    fs.closeSync(openUnpackRoot(into, true));
  });
});

it('leaves no handle open, whatever happened', async () => {
  const into = await scratchDirectory();
  const before = fs.readdirSync('/proc/self/fd').length;
  const root = openUnpackRoot(into, false);
  const policy: UnpackPolicy = {
    owner: 'archive',
    setuid: 'strip',
    overwrite: false,
    durability: 'once',
    limits: { maxBytes: 0, maxEntries: 4 },
  };
  const target = new UnpackTarget(root, policy, () => {});
  target.createFile(entry('a/b/f', 'file'))?.close();
  target.placeHardLink(entry('c', 'hardlink', { target: 'a/b/f' }));
  thrownBy(() => target.createFile(entry('over the limit', 'file')), 'too_large');
  thrownBy(() => target.createFile(entry('d/e/f/g', 'file')), 'too_large');
  target.makeDirectory(entry('c', 'directory'));
  target.finish();
  target.close();
  fs.closeSync(root);
  expect(fs.readdirSync('/proc/self/fd')).toHaveLength(before);
});
