import fs from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { IndexReader } from '../../../src/archive/index/reader.ts';
import { openFileSource } from '../../../src/base/files/file-source.ts';
import { writeArchive } from '../../../src/archive/write/write.ts';
import { Failure } from '../../../src/base/failure.ts';
import { openFiles, threadCount } from '../../support/open-files.ts';
import { needsProgram, output } from '../../support/programs.ts';
import { randomBytes } from '../../support/random-bytes.ts';
import { scratchDirectory } from '../../support/scratch.ts';
import { checkedEntries, requestFor, saved, written } from '../../support/written-archive.ts';

/** WRITE_ABORTS makes shorter and longer runs, within the same time. */
const ABORTS = Number(process.env['WRITE_ABORTS'] ?? 200);
const LAST_ABORT_MS = 200;

/** A sink that appends to a file. */
function fileSink(path: string) {
  const descriptor = fs.openSync(path, 'w');
  return {
    write: async (bytes: Uint8Array): Promise<void> => {
      for (let at = 0; at < bytes.length;) at += fs.writeSync(descriptor, bytes, at);
    },
    close: (): void => fs.closeSync(descriptor),
  };
}

test('a file of more than eight gibibytes keeps its size and its bytes, and what lies behind it its place', async (context) => {
  needsProgram(context, 'python3');
  const home = await scratchDirectory();
  const root = join(home, 'server');
  fs.mkdirSync(root);
  // One more than eleven octal digits can say.
  const size = 8 * 1024 ** 3 + 100_000;
  // A hole takes no room on the disk; what is written stands at both ends, in the middle, and behind 8 GiB.
  const descriptor = fs.openSync(join(root, 'huge'), 'w');
  for (const at of [0, 5_000_000_000, 8 * 1024 ** 3 - 1, size - 3]) fs.writeSync(descriptor, 'abc', at);
  fs.closeSync(descriptor);
  fs.writeFileSync(join(root, 'z'), 'behind it');
  const path = join(home, 'a.tar.gz');
  const [archive, index] = [fileSink(path), fileSink(`${path}.index`)];
  const result = await writeArchive(requestFor(root, { archive, index, workers: 'auto' }));
  for (const sink of [archive, index]) sink.close();
  expect(result).toMatchObject({ entries: 2, files: 2, warningCount: 0 });
  const script = `
import hashlib, sys, tarfile
def sha256(file):
    digest = hashlib.sha256()
    while chunk := file.read(1 << 20): digest.update(chunk)
    return digest.hexdigest()
print(sha256(open(sys.argv[2], 'rb')))
with tarfile.open(sys.argv[1], 'r|gz') as tar:
    for member in tar: print(member.name, member.size, sha256(tar.extractfile(member)))`;
  const [expected, ...told] = (await output('python3', ['-c', script, path, join(root, 'huge')]))
    .toString()
    .split('\n');
  expect(told[0]).toBe(`huge ${size} ${expected}`);
  expect(told[1]).toMatch(/^z 9 /);
  const source = openFileSource(`${path}.index`);
  const entry = await (await IndexReader.open(source)).find('huge');
  await source.close();
  expect(entry).toMatchObject({ size, headerLength: 1536 });
});

test('a hundred thousand files in one directory, and a directory for each of ten thousand more', async (context) => {
  needsProgram(context, 'tar');
  const home = await scratchDirectory();
  const root = join(home, 'server');
  fs.mkdirSync(join(root, 'flat'), { recursive: true });
  for (let number = 0; number < 100_000; number++) fs.writeFileSync(join(root, 'flat', String(number)), `${number}`);
  for (let number = 0; number < 10_000; number++)
    fs.mkdirSync(join(root, `nested/${number % 100}/${number}`), { recursive: true });
  const archived = await written(root, { workers: 'auto' });
  const entries = await checkedEntries(archived);
  expect(entries).toHaveLength(1 + 100_000 + 1 + 100 + 10_000);
  const { archive } = saved(archived, join(home, 'a.tar.gz'));
  const listed = (await output('tar', ['-tzf', archive])).toString().trimEnd().split('\n');
  expect(listed).toHaveLength(entries.length);
});

test(`${ABORTS} aborts at any moment leave nothing behind, and what is finished is whole`, async () => {
  const root = await scratchDirectory();
  for (let number = 0; number < 400; number++)
    fs.writeFileSync(join(root, `small ${number}`), `${number} `.repeat(500));
  for (let number = 0; number < 6; number++)
    fs.writeFileSync(join(root, `large ${number}`), randomBytes(2_000_000, number));
  const expected = gunzipSync((await written(root)).archive);
  await Promise.all(Array.from({ length: 16 }, () => fs.promises.stat(root)));
  const before = { files: openFiles(), threads: threadCount() };
  let finished = 0;
  for (let number = 0; number < ABORTS; number++) {
    const stop = new AbortController();
    const timer = setTimeout(() => stop.abort(), (number * LAST_ABORT_MS) / ABORTS);
    try {
      const { archive } = await written(root, {
        signal: stop.signal,
        workers: 1 + (number % 3),
        onProgress: () => undefined,
      });
      expect(gunzipSync(archive).equals(expected)).toBe(true);
      finished++;
    } catch (error) {
      expect(error).toBeInstanceOf(Failure);
      expect(error).toMatchObject({ code: 'cancelled' });
    } finally {
      clearTimeout(timer);
    }
    expect(openFiles()).toEqual(before.files);
    expect(threadCount()).toBeLessThanOrEqual(before.threads);
  }
  // From the first milliseconds of the start to beyond the end.
  expect(finished).toBeLessThan(ABORTS);
});
