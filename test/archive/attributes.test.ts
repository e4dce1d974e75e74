import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, onTestFinished, type TestContext, test, vi } from 'vitest';
import type { ExtractRequest } from '../../src/archive/contract.ts';
import { compileIgnore } from '../../src/archive/ignore/ignore.ts';
import { IndexReader } from '../../src/archive/index/reader.ts';
import { aclText, aclValue } from '../../src/archive/tar/attributes.ts';
import { extractArchive, verifyArchive } from '../../src/archive/read/read.ts';
import { Walk } from '../../src/archive/walk/walk.ts';
import { setAttribute } from '../../src/base/files/extended-attributes.ts';
import { mountTmpfs } from '../support/mounted.ts';
import { needsProgram, output } from '../support/programs.ts';
import { scratchDirectory } from '../support/scratch.ts';
import { madeLater, memorySource, saved, written, type Written } from '../support/written-archive.ts';

const IS_ROOT = process.geteuid?.() === 0;
const CAN_SET = (() => {
  const home = fs.mkdtempSync('/tmp/roost-test-');
  try {
    return setOn(home, 'user.x', 'x') === undefined;
  } finally {
    fs.rmSync(home, { recursive: true });
  }
})();

function setOn(path: string, name: string, value: string): string | undefined {
  const descriptor = fs.openSync(path, 'r');
  try {
    return setAttribute(descriptor, name, value);
  } finally {
    fs.closeSync(descriptor);
  }
}

/** What getfacl and getfattr say of a whole tree. */
function attributesOf(root: string): string {
  const options = { cwd: root, encoding: 'latin1' } as const;
  const acls = execFileSync('getfacl', ['--numeric', '--recursive', '.'], options);
  return acls + execFileSync('getfattr', ['--recursive', '--dump', '--match=-', '--encoding=hex', '.'], options);
}

function needsAttributes(context: TestContext): void {
  context.skip(!CAN_SET, 'the file system of /tmp has no extended attributes');
  for (const program of ['setfacl', 'getfacl', 'getfattr'] as const) needsProgram(context, program);
}

/** A server with ACLs, default ACLs and attributes on small and large files and on directories. */
async function makeServer(): Promise<{ home: string; root: string }> {
  const home = await scratchDirectory();
  const root = join(home, 'server');
  fs.mkdirSync(join(root, 'world/region'), { recursive: true });
  fs.mkdirSync(join(root, 'plain'));
  for (let number = 0; number < 40; number++) fs.writeFileSync(join(root, `plain/${number}`), `${number}`);
  fs.writeFileSync(join(root, 'world/level.dat'), 'level');
  fs.writeFileSync(join(root, 'world/region/r.0.0.mca'), Buffer.alloc(1_300_000, 'region'));
  fs.writeFileSync(join(root, 'world/only-acl'), 'acl');
  execFileSync(
    'setfacl',
    ['-m', 'u:65534:rwX,g:12345:r', 'world/level.dat', 'world/region/r.0.0.mca', 'world/only-acl'],
    {
      cwd: root,
    },
  );
  execFileSync('setfacl', ['-d', '-m', 'u:2000000000:rwx', 'world', 'world/region'], { cwd: root });
  setOn(join(root, 'world'), 'user.note', 'a directory');
  setOn(join(root, 'world/level.dat'), 'user.note', 'line one\nuser.fake=x\n12 path=evil\n');
  setOn(join(root, 'world/level.dat'), 'user.empty', '');
  setOn(join(root, 'world/region/r.0.0.mca'), 'user.bin', '\x00\x01\xff\n');
  return { home, root };
}

async function unpacked(archived: Written, into: string, more: Partial<ExtractRequest> = {}, withIndex = true) {
  fs.mkdirSync(into);
  const index = withIndex ? memorySource(archived.index) : undefined;
  return extractArchive({
    source: { archive: memorySource(archived.archive), index },
    into,
    owner: 'archive',
    setuid: 'strip',
    limits: { maxBytes: 0, maxEntries: 0 },
    overwrite: false,
    durable: false,
    workers: 2,
    ...more,
  });
}

test('attributes that cannot be read for want of descriptors end the walk, as content does, and are not left out', async (context) => {
  context.skip(!CAN_SET, 'the file system of /tmp has no extended attributes');
  const root = await scratchDirectory();
  fs.writeFileSync(join(root, 'file'), '');
  setOn(join(root, 'file'), 'user.x', 'x');
  const [ignore, nothing] = [compileIgnore([]), () => undefined];
  const walk = new Walk({ root, ignore, exclude: [], attributes: true, warn: nothing, checkAbort: nothing });
  const { openSync } = fs;
  vi.spyOn(fs, 'openSync').mockImplementation((path, ...rest) => {
    if (String(path).endsWith('file'))
      throw Object.assign(new Error('EMFILE'), { code: 'EMFILE', errno: -24, syscall: 'open' });
    return openSync(path, ...rest);
  });
  onTestFinished(() => void vi.restoreAllMocks());
  expect(() => [...walk.entries()]).toThrow('EMFILE');
});

