import { execFileSync } from 'node:child_process';
import {
  chmod,
  mkdir,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  truncate,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { BackupId, ServerId } from '../../../src/base/ids.ts';
import { objectKey } from '../../../src/storage/key.ts';
import { MARKER_NAME } from '../../../src/storage/local/marker.ts';
import { keysOf, putObject } from '../../contract/store.ts';
import { getObject } from '../../support/store-objects.ts';
import { failureOf } from '../../support/rejection.ts';
import { MemoryIdentity, scratchStore } from '../../support/scratch-store.ts';
import { scratchDirectory } from '../../support/scratch.ts';

const SERVER = '11111111-1111-4111-8111-111111111111' as ServerId;
const BACKUP = 'aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa' as BackupId;
const KEY = objectKey(SERVER, BACKUP, 'tar.gz');
const PARTIAL = `.${BACKUP}.tar.gz.partial-0123456789abcdef`;

const modeOf = async (path: string): Promise<number> => (await stat(path)).mode & 0o777;

describe('the layout', () => {
  test('files are the owner’s alone, in directories that are too', async () => {
    const { store, directory } = await scratchStore();
    await putObject(store, KEY, Buffer.from('x'));
    expect(await modeOf(directory)).toBe(0o700);
    expect(await modeOf(join(directory, SERVER))).toBe(0o700);
    expect(await modeOf(join(directory, KEY))).toBe(0o600);
    expect(await modeOf(join(directory, MARKER_NAME))).toBe(0o600);
    expect(store.localPath(KEY)).toBe(join(directory, SERVER, `${BACKUP}.tar.gz`));
  });

  test('an object on its way in has a hidden name beside the final one', async () => {
    const { store, directory } = await scratchStore();
    const writer = await store.create(KEY);
    expect(await readdir(join(directory, SERVER))).toEqual([
      expect.stringMatching(/^\.aaaa.*\.tar\.gz\.partial-[0-9a-f]{16}$/),
    ]);
    await writer.abort();
    expect(await readdir(join(directory, SERVER))).toEqual([]);
  });

  test('the directory of a server goes with its last object', async () => {
    const { store, directory } = await scratchStore();
    await putObject(store, KEY);
    await store.remove(KEY);
    expect(await readdir(directory)).toEqual([MARKER_NAME]);
  });

  test('objects are made while others of the same server are removed', async () => {
    const { store } = await scratchStore();
    const kinds = ['tar.gz', 'index', 'json'] as const;
    for (let round = 0; round < 10; round++) {
      await Promise.all(
        kinds.map(async (kind) => {
          const key = objectKey(SERVER, BACKUP, kind);
          await putObject(store, key, Buffer.from(kind));
          await store.remove(key);
        }),
      );
    }
    expect(await keysOf(store)).toEqual([]);
  });

  test('strange files in the store are not listed', async () => {
    const { store, directory } = await scratchStore();
    await putObject(store, KEY);
    await writeFile(join(directory, SERVER, 'notes.txt'), 'x');
    await mkdir(join(directory, SERVER, `${BACKUP}.index`));
    await symlink('/etc/passwd', join(directory, SERVER, `${BACKUP}.json`));
    await mkdir(join(directory, 'lost+found'));
    expect(await keysOf(store)).toEqual([KEY]);
  });
});

describe('links and other files where an object should be', () => {
  test('are never followed', async () => {
    const { store, directory } = await scratchStore();
    await mkdir(join(directory, SERVER));
    await symlink('/etc/passwd', join(directory, KEY));
    expect((await failureOf(store.open(KEY), 'archive_damaged')).message).toContain('is no regular file');
    expect(await store.stat(KEY)).toBeUndefined();
  });

  test('a FIFO blocks nobody', async () => {
    const { store, directory } = await scratchStore();
    await mkdir(join(directory, SERVER));
    execFileSync('sh', ['-c', 'mkfifo "$1"', 'sh', join(directory, KEY)]);
    await failureOf(store.open(KEY), 'archive_damaged');
  });

  test('a commit replaces a link itself, not what it points to', async () => {
    const { store, directory } = await scratchStore();
    const victim = join(directory, '..', 'victim');
    await writeFile(victim, 'precious');
    await mkdir(join(directory, SERVER));
    await symlink(victim, join(directory, KEY));
    await putObject(store, KEY, Buffer.from('new'));
    expect(await readFile(victim, 'utf8')).toBe('precious');
    expect(Buffer.from(await getObject(store, KEY)).toString()).toBe('new');
  });

  test('a server’s directory that is a link is refused', async () => {
    const { store, directory } = await scratchStore();
    await symlink(await scratchDirectory(), join(directory, SERVER));
    await failureOf(store.create(KEY), 'store_unreachable');
  });

  test('a file that was cut from the outside ends early, said so', async () => {
    const { store, directory } = await scratchStore();
    await putObject(store, KEY, Buffer.alloc(1000));
    const source = await store.open(KEY);
    await truncate(join(directory, KEY), 500);
    const failure = await failureOf(source.read(400, 200), 'archive_damaged');
    expect(failure.message).toBe(`Cannot read the archive: ${KEY} ends before byte 600`);
    await source.close();
  });

  test('an open source has the descriptor of the same bytes', async () => {
    const { store } = await scratchStore();
    await putObject(store, KEY, Buffer.from('content'));
    const source = await store.open(KEY);
    expect(await readFile(`/proc/self/fd/${source.descriptor}`, 'utf8')).toBe('content');
    await source.close();
  });
});

describe('what a crash left', () => {
  test('is swept away at the opening, and told', async () => {
    const { directory, identity, store } = await scratchStore();
    await putObject(store, KEY, Buffer.from('whole'));
    const leftover = join(directory, SERVER, PARTIAL);
    await writeFile(leftover, 'half');
    const again = await scratchStore({ directory, identity });
    expect(again.swept).toEqual([leftover]);
    expect(await readdir(join(directory, SERVER))).toEqual([`${BACKUP}.tar.gz`]);
  });

  test('only what is surely ours is swept', async () => {
    const { directory, identity, store } = await scratchStore();
    await putObject(store, KEY);
    const strangers = [
      '.notes.partial-0123456789abcdef',
      `.${BACKUP}.tar.gz.partial-`,
      `${BACKUP}.tar.gz.partial-0123456789abcdef`,
    ];
    for (const name of strangers) await writeFile(join(directory, SERVER, name), 'x');
    expect((await scratchStore({ directory, identity })).swept).toEqual([]);
  });

  test('of another node on the same directory stays, however old it is', async () => {
    const FIRST = 'a'.repeat(32);
    const { directory, identity, store } = await scratchStore({ node: FIRST });
    const writer = await store.create(KEY);
    await writer.write(Buffer.from('half'));
    const [running = ''] = await readdir(join(directory, SERVER));
    await utimes(join(directory, SERVER, running), 1, 1);
    const second = await scratchStore({ directory, identity: new MemoryIdentity(), node: 'b'.repeat(32) });
    expect(second.swept).toEqual([]);
    await writer.commit();
    await store.close();
    expect(await readdir(join(directory, SERVER))).toEqual([`${BACKUP}.tar.gz`]);
    // Its own ones go, after a crash, and those of objects that the caller knows.
    await writeFile(join(directory, SERVER, `.${BACKUP}.json.partial-aaaaaaaa00000000`), 'half');
    await writeFile(join(directory, SERVER, PARTIAL), 'half');
    const again = await scratchStore({ directory, identity, node: FIRST });
    expect(again.swept).toEqual([join(directory, SERVER, `.${BACKUP}.json.partial-aaaaaaaa00000000`)]);
    expect(await again.store.sweep((key) => key === KEY)).toEqual([join(directory, SERVER, PARTIAL)]);
  });

  test('a sweep leaves the writers of this process alone', async () => {
    const { store } = await scratchStore();
    const writer = await store.create(KEY);
    expect(await store.sweep()).toEqual([]);
    await writer.write(Buffer.from('x'));
    await writer.commit();
    expect(await store.stat(KEY)).toEqual({ size: 1 });
  });
});

describe('the marker', () => {
  test('a new directory is made and marked, and remembered', async () => {
    const { directory, identity, fault } = await scratchStore();
    expect(fault).toBeNull();
    const marker = JSON.parse(await readFile(join(directory, MARKER_NAME), 'utf8')) as unknown;
    expect(marker).toEqual({ format: 'roost-store', version: 1, id: identity.id });
  });

  test('an empty directory with what a new file system holds is accepted', async () => {
    const directory = await scratchDirectory();
    await mkdir(join(directory, 'lost+found'));
    expect((await scratchStore({ directory })).fault).toBeNull();
  });

  test('a directory with other files is refused, and nothing is written into it', async () => {
    const directory = await scratchDirectory();
    await writeFile(join(directory, 'photo.jpg'), 'x');
    const { fault, store } = await scratchStore({ directory });
    expect(fault).toMatchObject({ code: 'store_unreachable', message: expect.stringContaining('photo.jpg') as string });
    await failureOf(store.create(KEY), 'store_unreachable');
    expect(await readdir(directory)).toEqual(['photo.jpg']);
  });

  test('a directory that holds only our layout is adopted, as is one with strange files refused', async () => {
    const { directory, store } = await scratchStore();
    await putObject(store, KEY, Buffer.from('kept'));
    await rm(join(directory, MARKER_NAME));
    const adopted = await scratchStore({ directory });
    expect(adopted.fault).toBeNull();
    expect(await keysOf(adopted.store)).toEqual([KEY]);

    await rm(join(directory, MARKER_NAME));
    await writeFile(join(directory, SERVER, 'notes.txt'), 'x');
    expect((await scratchStore({ directory })).fault?.message).toContain(`${SERVER}/notes.txt`);
  });

  test('a node that lost its memory recognises the store by its marker', async () => {
    const { directory, identity } = await scratchStore();
    const again = await scratchStore({ directory });
    expect(again.fault).toBeNull();
    expect(again.identity.id).toBe(identity.id);
  });

  test('a mount point without its disk is refused by every call, and never filled', async () => {
    const { directory, identity, store } = await scratchStore();
    await putObject(store, KEY, Buffer.from('x'));
    await rename(directory, `${directory}-away`);
    await mkdir(directory);
    const opened = await scratchStore({ directory, identity });
    expect(opened.fault?.message).toBe(`Cannot use the store ${directory}: its marker is missing`);
    expect(opened.fault?.hint).toContain('Is its disk mounted?');
    for (const call of [
      () => opened.store.create(KEY),
      () => opened.store.open(KEY),
      () => opened.store.stat(KEY),
      () => opened.store.remove(KEY),
      () => opened.store.freeSpace(),
      () => opened.store.check(),
      () => keysOf(opened.store),
    ]) {
      expect(await failureOf(call(), 'store_unreachable')).toMatchObject({ retry: true });
    }
    expect(await readdir(directory)).toEqual([]);
  });

  test('a directory that vanished is refused, not made again', async () => {
    const { directory, identity } = await scratchStore();
    await rm(directory, { recursive: true });
    expect((await scratchStore({ directory, identity })).fault?.code).toBe('store_unreachable');
    await expect(stat(directory)).rejects.toThrow('ENOENT');
  });

  test('a disk that comes back is used again without a restart', async () => {
    const { directory, store } = await scratchStore();
    await rename(directory, `${directory}-away`);
    await failureOf(store.create(KEY), 'store_unreachable');
    await rename(`${directory}-away`, directory);
    await putObject(store, KEY, Buffer.from('x'));
    expect(await keysOf(store)).toEqual([KEY]);
  });

  test('the store of another node in its place is refused', async () => {
    const { directory } = await scratchStore();
    const identity = new MemoryIdentity();
    identity.save('00000000-0000-4000-8000-000000000000');
    expect((await scratchStore({ directory, identity })).fault?.message).toContain('it is marked as another store');
  });

  test('the command in the hint makes an emptied store usable', async () => {
    const { directory, identity } = await scratchStore();
    await rm(join(directory, MARKER_NAME));
    const { fault } = await scratchStore({ directory, identity });
    const command = /(echo .*)$/.exec(fault?.hint ?? '')?.[1] ?? 'false';
    execFileSync('sh', ['-c', command]);
    expect((await scratchStore({ directory, identity })).fault).toBeNull();
  });

  test.each(['', 'rubbish', '{}', '{"id":"../x"}', 'x'.repeat(10_000)])(
    'a damaged marker (%#) is refused',
    async (content) => {
      const { directory, identity } = await scratchStore();
      await writeFile(join(directory, MARKER_NAME), content);
      expect((await scratchStore({ directory, identity })).fault?.message).toContain('damaged');
      expect((await scratchStore({ directory })).fault?.message).toContain('damaged');
    },
  );

  test('a marker that is a link is not followed', async () => {
    const { directory, identity } = await scratchStore();
    const elsewhere = join(directory, '..', 'marker');
    await rename(join(directory, MARKER_NAME), elsewhere);
    await symlink(elsewhere, join(directory, MARKER_NAME));
    expect((await scratchStore({ directory, identity })).fault).not.toBeNull();
  });

  test('a marking that was killed half-way is done again', async () => {
    const directory = await scratchDirectory();
    await writeFile(join(directory, `${MARKER_NAME}.new`), '{"form');
    expect((await scratchStore({ directory })).fault).toBeNull();
    expect(await readdir(directory)).toEqual([MARKER_NAME]);
  });

  test('killed between marking and remembering, the next start goes on', async () => {
    const identity = new MemoryIdentity();
    identity.save = () => {
      throw new Error('killed here');
    };
    const { directory, fault } = await scratchStore({ identity });
    expect(fault?.message).toContain('killed here');
    expect((await scratchStore({ directory })).fault).toBeNull();
  });

  test('a directory that Roost may not write to is refused', async (context) => {
    context.skip(process.getuid?.() === 0, 'root may write everywhere');
    const { directory, identity } = await scratchStore();
    await chmod(directory, 0o500);
    onTestFinished(() => chmod(directory, 0o700));
    expect((await scratchStore({ directory, identity })).fault?.code).toBe('store_unreachable');
  });
});
