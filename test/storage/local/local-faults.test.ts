import { type FileHandle, mkdir, readdir, readFile, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { BackupId, ServerId } from '../../../src/base/ids.ts';
import { objectKey } from '../../../src/storage/key.ts';
import { type StoreFiles, systemFiles } from '../../../src/storage/local/files.ts';
import { putObject } from '../../contract/store.ts';
import { failureOf } from '../../support/rejection.ts';
import { scratchStore, type ScratchStore } from '../../support/scratch-store.ts';

const SERVER = '11111111-1111-4111-8111-111111111111' as ServerId;
const BACKUP = 'aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa' as BackupId;
const KEY = objectKey(SERVER, BACKUP, 'tar.gz');

function systemError(code: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${code}: injected`), { code, errno: -1 });
}

/** System calls that work until a test takes one over. */
function breakableFiles(): { files: StoreFiles; onHandle: (change: (handle: FileHandle) => void) => void } {
  let change: (handle: FileHandle) => void = () => undefined;
  const files = {
    ...systemFiles,
    open: async (path: string, flags: number, mode: number) => {
      const handle = await systemFiles.open(path, flags, mode);
      change(handle);
      return handle;
    },
  };
  return { files, onHandle: (next) => void (change = next) };
}

async function filesIn({ directory }: ScratchStore): Promise<string[]> {
  return readdir(join(directory, SERVER)).catch(() => []);
}

describe('a write', () => {
  test('that the system cuts short is continued', async () => {
    const { files, onHandle } = breakableFiles();
    const scratch = await scratchStore({ files });
    onHandle((handle) => {
      const write = handle.write.bind(handle) as (...values: unknown[]) => unknown;
      Object.assign(handle, {
        write: (bytes: Uint8Array, offset: number, length: number, position: number) =>
          write(bytes, offset, Math.min(7, length), position),
      });
    });
    const content = Buffer.from('a text that is longer than seven bytes');
    await putObject(scratch.store, KEY, content.subarray(0, 10), content.subarray(10));
    expect(await readFile(scratch.store.localPath(KEY))).toEqual(content);
  });

  test('that the system does not take at all is an error, not an endless loop', async () => {
    const { files, onHandle } = breakableFiles();
    const { store } = await scratchStore({ files });
    onHandle((handle) => Object.assign(handle, { write: async () => ({ bytesWritten: 0 }) }));
    const writer = await store.create(KEY);
    await failureOf(writer.write(Buffer.from('x')), 'internal');
    await writer.abort();
  });

  test.each([
    ['ENOSPC', 'insufficient_storage', /^Cannot store \S+: .* free, at least 5 B more needed after 3 B$/],
    ['EDQUOT', 'insufficient_storage', /a quota or limit \(EDQUOT\), at least 5 B more needed/],
    ['EFBIG', 'insufficient_storage', /a quota or limit \(EFBIG\)/],
    ['EIO', 'store_unreachable', /cannot be used \(EIO\)/],
    ['ESTALE', 'store_unreachable', /cannot be used \(ESTALE\)/],
    ['EBADF', 'internal', /EBADF/],
  ] as const)('refused with %s is %s, and after abort nothing is left', async (errno, code, message) => {
    const { files, onHandle } = breakableFiles();
    const scratch = await scratchStore({ files });
    onHandle((handle) => {
      const write = handle.write.bind(handle) as (...values: unknown[]) => unknown;
      let calls = 0;
      Object.assign(handle, {
        write: async (...values: unknown[]) => {
          if (++calls > 1) throw systemError(errno);
          return write(...values);
        },
      });
    });
    const writer = await scratch.store.create(KEY);
    await writer.write(Buffer.from('abc'));
    const failure = await failureOf(writer.write(Buffer.from('defgh')), code);
    expect(failure.message).toMatch(message);
    expect(failure.facts).toMatchObject({ errno });
    await failureOf(writer.write(Buffer.from('more')), 'internal');
    await failureOf(writer.commit(), 'internal');
    await writer.abort();
    expect(await filesIn(scratch)).toEqual([]);
  });
});

describe('a commit leaves nothing under the key and nothing beside it', () => {
  test.each(['sync', 'close'] as const)('when %s of the file fails', async (step) => {
    const { files, onHandle } = breakableFiles();
    const scratch = await scratchStore({ files });
    onHandle((handle) => {
      const close = handle.close.bind(handle);
      Object.assign(handle, {
        [step]: async () => {
          if (step === 'close') await close();
          throw systemError('EDQUOT');
        },
      });
    });
    const writer = await scratch.store.create(KEY);
    await writer.write(Buffer.from('x'));
    const failure = await failureOf(writer.commit(), 'insufficient_storage');
    expect(failure.message).toContain('the last bytes were refused after 1 B');
    expect(await filesIn(scratch)).toEqual([]);
  });

  test('when the rename fails', async () => {
    const { files } = breakableFiles();
    const scratch = await scratchStore({ files });
    files.rename = async () => Promise.reject(systemError('EIO'));
    const writer = await scratch.store.create(KEY);
    await failureOf(writer.commit(), 'store_unreachable');
    expect(await filesIn(scratch)).toEqual([]);
  });

  test('when the new name cannot be made durable', async () => {
    const { files } = breakableFiles();
    const scratch = await scratchStore({ files });
    const writer = await scratch.store.create(KEY);
    files.syncDirectory = async () => Promise.reject(systemError('EIO'));
    await failureOf(writer.commit(), 'store_unreachable');
    expect(await filesIn(scratch)).toEqual([]);
  });

  test('but a replaced object stays whole', async () => {
    const { files } = breakableFiles();
    const scratch = await scratchStore({ files });
    await putObject(scratch.store, KEY, Buffer.from('old'));
    const writer = await scratch.store.create(KEY);
    await writer.write(Buffer.from('new'));
    files.syncDirectory = async () => Promise.reject(systemError('EIO'));
    await failureOf(writer.commit(), 'store_unreachable');
    expect(await readFile(scratch.store.localPath(KEY), 'utf8')).toBe('new');
  });
});

test('the order of a commit: bytes, close, name, directory', async () => {
  const { files, onHandle } = breakableFiles();
  const { store } = await scratchStore({ files });
  const steps: string[] = [];
  onHandle((handle) => {
    const [sync, close] = [handle.sync.bind(handle), handle.close.bind(handle)];
    Object.assign(handle, {
      sync: async () => (steps.push('sync'), sync()),
      close: async () => (steps.push('close'), close()),
    });
  });
  const writer = await store.create(KEY);
  files.rename = async (from, to) => (steps.push('rename'), systemFiles.rename(from, to));
  files.syncDirectory = async (path) => (steps.push('sync directory'), systemFiles.syncDirectory(path));
  await writer.commit();
  expect(steps).toEqual(['sync', 'close', 'rename', 'sync directory']);
});

test('a server’s directory is made durable once, also one that was left by a run that was killed', async () => {
  const { files } = breakableFiles();
  const { store, directory } = await scratchStore({ files });
  const synced: string[] = [];
  files.syncDirectory = async (path) => (synced.push(path), systemFiles.syncDirectory(path));
  await mkdir(dirname(store.localPath(KEY)));
  await putObject(store, KEY, Buffer.from('x'));
  expect(synced).toEqual([directory, dirname(store.localPath(KEY))]);
  await putObject(store, KEY, Buffer.from('y'));
  expect(synced.filter((path) => path === directory)).toHaveLength(1);
  await store.remove(KEY);
  synced.splice(0);
  await putObject(store, KEY, Buffer.from('z'));
  expect(synced[0]).toBe(directory);
});

test('a server’s directory that was moved away is made durable again', async () => {
  const { files } = breakableFiles();
  const { store, directory } = await scratchStore({ files });
  await putObject(store, KEY, Buffer.from('x'));
  await rename(dirname(store.localPath(KEY)), join(directory, '..', 'moved'));
  const synced: string[] = [];
  files.syncDirectory = async (path) => (synced.push(path), systemFiles.syncDirectory(path));
  await putObject(store, KEY, Buffer.from('y'));
  expect(synced).toEqual([directory, dirname(store.localPath(KEY))]);
});

test('abort waits for the write that is under way', async () => {
  const { files, onHandle } = breakableFiles();
  const scratch = await scratchStore({ files });
  const held = Promise.withResolvers<undefined>();
  const steps: string[] = [];
  onHandle((handle) => {
    const [write, close] = [handle.write.bind(handle) as (...values: unknown[]) => unknown, handle.close.bind(handle)];
    Object.assign(handle, {
      write: async (...values: unknown[]) => {
        await held.promise;
        steps.push('written');
        return write(...values);
      },
      close: async () => (steps.push('closed'), close()),
    });
  });
  const writer = await scratch.store.create(KEY);
  const writing = writer.write(Buffer.from('x'));
  const aborting = writer.abort();
  held.resolve(undefined);
  await Promise.all([writing, aborting]);
  expect(steps).toEqual(['written', 'closed']);
  expect(await filesIn(scratch)).toEqual([]);
});

test('an abort that cannot remove the remains says so', async () => {
  const { files } = breakableFiles();
  const { store } = await scratchStore({ files });
  const writer = await store.create(KEY);
  files.unlink = async () => Promise.reject(systemError('EROFS'));
  const failure = await failureOf(writer.abort(), 'store_unreachable');
  expect(failure.message).toContain('Cannot remove what is left of');
});

test('a creation that fails keeps no record of a writer', async () => {
  const { files } = breakableFiles();
  const { store } = await scratchStore({ files });
  files.open = async () => Promise.reject(systemError('ENOSPC'));
  await failureOf(store.create(KEY), 'insufficient_storage');
  files.open = (path, flags, mode) => systemFiles.open(path, flags, mode);
  await putObject(store, KEY, Buffer.from('x'));
  expect(await store.stat(KEY)).toEqual({ size: 1 });
});

test('a read that is under way is given up when the signal fires', async () => {
  const { store } = await scratchStore();
  await putObject(store, KEY, Buffer.alloc(1 << 20));
  const source = await store.open(KEY);
  const controller = new AbortController();
  const reading = source.read(0, 1 << 20, controller.signal);
  controller.abort();
  await failureOf(reading, 'cancelled');
  expect((await source.read(0, 10)).byteLength).toBe(10);
  await source.close();
});
