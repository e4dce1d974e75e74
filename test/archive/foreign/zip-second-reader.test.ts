import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readZipDirectory } from '../../../src/archive/foreign/zip-directory.ts';
import { readZipEnd } from '../../../src/archive/foreign/zip-end.ts';
import { requireSameEntries } from '../../../src/archive/foreign/zip-second-reader.ts';
import { openFileSource } from '../../../src/base/files/file-source.ts';
import { failureOf } from '../../support/rejection.ts';
import { scratchDirectory } from '../../support/scratch.ts';

const MAKE = `
import sys, zipfile
with zipfile.ZipFile(sys.argv[1], 'w', zipfile.ZIP_DEFLATED) as z:
    z.writestr('world/level.dat', b'level' * 100)
    z.writestr('ops.json', b'[]')
`;

async function readZip() {
  const directory = await scratchDirectory();
  mkdirSync(directory, { recursive: true });
  const path = join(directory, 'w.zip');
  writeFileSync(join(directory, 'make.py'), MAKE);
  execFileSync('python3', [join(directory, 'make.py'), path]);
  const source = openFileSource(path);
  try {
    const end = await readZipEnd(source);
    const records = await readZipDirectory(source, end, () => undefined);
    return { path, end, records };
  } finally {
    await source.close();
  }
}

test('a zip in which both readers see the same entries is read', async () => {
  const { path, records, end } = await readZip();
  expect(records.length).toBe(2);
  await requireSameEntries(path, records, end);
});

test.each(['size', 'compressedSize', 'offset', 'crc', 'method'] as const)(
  'a zip whose readers differ in the %s of an entry is refused',
  async (field) => {
    const { path, records, end } = await readZip();
    const last = records[1];
    if (last === undefined) throw new Error('the zip has two entries');
    const other = records.with(1, { ...last, [field]: last[field] + 1 });
    expect(await failureOf(requireSameEntries(path, other, end))).toMatchObject({ code: 'archive_damaged' });
  },
);

test('a count that wrapped round, and bytes before or after the zip, are for the own reader alone', async () => {
  const { path, records, end } = await readZip();
  const other = records.toReversed();
  await requireSameEntries(path, other, { ...end, entries: 1 });
  await requireSameEntries(path, other, { ...end, prefix: 1 });
  await requireSameEntries(path, other, { ...end, trailing: 1 });
});
