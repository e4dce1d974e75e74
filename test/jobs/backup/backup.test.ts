import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { WriteRequest } from '../../../src/archive/contract.ts';
import { Failure } from '../../../src/base/failure.ts';
import { decodeManifest } from '../../../src/catalogue/manifest/read.ts';
import { objectKey } from '../../../src/storage/key.ts';
import { backUp, backupId, gate, milestones, outcome, SERVER, testNode, type TestNode } from '../../support/node.ts';
import { failureOf } from '../../support/rejection.ts';
import { scratchStore } from '../../support/scratch-store.ts';
import { dataOf } from '../../support/events.ts';

const ID = backupId(1);

function objectsOf({ memory }: Pick<TestNode, 'memory'>): string[] {
  expect(memory.unfinished.size, 'writers that nobody ended').toBe(0);
  return [...memory.objects.keys()].sort();
}

describe('a backup that succeeds', () => {
  test('leaves an archive, an index and a manifest that agree with its row', async () => {
    const node = await testNode();
    await backUp(node, SERVER, ID);
    expect(objectsOf(node)).toEqual([`${SERVER}/${ID}.index`, `${SERVER}/${ID}.json`, `${SERVER}/${ID}.tar.gz`]);
    const record = node.catalogue.backups.get(ID);
    const archive = node.memory.objects.get(objectKey(SERVER, ID, 'tar.gz')) ?? new Uint8Array();
    expect(record).toMatchObject({ status: 'COMPLETED', size: archive.byteLength, store: 'memory', error: null });
    expect(record.sha256).toBe(createHash('sha256').update(archive).digest('hex'));
    expect(decodeManifest(node.memory.objects.get(objectKey(SERVER, ID, 'json')) ?? new Uint8Array())).toEqual(record);
    expect(milestones(node)).toEqual(['backup.started', 'backup.completed']);
  });

  test('progress is told and reaches its total before the completion is told', async () => {
    const node = await testNode();
    node.archive.beforePiece = () => node.clock.advance(300);
    await backUp(node);
    const told = dataOf(node.told, 'backup.progress');
    const progress = told.map(({ bytesDone }) => bytesDone);
    expect(progress).toEqual([...progress].sort((a, b) => a - b));
    const last = told.at(-1);
    expect(last).toMatchObject({ bytesDone: last?.bytesTotal, filesDone: 4, filesTotal: 4 });
  });

  test("the request's patterns win over the server's own ignore file, and the list in force is kept", async () => {
    const node = await testNode();
    node.archive.ignoreFile = ['*.log'];
    const own = await (await node.service.create({ server: SERVER })).ended;
    const asked = await (await node.service.create({ server: SERVER, ignore: ['cache/'] })).ended;
    expect([own.ignore, asked.ignore]).toEqual([['*.log'], ['cache/']]);
    expect(node.archive.writes.map(({ ignore }) => ignore)).toEqual([['*.log'], ['cache/']]);
  });

  test('an own ignore file that cannot be used is a warning', async () => {
    const node = await testNode();
    node.archive.ignoreWarnings = [{ path: '.roostignore', code: 'ignore_file', message: 'it is a symbolic link' }];
    const backup = await (await node.service.create({ server: SERVER })).ended;
    expect(backup.warnings.map(({ code }) => code)).toEqual(['ignore_file']);
  });

  test('patterns that are only comments are none; a list that cannot be used is refused before there is a row', async () => {
    const node = await testNode();
    node.archive.ignoreFile = ['*.log'];
    const backup = await (await node.service.create({ server: SERVER, ignore: ['# nothing'] })).ended;
    expect(backup.ignore).toEqual(['*.log']);
    await failureOf(node.service.create({ server: SERVER, ignore: Array(11).fill('x') }), 'invalid_request');
    expect(await node.service.backups(SERVER)).toHaveLength(1);
  });

  test('Roost’s own directories are kept out of the archive', async () => {
    const node = await testNode();
    await backUp(node);
    expect(node.archive.writes[0]?.exclude).toEqual(['/var/lib/roost']);
  });

  test('warnings are kept as JSON carries their paths; only the first thousand, all are counted', async () => {
    const node = await testNode();
    const warnings = Array.from({ length: 1500 }, (_, at) => ({
      path: `bad\xff${at}`,
      code: 'file_grew' as const,
      message: 'EIO',
    }));
    node.archive.result = { warnings, warningCount: 9000 };
    const backup = await (await node.service.create({ server: SERVER })).ended;
    expect(backup.warnings).toHaveLength(1000);
    expect(backup.warnings[0]).toEqual({ path: 'bad\\xff0', code: 'file_grew', message: 'EIO' });
    expect(backup.warningCount).toBe(9000);
  });

  test('paths of megabytes in warnings do not make a manifest that cannot be written', async () => {
    const node = await testNode();
    const warnings = Array.from({ length: 1000 }, () => ({
      path: '\xff'.repeat(4096),
      code: 'unreadable' as const,
      message: 'x'.repeat(4096),
    }));
    node.archive.result = { warnings, warningCount: 1000 };
    await backUp(node, SERVER, ID);
    expect(node.memory.objects.get(objectKey(SERVER, ID, 'json'))?.byteLength).toBeLessThan(2 ** 22);
  });

  test('a lock that is set while it is written is in the manifest', async () => {
    const node = await testNode();
    const writing = gate();
    node.archive.beforePiece = writing.pass;
    const accepted = await node.service.create({ server: SERVER, id: ID });
    await writing.reached;
    await node.service.setLocked(SERVER, ID, true);
    writing.open();
    await accepted.ended;
    const manifest = node.memory.objects.get(objectKey(SERVER, ID, 'json')) ?? new Uint8Array();
    expect(decodeManifest(manifest).locked).toBe(true);
  });
});

