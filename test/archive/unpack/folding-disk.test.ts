/** Unpacking onto a disk without symlinks and some names, which takes names for one that differ in case alone. */
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it, onTestFinished, type TestContext, vi } from 'vitest';
import { extractArchive } from '../../../src/archive/archive.ts';
import { openStreamedArchive } from '../../../src/archive/foreign/open-streamed.ts';
import { unpackStreamed } from '../../../src/archive/unpack/streamed.ts';
import { openFileSource } from '../../../src/base/files/file-source.ts';
import { OWNER, treeOf } from '../../hostile/canary.ts';
import { entry, header, tar } from '../../hostile/tar-builder.ts';
import { scratchDirectory } from '../../support/scratch.ts';
import { memorySource } from '../foreign/sources.ts';
import { run } from '../../cli/run.ts';

const RULES = { owner: OWNER, setuid: 'strip', limits: { maxBytes: 0, maxEntries: 0 }, durable: false, workers: 2 } as const; // prettier-ignore

/** An empty exFAT directory; skips the test, with the reason, where none can be mounted. */
async function exfat(context: TestContext): Promise<string> {
  const directory = await scratchDirectory();
  const image = join(await scratchDirectory(), 'disk');
  fs.writeFileSync(image, '');
  fs.truncateSync(image, 8 << 20);
  let loop = '';
  try {
    execFileSync('mkfs.exfat', [image], { stdio: 'pipe' });
    loop = execFileSync('losetup', ['--find', '--show', image], { stdio: 'pipe' }).toString().trim();
    execFileSync('mount.exfat-fuse', [loop, directory], { stdio: 'pipe' });
  } catch (error) {
    if (loop !== '') execFileSync('losetup', ['-d', loop]);
    context.skip(true, `no exFAT may be mounted here: ${String(error)}`);
  }
  onTestFinished(() => {
    execFileSync('umount', [directory]);
    execFileSync('losetup', ['-d', loop]);
  });
  const into = join(directory, 'into');
  fs.mkdirSync(into);
  return into;
}

async function unpack(bytes: Buffer, into: string, overwrite = false) {
  const source = memorySource(bytes);
  const archive = await openStreamedArchive(source);
  const { warnings } = await unpackStreamed(archive, { ...RULES, source: { archive: source }, into, overwrite });
  return { tree: treeOf(into), warnings: toldOf(warnings) };
}

/** As the disk has no owners, each run says so. */
function toldOf(warnings: readonly { code: string; path: string }[]): string[] {
  return warnings.filter(({ code }) => code !== 'metadata').map(({ code, path }) => `${code} ${path}`).sort(); // prettier-ignore
}

afterEach(() => {
  vi.restoreAllMocks();
});