describe.runIf(IS_ROOT)('ACLs and extended attributes', () => {
  test('come back as they were, with the index and without', async (context) => {
    needsAttributes(context);
    const { home, root } = await makeServer();
    const archived = await written(root);
    expect(archived.result.warnings).toEqual([]);
    for (const [name, withIndex] of [
      ['a', true],
      ['b', false],
    ] as const) {
      const { warnings } = await unpacked(archived, join(home, name), {}, withIndex);
      expect(warnings).toEqual([]);
      expect(attributesOf(join(home, name))).toBe(attributesOf(root));
    }
  });

  test('are proven by a verification, and stay right when a file is unpacked alone', async (context) => {
    needsAttributes(context);
    const { home, root } = await makeServer();
    const archived = await written(root);
    const source = { archive: memorySource(archived.archive), index: memorySource(archived.index) };
    const { sha256, size, entries } = archived.result;
    const verified = await verifyArchive({ source, expected: { sha256, size }, workers: 2 });
    expect(verified).toMatchObject({ format: 'roost', entries });
    const into = join(home, 'one');
    await unpacked(archived, into, { select: (path) => path === 'world/level.dat' });
    const one = (at: string) =>
      execFileSync('getfattr', ['--dump', '--match=-', '--encoding=hex', 'world/level.dat'], { cwd: at });
    expect(one(into)).toEqual(one(root));
  });

  test('are in what the next backup copies, and a changed one is seen', async (context) => {
    needsAttributes(context);
    const { home, root } = await makeServer();
    const base = saved(await madeLater(await written(root)), join(home, 'first.tar.gz'));
    const second = await written(root, { base });
    expect(second.result.reusedBytes).toBeGreaterThan(0);
    await unpacked(second, join(home, 'a'));
    expect(attributesOf(join(home, 'a'))).toBe(attributesOf(root));
    setOn(join(root, 'world'), 'user.note', 'another');
    setOn(join(root, 'world/level.dat'), 'user.empty', 'no more');
    await unpacked(await written(root, { base }), join(home, 'b'));
    expect(attributesOf(join(home, 'b'))).toBe(attributesOf(root));
  });

  test.for([
    { program: 'tar' as const, args: ['--acls', '--xattrs', '--xattrs-include=*', '-xpf'] },
    { program: 'bsdtar' as const, args: ['--acls', '--xattrs', '-xpf'] },
  ])('are restored by $program', async ({ program, args }, context) => {
    needsAttributes(context);
    needsProgram(context, program);
    const { home, root } = await makeServer();
    const { archive } = saved(await written(root), join(home, 'a.tar.gz'));
    const into = join(home, 'out');
    fs.mkdirSync(into);
    await output(program, [...args, archive, '-C', into]);
    expect(attributesOf(into)).toBe(attributesOf(root));
  });

  test.for([
    { program: 'tar', args: ['--acls', '--xattrs', '--xattrs-include=*', '-czf'] },
    { program: 'tar', args: ['--acls', '--xattrs', '--numeric-owner', '-czf'] },
    { program: 'bsdtar', args: ['--acls', '--xattrs', '-czf'] },
  ])('of an archive by $program $args are restored', async ({ program, args }, context) => {
    needsAttributes(context);
    needsProgram(context, program as 'tar');
    const { home, root } = await makeServer();
    const archive = join(home, 'foreign.tar.gz');
    await output(program, [...args, archive, '-C', root, 'plain', 'world']);
    const foreign = { archive: fs.readFileSync(archive), index: Buffer.alloc(0) } as unknown as Written;
    const { warnings } = await unpacked(foreign, join(home, 'out'), {}, false);
    expect(warnings).toEqual([]);
    expect(attributesOf(join(home, 'out'))).toBe(attributesOf(root));
  });

  test('that the file system refuses are one warning for each kind, with a count', async (context) => {
    needsAttributes(context);
    const { home, root } = await makeServer();
    const archived = await written(root);
    const into = join(home, 'ram');
    fs.mkdirSync(into);
    mountTmpfs(context, into, 'size=64m,noacl');
    const { warnings, warningCount } = await unpacked(archived, join(into, 'out'));
    const codes = warnings.map(({ code }) => code);
    expect(codes.every((code) => code === 'attributes_lost')).toBe(true);
    expect(codes.length).toBe(warningCount);
    expect(warnings.map(({ message }) => message).join('\n')).toMatch(/^5 ACLs could not be set \(EOPNOTSUPP|ENOTSUP/m);
    expect(fs.readFileSync(join(into, 'out/world/level.dat'), 'utf8')).toBe('level');
  });

  test('with the power of root are stripped unless they are to be kept', async (context) => {
    needsAttributes(context);
    const { home, root } = await makeServer();
    const capability = Buffer.from('0100000200200000000000000000000000000000', 'hex').toString('latin1');
    expect(setOn(join(root, 'plain/7'), 'security.capability', capability)).toBeUndefined();
    const archived = await written(root);
    const { warnings } = await unpacked(archived, join(home, 'a'));
    expect(warnings.map(({ path, code }) => [path, code])).toEqual([['plain/7', 'setuid_stripped']]);
    expect(attributesOf(join(home, 'a'))).not.toContain('security.capability');
    expect((await unpacked(archived, join(home, 'b'), { setuid: 'keep' })).warnings).toEqual([]);
    expect(attributesOf(join(home, 'b'))).toBe(attributesOf(root));
  });

  test('of the directory around a stage do not get into what is unpacked there', async (context) => {
    needsAttributes(context);
    const { home, root } = await makeServer();
    const archived = await written(root);
    execFileSync('setfacl', ['-d', '-m', 'u:33:rwx', home]);
    await unpacked(archived, join(home, 'stage'), { durable: true });
    execFileSync('setfacl', ['-b', '-k', join(home, 'stage')]);
    fs.chmodSync(join(home, 'stage'), fs.statSync(root).mode);
    expect(attributesOf(join(home, 'stage'))).toBe(attributesOf(root));
  });

  test('beyond 64 KiB of one file are left out and named once', async (context) => {
    needsAttributes(context);
    const home = await scratchDirectory();
    const root = join(home, 'server');
    fs.mkdirSync(root);
    mountTmpfs(context, root, 'size=64m');
    fs.writeFileSync(join(root, 'f'), 'x');
    const set = [0, 1, 2].map((number) => setOn(join(root, 'f'), `user.${number}`, 'v'.repeat(30_000)));
    context.skip(
      set.some((errno) => errno !== undefined),
      'tmpfs has no user attributes here',
    );
    const archived = await written(root);
    expect(archived.result.warnings).toMatchObject([{ path: 'f', code: 'attributes_lost' }]);
    const [entry] = await Array.fromAsync((await IndexReader.open(memorySource(archived.index))).entries());
    expect(entry?.attributes?.map(([name]) => name)).toEqual(['user.0', 'user.1']);
  });
});

test('a tree without any has no pax record, and an index of the first version', async () => {
  const home = await scratchDirectory();
  fs.writeFileSync(join(home, 'f'), 'x');
  const { archive, index } = await written(home);
  expect(gunzipSync(archive).length).toBe(512 + 512 + 1024);
  expect(index.readUInt32LE(index.length - 40)).toBe(1);
});

describe('the text of an ACL', () => {
  const names = (kind: string, name: string) => (name === 'steve' ? (kind === 'user' ? 1000 : 100) : undefined);

  test.for([
    ['numbers and commas', 'user::rw-,user:1000:r-x,group::r--,mask::rwx,other::---'],
    ['names and newlines, as GNU tar', 'user::rw-\nuser:steve:r-x\ngroup::r--\nmask::rwx\nother::---\n'],
    ['numbers behind unknown names, as bsdtar', 'user::rw-,group::r--,other::---,user:alex:r-x:1000,mask::rwx'],
    ['short forms and comments', 'user::rw- , user:1000:r-x #effective:r-x\ngroup::r--\nmask:rwx\nother:---'],
  ])('%s', ([, text]) => {
    const value = aclValue(text ?? '', names) ?? '';
    expect(aclText(value)).toBe('user::rw-,user:1000:r-x,group::r--,mask::rwx,other::---');
  });

  test.for(['', 'user:alex:rwx', 'user::rwxx', 'what::rwx', 'user::rw-,user:4294967295:r--'])('refuses %j', (text) => {
    expect(aclValue(text, names)).toBeUndefined();
  });

  test.for(['', '\x02\0\0', '\x03\0\0\0', '\x02\0\0\0\x03\0\x07\0\0\0\0\0', '\x02\0\0\0\x01\0\x08\0\0\0\0\0'])(
    'refuses the value %j',
    (value) => {
      expect(aclText(value)).toBeUndefined();
    },
  );
});