describe('bytes of the last backup', () => {
  test('are reused from the newest good archive that lies on this host with its index', async () => {
    const { store } = await scratchStore();
    const node = await testNode({ store });
    await backUp(node, SERVER, backupId(1));
    await backUp(node, SERVER, backupId(2));
    const [first, second] = node.archive.writes;
    expect(first?.base).toBeUndefined();
    expect(second?.base).toEqual({
      archive: store.localPath(objectKey(SERVER, backupId(1), 'tar.gz')),
      index: store.localPath(objectKey(SERVER, backupId(1), 'index')),
    });
  });

  test.each([
    ['was found damaged', async (node: TestNode) => void node.catalogue.backups.markDamaged(ID)],
    ['lost its index', (node: TestNode) => node.stores.default.remove(objectKey(SERVER, ID, 'index'))],
    ['lost its archive', (node: TestNode) => node.stores.default.remove(objectKey(SERVER, ID, 'tar.gz'))],
  ])('are not taken from an archive that %s', async (_, spoil) => {
    const { store } = await scratchStore();
    const node = await testNode({ store });
    await backUp(node, SERVER, ID);
    await spoil(node);
    await backUp(node, SERVER, backupId(2));
    expect(node.archive.writes[1]?.base).toBeUndefined();
  });

  test("are not taken from another server's archive", async () => {
    const { store } = await scratchStore();
    const node = await testNode({ store });
    await backUp(node, SERVER);
    await backUp(node, 'ffffffff-ffff-4fff-8fff-ffffffffffff' as typeof SERVER);
    expect(node.archive.writes[1]?.base).toBeUndefined();
  });
});

