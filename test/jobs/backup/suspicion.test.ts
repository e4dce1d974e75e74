import { describe, expect, onTestFinished, test } from 'vitest';
import { Failure } from '../../../src/base/failure.ts';
import type { BackupId } from '../../../src/base/ids.ts';
import { decodeManifest } from '../../../src/catalogue/manifest/read.ts';
import { Pruner } from '../../../src/jobs/delete/prune.ts';
import { objectKey } from '../../../src/storage/key.ts';
import { dataOf } from '../../support/events.ts';
import { backUp, type NodeOptions, SERVER, testNode, type TestNode } from '../../support/node.ts';

/** A good backup of a hundred files, and what the next ones will hold. */
async function goodThen(result: TestNode['archive']['result'], options: NodeOptions = {}) {
  const node = await testNode(options);
  node.archive.result = { files: 100, rawSize: 1_000_000 };
  const good = await backUp(node);
  node.clock.advance(1000);
  node.archive.result = result;
  const view = (id: BackupId) => node.service.backup(SERVER, id);
  return { ...node, good, view };
}

describe('a backup that lost too much', () => {
  test('is completed and suspect: in the row, the manifest, the warnings and the event', async () => {
    const node = await goodThen({ files: 0, rawSize: 0 });
    const id = await backUp(node);
    const view = await node.view(id);
    const baseline = { id: node.good, files: 100, bytes: 1_000_000 };
    const message = 'It holds no files, the last good backup 100';
    expect(view).toMatchObject({
      status: 'COMPLETED',
      suspect: { reason: 'empty', message, files: 0, bytes: 0, baseline },
      warnings: [{ path: '', code: 'suspect', message }],
      warningCount: 1,
    });
    const manifest = node.memory.objects.get(objectKey(SERVER, id, 'json')) ?? new Uint8Array();
    expect(decodeManifest(manifest).suspect).toEqual(view.suspect);
    expect(dataOf(node.told, 'backup.completed').at(-1)?.suspect).toEqual({ reason: 'empty', message });
  });

  test('is compared with the last good one, however many suspect ones came since', async () => {
    const node = await goodThen({ files: 10, rawSize: 1_000_000 });
    for (let night = 0; night < 3; night++) {
      node.clock.advance(1000);
      expect((await node.view(await backUp(node))).suspect?.reason).toBe('shrunken_files');
    }
    node.archive.result = { files: 60, rawSize: 600_000 };
    expect((await node.view(await backUp(node))).suspect).toBeNull();
  });

  test('pushes no good one out, and is itself bounded by the rules', async () => {
    const node = await goodThen({ files: 0, rawSize: 0 }, { retention: { keepLast: 2 } });
    const pruner = new Pruner({ ...node, deleteBackup: (server, backup) => node.service.remove(server, backup) });
    onTestFinished(() => pruner.close());
    for (let night = 0; night < 6; night++) {
      node.clock.advance(86_400_000);
      await backUp(node);
      await pruner.settled();
    }
    const left = node.catalogue.backups.list();
    expect(left).toHaveLength(3);
    expect(left.at(-1)?.id).toBe(node.good);
  });

  test('takes no place of the number of backups that a server may have', async () => {
    const node = await goodThen({ files: 0, rawSize: 0 }, { limits: { perServer: 2 } });
    await backUp(node);
    await backUp(node);
    await expect(node.service.create({ server: SERVER })).rejects.toMatchObject({ code: 'too_many_backups' });
    expect(node.catalogue.backups.countKept(SERVER)).toEqual({ good: 1, suspect: 2 });
  });

  test('counts as good once it is accepted, in the manifest too', async () => {
    const node = await goodThen({ files: 10, rawSize: 100_000 });
    const id = await backUp(node);
    node.clock.advance(1000);
    expect(await node.service.accept(SERVER, id)).toMatchObject({ acceptedAt: node.clock.now() });
    const manifest = node.memory.objects.get(objectKey(SERVER, id, 'json')) ?? new Uint8Array();
    expect(decodeManifest(manifest).acceptedAt).toBe(node.clock.now());
    expect(node.catalogue.backups.newestGood(SERVER)?.id).toBe(id);
    expect((await node.view(await backUp(node))).suspect).toBeNull();
  });
});

