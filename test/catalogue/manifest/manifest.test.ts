import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { BackupRecord } from '../../../src/catalogue/records.ts';
import {
  type ArchiveFacts,
  encodeArchiveManifest,
  encodeManifest,
  MAX_MANIFEST_BYTES,
} from '../../../src/catalogue/manifest/manifest.ts';
import { decodeArchiveManifest, decodeManifest, decodeAllocated } from '../../../src/catalogue/manifest/read.ts';
import { backupId, completed, newBackup, serverId } from '../../support/catalogue-rows.ts';
import { thrownBy } from '../../support/rejection.ts';
import { scratchCatalogue } from '../../support/scratch-catalogue.ts';

const encode = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value));

async function someBackup(): Promise<BackupRecord> {
  const { catalogue } = await scratchCatalogue();
  const { id } = catalogue.backups.insert(newBackup(1, { name: 'naïve "☃"\n', locked: true }));
  catalogue.backups.complete(id, completed());
  return catalogue.backups.markVerified(id);
}

/** A manifest as plain data, with one change. */
async function changed(change: (manifest: { archive: object; backup: object }) => void): Promise<Uint8Array> {
  const manifest = JSON.parse(Buffer.from(encodeManifest(await someBackup())).toString()) as {
    archive: object;
    backup: object;
  };
  change(manifest);
  return encode(manifest);
}

describe('a manifest', () => {
  test('brings back the record that it was made of, field by field', async () => {
    const record = await someBackup();
    expect(decodeManifest(encodeManifest(record))).toEqual(record);
  });

  test('keeps what was judged of the backup', async () => {
    const suspect = { reason: 'shrunken_files', message: 'm', files: 1, bytes: 2, baseline: null } as const;
    const record = { ...(await someBackup()), suspect, acceptedAt: 5, indexSha256: 'cd'.repeat(32), sequence: 9 };
    expect(decodeManifest(encodeManifest(record))).toEqual(record);
  });

  test('of an older version reads as a good backup without a place in the sequence', async () => {
    const bytes = await changed(({ backup }) => {
      for (const later of ['sequence', 'suspect', 'acceptedAt', 'indexSha256']) Reflect.deleteProperty(backup, later);
    });
    expect(decodeManifest(bytes)).toMatchObject({ sequence: 0, suspect: null, acceptedAt: null, indexSha256: null });
  });

  test('with a number in the sequence that leaves none for later backups is refused', async () => {
    const bytes = await changed(({ backup }) => Object.assign(backup, { sequence: Number.MAX_SAFE_INTEGER }));
    thrownBy(() => decodeManifest(bytes), 'archive_damaged');
  });

  test('is enough to make the catalogue again', async () => {
    const record = await someBackup();
    const { catalogue } = await scratchCatalogue();
    expect(catalogue.backups.adopt(decodeManifest(encodeManifest(record)))).toEqual(record);
    thrownBy(() => catalogue.backups.adopt(record), 'backup_exists');
  });

  test('says what it is to people and other programs', async () => {
    const text = Buffer.from(encodeManifest(await someBackup())).toString();
    expect(text).toMatch(/^\{"format":"roost-manifest","version":1,"archive":\{"size":1000,.*\}\n$/s);
  });

  test('is not written for a backup that is not completed', async () => {
    const { catalogue } = await scratchCatalogue();
    thrownBy(() => encodeManifest(catalogue.backups.insert(newBackup(1))), 'internal');
  });

  test('of an archive without a backup tells its facts, and is no backup', () => {
    const { completedAt: createdAt, ignore: _, suspect: _1, indexSha256: _2, ...facts } = completed();
    const archive: ArchiveFacts = { ...facts, createdAt };
    const bytes = encodeArchiveManifest(archive);
    expect(decodeArchiveManifest(bytes)).toEqual(archive);
    expect(thrownBy(() => decodeManifest(bytes), 'archive_damaged').message).toContain('it belongs to no backup');
  });

  test('of a backup tells the archive’s facts as well', async () => {
    const record = await someBackup();
    expect(decodeArchiveManifest(encodeManifest(record))).toMatchObject({ sha256: record.sha256, size: record.size });
  });

  test('survives any text in names, paths and ignore lines', async () => {
    const record = await someBackup();
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.array(fc.string({ unit: 'binary-ascii' })), (name, ignore) => {
        const warnings = [{ path: name, code: 'x', message: name }];
        expect(decodeManifest(encodeManifest({ ...record, name, ignore, warnings }))).toEqual({
          ...record,
          name,
          ignore,
          warnings,
        });
      }),
      { numRuns: 200 },
    );
  });

  test('holds no half of a surrogate pair, and gives the bytes of an ignore list back', async () => {
    const record = { ...(await someBackup()), name: 'a\ud800b', ignore: ['caf\udce9/', '*.log', 'é\udc80'] };
    const bytes = encodeManifest({ ...record, warnings: [{ path: '\udcff', code: 'x', message: '\udc81' }] });
    const text = Buffer.from(bytes).toString('utf8');
    expect(text).not.toMatch(/(?<!\\)\\ud[89a-f]/i);
    const { backup, archive } = JSON.parse(text) as { backup: { ignore: string[] }; archive: { warnings: unknown } };
    expect(backup.ignore).toEqual(['caf\\xe9/', '*.log', 'é\\x80']);
    expect(archive.warnings).toEqual([{ path: '\\xff', code: 'x', message: '\\x81' }]);
    expect(decodeManifest(bytes)).toMatchObject({ ignore: record.ignore, name: 'a\\ud800b' });
  });

  test('passes over fields that a later version may add', async () => {
    const bytes = await changed(({ archive, backup }) => {
      Object.assign(archive, { blake3: 'x' });
      Object.assign(backup, { colour: 'red' });
    });
    expect(decodeManifest(bytes)).toEqual(await someBackup());
  });
});

