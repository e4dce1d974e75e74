import { describe, expect, test } from 'vitest';
import type { OpenedArchive } from '../../../src/archive/contract.ts';
import type { Entry } from '../../../src/archive/entry.ts';
import { Failure } from '../../../src/base/failure.ts';
import { backUp, backupId, SERVER, testNode, type TestNode } from '../../support/node.ts';
import { failureOf } from '../../support/rejection.ts';

const ID = backupId(1);

/** An archive of files, by byte string, that counts how often it was opened and closed. */
class Opened implements OpenedArchive {
  readonly format = 'roost';
  static open = 0;
  readonly #files: ReadonlyMap<string, string>;

  constructor(files: Readonly<Record<string, string>>) {
    Opened.open++;
    this.#files = new Map(Object.entries(files));
  }

  async list(path: string, cursor: string | undefined, limit: number) {
    const prefix = path === '' ? '' : `${path}/`;
    const found = [...this.#files.keys()].filter((name) => name.startsWith(prefix)).sort();
    if (found.length === 0) throw new Failure('path_not_found', 'There is no such directory');
    const from = Number(cursor ?? 0);
    const page = found.slice(from, from + limit).map((name) => this.#entry(name));
    return { entries: page, ...(from + limit < found.length ? { cursor: `${from + limit}` } : {}) };
  }

  async *entries(): AsyncGenerator<Entry> {
    for (const path of this.#files.keys()) yield this.#entry(path);
  }

  async *selected(selects: (path: string) => boolean) {
    for (const path of this.#files.keys()) {
      const { entry, stream } = await this.content(path);
      if (selects(path)) yield { entry, content: () => stream };
    }
  }

  async content(path: string) {
    const text = this.#files.get(path);
    if (text === undefined) throw new Failure('path_not_found', 'There is no such file');
    const stream = async function* (): AsyncGenerator<Uint8Array> {
      for (const word of text.split(' ')) yield Buffer.from(word);
    };
    return { entry: this.#entry(path), stream: stream() };
  }

  async close(): Promise<void> {
    Opened.open--;
  }

  #entry(path: string): Entry {
    return { path, kind: 'file', size: this.#files.get(path)?.length ?? 0, mode: 0o644, uid: 0, gid: 0, mtime: 5 };
  }
}

async function withFiles(files: Readonly<Record<string, string>>): Promise<TestNode> {
  const node = await testNode();
  await backUp(node, SERVER, ID);
  Opened.open = 0;
  node.archive.open = async () => new Opened(files);
  return node;
}

const never = (): AbortSignal => new AbortController().signal;

async function read(stream: AsyncIterable<Uint8Array>): Promise<string> {
  const parts: Uint8Array[] = [];
  for await (const part of stream) parts.push(part);
  return Buffer.concat(parts).toString();
}

describe('one directory level', () => {
  test('names are the last part of the path, as JSON carries them', async () => {
    const node = await withFiles({ 'world/level.dat': 'x', 'world/caf\xc3\xa9': 'x', 'world/bad\xff': 'x' });
    const page = await node.service.files(SERVER, ID, 'world', undefined, new AbortController().signal);
    expect(page).toMatchObject({
      path: 'world',
      entries: [
        { name: 'bad\\xff', raw: 'world/bad\xff' },
        { name: 'café', raw: 'world/caf\xc3\xa9' },
        { name: 'level.dat' },
      ],
    });
    const raw = 'world/level.dat';
    expect(page.entries[2]).toEqual({ name: 'level.dat', raw, kind: 'file', size: 1, mode: 0o644, mtime: 5 });
    expect(Opened.open).toBe(0);
  });

  test('more than a page comes with a cursor that goes on', async () => {
    const many = Array.from({ length: 1500 }, (_, at) => [`d/${String(at).padStart(4, '0')}`, 'x'] as const);
    const node = await withFiles(Object.fromEntries(many));
    const first = await node.service.files(SERVER, ID, 'd', undefined, new AbortController().signal);
    const second = await node.service.files(SERVER, ID, 'd', first.cursor, new AbortController().signal);
    expect([first.entries.length, second.entries.length, second.cursor]).toEqual([1000, 500, undefined]);
  });

  test('a path that is not there is path_not_found, and nothing stays open', async () => {
    const node = await withFiles({ a: 'x' });
    await failureOf(node.service.files(SERVER, ID, 'b', undefined, new AbortController().signal), 'path_not_found');
    expect(Opened.open).toBe(0);
  });
});

describe('a selection', () => {
  test('that is one file is that file, by its escapes too', async () => {
    const node = await withFiles({ 'caf\xc3\xa9/bad\xff': 'found', other: 'x' });
    const selection = await node.service.select(SERVER, ID, ['café/bad\\xff'], never());
    const file = await node.service.selected(SERVER, ID, selection, never());
    expect(file).toMatchObject({ name: 'bad\\xff', size: 5 });
    expect(await read(file.stream)).toBe('found');
    expect(Opened.open).toBe(0);
  });

  test('names the first path that the backup does not hold', async () => {
    const node = await withFiles({ a: 'x' });
    const { message } = await failureOf(node.service.select(SERVER, ID, ['a', '[b]', 'c'], never()), 'path_not_found');
    expect(message).toContain('"[b]"');
    expect(Opened.open).toBe(0);
  });

  test('whose reader leaves early, or hangs up before the first byte, leaves nothing open', async () => {
    const node = await withFiles({ 'd/a': 'x '.repeat(100_000), 'd/b': 'y' });
    const selection = await node.service.select(SERVER, ID, ['d'], never());
    const left = await node.service.selected(SERVER, ID, selection, never());
    expect(left).toMatchObject({ name: 'd.tar.gz' });
    for await (const piece of left.stream) {
      expect(piece.length).toBeGreaterThan(0);
      break;
    }
    expect(Opened.open).toBe(0);
    const hangUp = new AbortController();
    await node.service.selected(SERVER, ID, selection, hangUp.signal);
    hangUp.abort();
    await new Promise(setImmediate);
    expect(Opened.open).toBe(0);
  });

  test('that is damaged in the middle ends with that', async () => {
    const node = await withFiles({ 'd/a': 'one two' });
    const selection = await node.service.select(SERVER, ID, ['d'], never());
    // The entry counts the spaces that the content leaves out.
    const { stream } = await node.service.selected(SERVER, ID, selection, never());
    await failureOf(read(stream), 'archive_damaged');
    expect(Opened.open).toBe(0);
  });
});

describe('the content of a file', () => {
  test('is streamed, and the archive is closed at its end', async () => {
    const node = await withFiles({ 'a/b.txt': 'some words here' });
    const file = await node.service.content(SERVER, ID, 'a/b.txt', never());
    expect(file).toMatchObject({ name: 'b.txt', size: 15, mtime: 5 });
    expect(await read(file.stream)).toBe('somewordshere');
    expect(Opened.open).toBe(0);
  });

  test('a name that is no text is found by its escapes, below a directory that is text', async () => {
    const node = await withFiles({ 'caf\xc3\xa9/bad\xff': 'found' });
    const file = await node.service.content(SERVER, ID, 'café/bad\\xff', never());
    expect(await read(file.stream)).toBe('found');
  });

  test('a name that really has a backslash is preferred to what its escape would mean', async () => {
    const node = await withFiles({ 'bad\\xff': 'backslash', 'bad\xff': 'byte' });
    const file = await node.service.content(SERVER, ID, 'bad\\xff', never());
    expect(await read(file.stream)).toBe('backslash');
  });

  test('a reader that leaves early closes the archive', async () => {
    const node = await withFiles({ a: 'one two three' });
    const file = await node.service.content(SERVER, ID, 'a', never());
    for await (const part of file.stream) {
      expect(Buffer.from(part).toString()).toBe('one');
      break;
    }
    expect(Opened.open).toBe(0);
  });

  test('a reader that hangs up before the first byte closes the archive', async () => {
    const node = await withFiles({ a: 'one two three' });
    const hangUp = new AbortController();
    await node.service.content(SERVER, ID, 'a', hangUp.signal);
    expect(Opened.open).toBe(1);
    hangUp.abort();
    await new Promise(setImmediate);
    expect(Opened.open).toBe(0);
  });

  test('of a backup that is not completed is not ready', async () => {
    const node = await testNode();
    node.archive.beforePiece = () => new Promise(() => undefined);
    await node.service.create({ server: SERVER, id: ID });
    await failureOf(node.service.content(SERVER, ID, 'a', never()), 'backup_not_ready');
    await failureOf(node.service.files(SERVER, ID, '', undefined, new AbortController().signal), 'backup_not_ready');
  });
});
