/** A daemon that stops while it looks which backups share damaged bytes, and takes them from a copy far away. */
import { expect, test } from 'vitest';
import { unlessAborted } from '../../../src/base/failure.ts';
import { failureOf } from '../../support/rejection.ts';
import { SERVER } from '../../support/node.ts';
import { nodeWithCopy } from '../../support/vault-copies.ts';

/** The copy's bytes never come. @returns the node, and the signal that the first read of the copy was given. */
async function waitingForCopy() {
  const node = await nodeWithCopy();
  const reading = Promise.withResolvers<AbortSignal | undefined>();
  node.copy.bend = (source) => ({
    ...source,
    read: (_offset, _length, signal) => {
      reading.resolve(signal);
      return unlessAborted(new Promise<never>(() => undefined), signal, 'Cannot read the copy');
    },
  });
  return { ...node, reading: reading.promise };
}

test('does not wait for the copy; what was marked stays marked', async () => {
  const { vault, vaults, reading, catalogue, id, again } = await waitingForCopy();
  vaults.noteDamage(SERVER, vault.name);
  const signal = await reading;
  const closed = vaults.close();
  expect(signal?.aborted).toBe(true);
  await closed;
  expect(catalogue.backups.get(id).damagedAt).not.toBeNull();
  expect(again).toEqual([]);
});

test('ends the check that an operator asked for, and the look that waits behind it', async () => {
  const { vault, vaults, reading } = await waitingForCopy();
  const verified = vaults.verify({}, new AbortController().signal);
  const signal = await reading;
  vaults.noteDamage(SERVER, vault.name);
  const closed = vaults.close();
  expect(signal?.aborted).toBe(true);
  await failureOf(verified, 'cancelled');
  await closed;
  // Nothing begins afterwards.
  await failureOf(vaults.verify({}), 'cancelled');
});

test('the copy of a node that goes on heals the backup, which is verified again', async () => {
  const { vaults, catalogue, id, again } = await nodeWithCopy();
  expect((await vaults.verify({})).done).toMatchObject([{ damaged: [], healed: [id], faults: [] }]);
  expect(catalogue.backups.get(id).damagedAt).not.toBeNull();
  expect(again).toEqual([id]);
});