describe('what is no manifest is refused', () => {
  test.each([
    ['nothing', Buffer.alloc(0)],
    ['no JSON', Buffer.from('{')],
    ['no UTF-8', Buffer.from([0x22, 0xff, 0x22])],
    ['another JSON', encode({ hello: 1 })],
    ['null', encode(null)],
    ['another format', encode({ format: 'x', version: 1 })],
    ['ten thousand brackets', Buffer.from('['.repeat(10_000))],
  ])('%s', (_, bytes) => {
    thrownBy(() => decodeManifest(bytes), 'archive_damaged');
    thrownBy(() => decodeArchiveManifest(bytes), 'archive_damaged');
  });

  test('a newer version is named', async () => {
    const bytes = await changed((manifest) => Object.assign(manifest, { version: 2, archive: 'different' }));
    const failure = thrownBy(() => decodeManifest(bytes), 'archive_damaged');
    expect(failure.message).toBe('Cannot read the manifest: it is of version 2, this program knows 1');
    expect(failure.hint).toContain('Update Roost');
  });

  test.each([
    ['a negative size', { size: -1 }, {}],
    ['a size beyond exact numbers', { size: 2 ** 60 }, {}],
    ['a wrong sha256', { sha256: 'AB'.repeat(32) }, {}],
    ['an id that is a path', {}, { id: '../../x' }],
    ['a server that is no UUID', {}, { server: 'x' }],
    ['a key of another backup', {}, { key: `${serverId(1)}/${backupId(2)}.tar.gz` }],
    ['a key that leads elsewhere', {}, { key: '/etc/passwd' }],
    ['ignore lines that are no text', {}, { ignore: [1] }],
    ['warnings of another shape', { warnings: [{ path: 1 }] }, {}],
  ])('%s', async (_, archive, backup) => {
    const bytes = await changed((manifest) => {
      Object.assign(manifest.archive, archive);
      Object.assign(manifest.backup, backup);
    });
    thrownBy(() => decodeManifest(bytes), 'archive_damaged');
  });

  test('a missing field is named', async () => {
    const bytes = await changed(({ backup }) => Object.assign(backup, { name: undefined }));
    expect(thrownBy(() => decodeManifest(bytes), 'archive_damaged').message).toContain('backup.name');
  });

  test('more than 16 MiB is neither read nor written', async () => {
    thrownBy(() => decodeManifest(new Uint8Array(MAX_MANIFEST_BYTES + 1)), 'archive_damaged');
    const record = await someBackup();
    thrownBy(() => encodeManifest({ ...record, ignore: ['x'.repeat(MAX_MANIFEST_BYTES)] }), 'too_large');
  });

  test('millions of wrong items make one fault, not millions', async () => {
    const bytes = await changed(({ archive, backup }) => {
      Object.assign(archive, { warnings: Array(1_000_000).fill(0) });
      Object.assign(backup, { ignore: Array(1_000_000).fill(0) });
    });
    expect(thrownBy(() => decodeManifest(bytes), 'archive_damaged').message.length).toBeLessThan(200);
  });
});

test('what an archive with holes takes on disk is in its manifest, and not in the record', async () => {
  const record = await someBackup();
  const bytes = encodeManifest(record, undefined, 4096);
  expect(decodeAllocated(bytes)).toBe(4096);
  expect(decodeManifest(bytes)).toEqual(record);
  expect(decodeAllocated(encodeManifest(record))).toBeUndefined();
});
