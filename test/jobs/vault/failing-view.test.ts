/** Taking bytes from copies while the vault itself cannot be looked at for a moment. */
import { expect, test } from 'vitest';
import { Failure } from '../../../src/base/failure.ts';
import type { VaultStore } from '../../../src/storage/vault/vault.ts';
import { healFromCopies } from '../../../src/jobs/vault/heal.ts';
import { dataOf } from '../../support/events.ts';
import { nodeWithCopy, vaultWithCopy } from '../../support/vault-copies.ts';

/** Of all looks at the vault, the one of that number fails. */
function failLook(vault: VaultStore, number: number): void {
  const view = vault.view.bind(vault);
  let looks = 0;
  vault.view = (server) =>
    ++looks === number ? Promise.reject(new Failure('store_unreachable', 'the disk is away')) : view(server);
}

test('a copy is closed when the vault cannot be looked at', async () => {
  const { vault, copy, found, healing, damaged } = await vaultWithCopy();
  const closed: string[] = [];
  copy.bend = (source) => ({
    ...source,
    close: async () => {
      closed.push(copy.name);
      await source.close();
    },
  });
  failLook(vault, 1);
  const { left, fault } = await healFromCopies(found, healing);
  expect(closed).toEqual([copy.name]);
  expect([Array.from(left.keys()), fault]).toEqual([[damaged], undefined]);
});

test('what was marked is told of when the look after the healing fails', async () => {
  const { vault, vaults, told, id, again, catalogue } = await nodeWithCopy();
  // The first is that of the check, the second that of the taking.
  failLook(vault, 3);
  const faults = [{ backup: id, code: 'store_unreachable', message: 'the disk is away' }];
  expect((await vaults.verify({})).done).toMatchObject([{ whole: 0, damaged: [id], healed: [], faults }]);
  expect(dataOf(told, 'vault.damaged')).toMatchObject([{ backups: [id] }]);
  expect(catalogue.backups.get(id).damagedAt).not.toBeNull();
  expect(again).toEqual([]);
  // The bytes were taken: the next check finds all of them whole.
  expect((await vaults.verify({})).done).toMatchObject([{ whole: 1, damaged: [], healed: [], faults: [] }]);
  expect(again).toEqual([id]);
});