describe('a server that is quiesced', () => {
  test('may write again as soon as its last byte was read, and once only', async () => {
    const node = await testNode();
    const order: string[] = node.quiesce.calls;
    node.archive.beforePiece = () => void order.push('read');
    const sealing = gate();
    const { memory } = node;
    const create = memory.create.bind(memory);
    memory.create = async (key) => {
      if (key.endsWith('.json')) await sealing.pass();
      return create(key);
    };
    const accepted = await node.service.create({ server: SERVER });
    await sealing.reached;
    expect(order).toEqual(['prepare', 'read', 'read', 'read', 'read', 'resume']);
    sealing.open();
    await accepted.ended;
    expect(order.filter((call) => call === 'resume')).toHaveLength(1);
  });

  test.each([
    ['fails', () => () => Promise.reject(new Failure('too_large', 'Cannot write the archive'))],
    [
      'is cancelled',
      (node: TestNode) => async (request: WriteRequest) => {
        await node.service.cancel(SERVER, ID);
        expect(request.signal?.aborted).toBe(true);
      },
    ],
  ])('may write again when the backup %s', async (_, happening) => {
    const node = await testNode();
    node.archive.beforePiece = happening(node);
    const accepted = await node.service.create({ server: SERVER, id: ID });
    await failureOf(accepted.ended);
    expect(node.quiesce.calls).toEqual(['prepare', 'resume']);
  });

  test.each(['prepare', 'resume'] as const)(
    'a server that does not obey %s is a warning, not a failure',
    async (call) => {
      const node = await testNode();
      node.quiesce.refuse = call;
      const backup = await (await node.service.create({ server: SERVER })).ended;
      expect(backup.warnings.map(({ code }) => code)).toEqual(['not_quiesced']);
      expect(node.quiesce.calls).toEqual(['prepare', 'resume']);
    },
  );

  const told = { how: 'minecraft_java', heard: 'Saved the game' };
  test.each([
    ['was started while it was read', 'stopped', 'it was started meanwhile'],
    ['was stopped while it was read', told, 'it was stopped meanwhile'],
    ['did not answer', { ...told, doubt: 'it did not say that it has saved' }, undefined],
  ] as const)('is not said to have kept still when it %s', async (_, prepared, doubt) => {
    const node = await testNode();
    node.quiesce.prepared = prepared;
    node.quiesce.doubt = (given) => (given === prepared ? doubt : 'it was not told what was prepared');
    const backup = await (await node.service.create({ server: SERVER })).ended;
    const why = doubt ?? 'it did not say that it has saved';
    const message = `The server may have written while it was read: ${why}`;
    expect(backup.warnings).toEqual([{ path: '', code: 'not_quiesced', message }]);
    expect(backup.quiesced).toBeUndefined();
  });

  test.each([
    ['kept still', told, told],
    ['is off', 'stopped', undefined],
  ] as const)('that %s has no warning', async (_, prepared, quiesced) => {
    const node = await testNode();
    node.quiesce.prepared = prepared;
    const backup = await (await node.service.create({ server: SERVER })).ended;
    expect([backup.warnings, backup.quiesced]).toEqual([[], quiesced]);
  });
});

describe('a backup that fails', () => {
  test('keeps its row with the reason, tells of it, and leaves no byte', async () => {
    const node = await testNode();
    node.archive.beforePiece = (_, piece) => {
      if (piece === 2) throw new Failure('too_large', 'Cannot write the archive: it is larger than 10 GiB');
    };
    const accepted = await node.service.create({ server: SERVER, id: ID });
    await failureOf(accepted.ended, 'too_large');
    expect(objectsOf(node)).toEqual([]);
    const { status, error } = await node.service.backup(SERVER, ID);
    expect([status, error?.code]).toEqual(['FAILED', 'too_large']);
    expect(milestones(node)).toEqual(['backup.started', 'backup.failed']);
    expect(node.told.find(({ type }) => type === 'backup.failed')?.data).toMatchObject({
      error: { code: 'too_large' },
    });
  });

  test('a full disk is insufficient_storage, with the errno kept', async () => {
    const node = await testNode();
    node.archive.beforePiece = () => {
      throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC', errno: -28 });
    };
    const failure = await failureOf((await node.service.create({ server: SERVER })).ended, 'insufficient_storage');
    expect(failure.facts).toMatchObject({ errno: 'ENOSPC' });
  });

  test('a server whose directory vanished while it waited fails its backup', async () => {
    const node = await testNode();
    const create = node.service.create({ server: SERVER });
    node.archive.readIgnoreFile = () => {
      throw new Failure('server_not_found', 'There is no such server');
    };
    await failureOf((await create).ended, 'server_not_found');
    expect(objectsOf(node)).toEqual([]);
  });

  test('remains that cannot be removed do not hide the reason', async () => {
    const node = await testNode();
    node.archive.beforePiece = (_, piece) => {
      if (piece < 2) return;
      node.memory.reachable = false;
      throw new Failure('store_unreachable', 'Cannot store the archive: the disk is gone');
    };
    await failureOf((await node.service.create({ server: SERVER, id: ID })).ended, 'store_unreachable');
    expect(node.catalogue.backups.get(ID).error?.code).toBe('store_unreachable');
  });
});

