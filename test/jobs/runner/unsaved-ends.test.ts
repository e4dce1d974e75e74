import { expect, test, vi } from 'vitest';
import { Failure } from '../../../src/base/failure.ts';
import { StateReserve } from '../../../src/catalogue/state-reserve.ts';
import { failureOf } from '../../support/rejection.ts';
import { backUp, milestones, SERVER, testNode } from '../../support/node.ts';
import { scratchDirectory } from '../../support/scratch.ts';

/** Every transaction is refused until the disk has room again, as SQLite does on a full one. */
function fullDisk(node: Awaited<ReturnType<typeof testNode>>): { readonly free: () => void } {
  const full = new Failure('insufficient_storage', 'Cannot write the catalogue: the disk is full');
  const spy = vi.spyOn(node.catalogue, 'transaction').mockImplementation(() => {
    throw full;
  });
  return { free: () => spy.mockRestore() };
}

test('an end that a full disk refuses is stored once there is room, and stands in no way', async () => {
  const node = await testNode({ limits: { perServer: 1 } });
  let disk: ReturnType<typeof fullDisk> | undefined;
  node.archive.beforePiece = () => {
    disk = fullDisk(node);
    return Promise.reject(new Failure('internal', 'the archive failed'));
  };
  const accepted = await node.service.create({ server: SERVER });
  await failureOf(accepted.ended, 'internal');
  const { id } = accepted.backup;
  expect(node.catalogue.backups.get(id).status).toBe('IN_PROGRESS');
  node.runner.saveEnds();
  expect(node.catalogue.backups.get(id).status, 'still full').toBe('IN_PROGRESS');
  disk?.free();
  node.archive.beforePiece = () => undefined;
  const next = await backUp(node);
  expect(node.catalogue.backups.get(id)).toMatchObject({ status: 'FAILED', error: { code: 'internal' } });
  expect(node.catalogue.jobs.active()).toEqual([]);
  expect(node.catalogue.backups.get(next).status).toBe('COMPLETED');
  expect(milestones(node)).toEqual(['backup.started', 'backup.failed', 'backup.started', 'backup.completed']);
});

test('a finished backup is not thrown away for a full disk whose reserve gives room', async () => {
  const reserve = new StateReserve(await scratchDirectory());
  expect([reserve.take(), reserve.isGiven]).toEqual([false, false]);
  const node = await testNode({ reserve });
  const transaction = node.catalogue.transaction.bind(node.catalogue);
  const spy = vi.spyOn(node.catalogue, 'transaction');
  node.archive.beforePiece = () => {
    spy.mockImplementation((work) => {
      if (!reserve.isGiven) throw new Failure('insufficient_storage', 'Cannot write the catalogue: the disk is full');
      return transaction(work);
    });
  };
  const id = await backUp(node);
  expect(node.catalogue.backups.get(id).status).toBe('COMPLETED');
  expect(reserve.isGiven).toBe(true);
  expect(milestones(node)).toEqual(['backup.started', 'backup.completed']);
});