describe('a disk that folds case', () => {
  it('gets no file that overwrites another: the first stays, and each later one is named', async (context) => {
    const bytes = tar(
      entry({ name: 'README' }, 'first'),
      entry({ name: 'readme' }, 'second'),
      entry({ name: 'World/level.dat' }, 'one'),
      entry({ name: 'World/own' }, 'own'),
      entry({ name: 'world/level.dat' }, 'two'),
      entry({ name: 'world/other' }, 'other'),
      entry({ name: 'world/sub/f' }, '1'),
      entry({ name: 'World/sub/f' }, '2'),
      entry({ name: 'dup' }, 'old'),
      header({ name: 'last/', type: '5', mode: 0o755 }),
    );
    for (const overwrite of [false, true]) {
      const into = await exfat(context);
      const { tree, warnings } = await unpack(bytes, into, overwrite);
      expect(tree).toMatchObject({ README: 'first', 'World/level.dat': 'one', 'World/own': 'own', 'World/other': 'other', dup: 'old', last: 'directory' }); // prettier-ignore
      expect(warnings).toEqual(expect.arrayContaining(['name_collision readme', 'name_collision world', 'name_collision world/level.dat'])); // prettier-ignore
      if (!overwrite)
        expect([tree['World/sub/f'], warnings.includes('name_collision World/sub/f')]).toEqual(['1', true]);
    }
  });

  it('still has a later entry of the very same name in place of an earlier one', async (context) => {
    const bytes = tar(entry({ name: 'dup' }, 'old'), entry({ name: 'dup' }, 'new'));
    expect(await unpack(bytes, await exfat(context))).toEqual({ tree: { dup: 'new' }, warnings: [] });
  });

  it('takes the rest of an archive by its index too, without symlinks and names that it does not know', async (context) => {
    const source = await scratchDirectory();
    const put = (name: string, content: string): void => {
      fs.mkdirSync(join(source, name, '..'), { recursive: true });
      fs.writeFileSync(join(source, name), content);
    };
    put('World/level.dat', 'one');
    put('world/level.dat', 'two');
    put('world/b', 'b');
    put('logs/12:00.txt', 'noon');
    put('logs/13:00/a', 'a');
    put('logs/fine', 'fine');
    put('zz', 'last');
    fs.symlinkSync('zz', join(source, 'link'));
    const archive = join(await scratchDirectory(), 'x.tar.gz');
    expect((await run(['archive', 'create', source, archive])).exitCode).toBe(0);
    const into = await exfat(context);
    const [bytes, index] = [openFileSource(archive), openFileSource(archive.replace('.tar.gz', '.index'))];
    onTestFinished(async () => {
      await bytes.close();
      await index.close();
    });
    const { warnings } = await extractArchive({ ...RULES, source: { archive: bytes, index }, into, overwrite: false });
    const { 'World/level.dat': level, ...tree } = treeOf(into);
    expect(['one', 'two']).toContain(level);
    expect(tree).toEqual({ World: 'directory', 'World/b': 'b', logs: 'directory', 'logs/fine': 'fine', zz: 'last' });
    const told = toldOf(warnings);
    expect(told.filter((line) => line.endsWith('orld/level.dat'))).toHaveLength(1);
    expect(told.filter((line) => !line.endsWith('orld/level.dat'))).toEqual([
      'name_collision world',
      'refused_by_file_system link',
      'refused_by_file_system logs/12:00.txt',
      'refused_by_file_system logs/13:00',
      'refused_by_file_system logs/13:00/a',
    ]);
  });
});

describe('what a file system refuses', () => {
  const staged = (code: string): Error =>
    Object.assign(new Error(`${code}: staged`), { code, errno: -1, syscall: 'x' });

  it.each(['EPERM', 'ENOSYS', 'EOPNOTSUPP'])('as a symlink (%s) is passed over by name', async (code) => {
    vi.spyOn(fs, 'symlinkSync').mockImplementation(() => {
      throw staged(code);
    });
    const bytes = tar(header({ name: 'l', type: '2', link: 'ok' }), entry({ name: 'ok' }, 'fine'));
    const { tree, warnings } = await unpack(bytes, await scratchDirectory());
    expect(tree).toEqual({ ok: 'fine' });
    expect(warnings).toEqual(['refused_by_file_system l']);
  });

  it.each(['EINVAL', 'EILSEQ', 'ENAMETOOLONG'])(
    'as a name (%s) is passed over, directories with all in them',
    async (code) => {
      const mkdir = fs.mkdirSync;
      vi.spyOn(fs, 'mkdirSync').mockImplementation((path, options) => {
        if (String(path).endsWith('12:00')) throw staged(code);
        return mkdir(path, options);
      });
      const bytes = tar(
        header({ name: '12:00/', type: '5' }),
        entry({ name: '12:00/a' }, 'a'),
        entry({ name: 'ok' }, 'fine'),
      );
      const { tree, warnings } = await unpack(bytes, await scratchDirectory());
      expect(tree).toEqual({ ok: 'fine' });
      expect(warnings).toEqual(['refused_by_file_system 12:00', 'refused_by_file_system 12:00/a']);
    },
  );

  it.each(['EACCES', 'EROFS', 'EIO', 'ENOSPC', 'EPERM'])(
    'for other reasons (%s) still ends the unpacking',
    async (code) => {
      const open = fs.openSync;
      vi.spyOn(fs, 'openSync').mockImplementation((path, flags, mode) => {
        if (String(path).endsWith('/a')) throw staged(code);
        return open(path, flags, mode);
      });
      await expect(unpack(tar(entry({ name: 'a' }, 'a')), await scratchDirectory())).rejects.toThrow('a');
    },
  );
});