describe('free space', () => {
  test('a disk that is at its reserve refuses before there is a row', async () => {
    const node = await testNode({ limits: { reserveFree: 1000 } });
    node.memory.capacity = 1000;
    await failureOf(node.service.create({ server: SERVER }), 'insufficient_storage');
    expect(await node.service.backups(SERVER)).toEqual([]);
  });

  test('a tree that cannot fit is refused before a byte is written', async () => {
    const node = await testNode();
    node.memory.capacity = 100e6;
    node.archive.treeBytes = 150e6;
    const accepted = await node.service.create({ server: SERVER });
    const failure = await failureOf(accepted.ended, 'insufficient_storage');
    expect(failure.facts).toMatchObject({ freeBytes: 100e6 });
    expect(node.archive.writes).toEqual([]);
  });

  test('holes of files, larger than the disk, are no bytes that have to fit', async () => {
    const node = await testNode();
    node.memory.capacity = 100e6;
    node.archive.treeBytes = 10e9;
    node.archive.treeHoles = 10e9 - 1000;
    await backUp(node);
    expect(node.archive.estimates).toHaveLength(1);
    node.archive.treeBytes = node.archive.treeHoles = 10e12;
    await failureOf((await node.service.create({ server: SERVER })).ended, 'insufficient_storage');
  });

  test('a tree that the last backup shows to fit is not walked for it', async () => {
    const node = await testNode();
    node.memory.capacity = 2 ** 40;
    await backUp(node);
    await backUp(node);
    expect(node.archive.estimates).toHaveLength(1);
  });

  test('with an estimate that lied, writing stops before the reserve is crossed, and gives all back', async () => {
    const node = await testNode({ limits: { reserveFree: 10_000_000 } });
    node.memory.capacity = 12_000_000;
    node.archive.beforePiece = async ({ archive }) => {
      await archive.write(new Uint8Array(900_000));
      const { bytes } = await node.memory.freeSpace();
      expect(bytes).toBeGreaterThanOrEqual(10_000_000);
    };
    const accepted = await node.service.create({ server: SERVER });
    await failureOf(accepted.ended, 'insufficient_storage');
    expect(await node.memory.freeSpace()).toEqual({ bytes: 12_000_000, inodes: null });
    expect(objectsOf(node)).toEqual([]);
  });

  test('what others write meanwhile is noticed within a second', async () => {
    const node = await testNode({ limits: { reserveFree: 10_000_000 } });
    node.memory.capacity = 2 ** 40;
    node.archive.beforePiece = (_, piece) => {
      if (piece !== 2) return;
      node.memory.capacity = 10_000_000;
      node.clock.advance(1000);
    };
    const accepted = await node.service.create({ server: SERVER });
    await failureOf(accepted.ended, 'insufficient_storage');
  });

  test('two backups at once cannot both spend the same space', async () => {
    const node = await testNode({ limits: { reserveFree: 10_000_000 } });
    node.memory.capacity = 14_000_000;
    const both = gate();
    let arrived = 0;
    node.archive.beforePiece = async ({ archive }, piece) => {
      if (piece > 0) return;
      if (++arrived === 2) both.open();
      await both.pass();
      await archive.write(new Uint8Array(3_000_000));
    };
    const accepted = await Promise.all([1, 2].map((each) => node.service.create({ server: backupId(each) as never })));
    const ends = await Promise.all(accepted.map(outcome));
    expect(ends.sort()).toEqual(['done', 'insufficient_storage']);
  });
});