test('one that could not read much is suspect, also when the list of warnings is cut', async () => {
  const warnings = Array.from({ length: 5 }, (_, at) => ({
    path: `f${at}`,
    code: 'unreadable' as const,
    message: 'EACCES',
  }));
  const node = await goodThen({ files: 90, rawSize: 900_000, warnings, warningCount: 30 });
  expect((await node.view(await backUp(node))).suspect).toMatchObject({ reason: 'unreadable', files: 90 });
});

test('a smaller backup whose ignored files cannot be counted is kept, and suspect', async () => {
  const node = await goodThen({ files: 3, rawSize: 1000 });
  node.archive.estimateTree = () => Promise.reject(new Failure('server_not_found', 'Cannot walk: it is gone'));
  const { id } = await (await node.service.create({ server: SERVER, ignore: ['world/'] })).ended;
  expect(await node.view(id)).toMatchObject({ status: 'COMPLETED', suspect: { reason: 'shrunken_files' } });
});

describe('a smaller backup is plausible', () => {
  test('when its ignore list leaves out files that are there', async () => {
    const node = await goodThen({ files: 3, rawSize: 1000 });
    node.archive.estimateTree = (request) => {
      node.archive.estimates.push(request);
      return Promise.resolve({
        files: 100,
        directories: 1,
        bytes: 1_000_000,
        ignoredFiles: 0,
        ignoredBytes: 0,
        largestIgnored: [],
      });
    };
    const { id } = await (await node.service.create({ server: SERVER, ignore: ['world/'] })).ended;
    expect((await node.view(id)).suspect).toBeNull();
    expect(node.archive.estimates.at(-1)?.ignore).toEqual([]);
  });

  test('but never when its ignore list leaves out everything', async () => {
    const node = await goodThen({ files: 0, rawSize: 0 });
    node.archive.estimateTree = () => Promise.reject(new Error('nothing explains an empty backup'));
    const { id } = await (await node.service.create({ server: SERVER, ignore: ['*'] })).ended;
    expect((await node.view(id)).suspect?.reason).toBe('empty');
  });

  test('but not when its ignore list changed and the files are gone as well', async () => {
    const node = await goodThen({ files: 3, rawSize: 1000 });
    const { id } = await (await node.service.create({ server: SERVER, ignore: ['*.log'] })).ended;
    expect((await node.view(id)).suspect?.reason).toBe('shrunken_files');
  });

  test('when a restore brought the server to that shape, but not when the restore was of a larger one', async () => {
    const node = await goodThen({ files: 10, rawSize: 1000 });
    const small = await backUp(node);
    node.clock.advance(1000);
    await (
      await node.service.restore({ server: SERVER, backup: node.good, truncate: true })
    ).ended;
    expect((await node.view(await backUp(node))).suspect?.reason).toBe('shrunken_files');
    node.clock.advance(1000);
    await (
      await node.service.restore({ server: SERVER, backup: small, truncate: true })
    ).ended;
    expect((await node.view(await backUp(node))).suspect).toBeNull();
  });

  test('but not because of a restore that only added files, or of a dry run', async () => {
    const node = await goodThen({ files: 10, rawSize: 1000 });
    const small = await backUp(node);
    node.clock.advance(1000);
    await (
      await node.service.restore({ server: SERVER, backup: small, truncate: false })
    ).ended;
    await (
      await node.service.restore({ server: SERVER, backup: small, truncate: true, dryRun: true })
    ).ended;
    expect((await node.view(await backUp(node))).suspect?.reason).toBe('shrunken_files');
  });
});
