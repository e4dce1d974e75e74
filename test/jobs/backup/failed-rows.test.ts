import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import type { BackupId } from '../../../src/base/ids.ts';
import { objectKey } from '../../../src/storage/key.ts';
import { backUp, gate, outcome, SERVER, serverId, testNode } from '../../support/node.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

async function failingNode() {
  const node = await testNode();
  await node.failedBackups.sweep();
  const failed = () => node.catalogue.backups.list({ status: 'FAILED' });
  const cancelOne = async (server = SERVER, locked = false) => {
    const writing = gate();
    node.archive.beforePiece = writing.pass;
    const accepted = await node.service.create({ server, locked });
    await writing.reached;
    await node.service.cancel(server, accepted.backup.id);
    writing.open();
    node.archive.beforePiece = () => undefined;
    expect(await outcome(accepted)).toBe('cancelled');
    return accepted.backup.id;
  };
  return { ...node, failed, cancelOne };
}

describe('rows of failed and cancelled backups', () => {
  test('are the last ten of a server, locked ones too', async () => {
    const node = await failingNode();
    const good = await backUp(node);
    const other = await node.cancelOne(serverId(2));
    const made: string[] = [];
    for (let round = 0; round < 14; round++) made.push(await node.cancelOne(SERVER, round % 2 === 0));
    const left = node.failed().map(({ id }) => id);
    expect(left.sort()).toEqual([other, ...made.slice(-10)].sort());
    expect(node.catalogue.backups.get(good).status).toBe('COMPLETED');
  });

  test('go after thirty days, but not while the clock is in doubt', async () => {
    const node = await failingNode();
    await node.cancelOne();
    node.clock.jump(40 * DAY);
    await node.failedRows.sweep();
    expect(node.failed()).toHaveLength(1);
    node.clock.jump(-40 * DAY);
    node.clock.advance(30 * DAY);
    await node.failedRows.sweep();
    expect(node.failed()).toHaveLength(1);
    node.clock.advance(1);
    await node.failedRows.sweep();
    expect(node.failed()).toHaveLength(0);
  });

  test('stay while their store has not been searched for what they left', async () => {
    const node = await failingNode();
    for (let round = 0; round < 10; round++) await node.cancelOne();
    node.failedBackups.markDue('memory');
    await node.cancelOne();
    expect(node.failed()).toHaveLength(11);
    await node.failedBackups.sweep();
    await node.failedRows.sweep();
    expect(node.failed()).toHaveLength(10);
  });
});

test('a row that says what a failed backup left stays while its store is searched', async () => {
  const node = await failingNode();
  const left = await node.cancelOne();
  const key = objectKey(SERVER, left, 'tar.gz');
  node.memory.objects.set(key, new Uint8Array(10));
  const listing = gate();
  const list = node.memory.list.bind(node.memory);
  node.memory.list = async function* (prefix) {
    await listing.pass();
    yield* list(prefix);
  };
  node.failedBackups.markDue('memory');
  const sweeping = node.failedBackups.sweep();
  await listing.reached;
  for (let round = 0; round < 10; round++) await node.cancelOne();
  listing.open();
  await sweeping;
  expect(node.memory.objects.has(key)).toBe(false);
  await node.failedRows.sweep();
  expect(node.failed()).toHaveLength(10);
});

test('a thousand rows of an earlier version go a hundred at a time, between which others have their turn', async () => {
  const node = await failingNode();
  const { backups } = node.catalogue;
  node.catalogue.transaction(() => {
    for (let number = 1; number <= 1010; number++) {
      const id = `00000000-0000-4000-8000-${String(number).padStart(12, '0')}` as BackupId;
      const key = `${SERVER}/${id}.tar.gz`;
      backups.insert({ id, server: SERVER, name: 'x', locked: false, ignore: [], store: 'memory', key });
      backups.fail(id, { code: 'cancelled', message: 'm', facts: {}, retry: false });
    }
  });
  const sweeping = node.failedRows.sweep();
  const seen: number[] = [];
  for (let turn = 0; turn < 12; turn++) {
    seen.push(node.failed().length);
    await nextTurn();
  }
  await sweeping;
  expect(seen.slice(0, 4)).toEqual([910, 810, 710, 610]);
  expect(node.failed()).toHaveLength(10);
});

describe('the rate of failures', () => {
  test('refuses further creates of that server after a hundred within an hour, and no longer', async () => {
    const node = await failingNode();
    const { events } = node;
    const fail = (server = SERVER) =>
      events.publish({ type: 'backup.cancelled', server, data: { error: { code: 'cancelled', message: 'm' } } });
    for (let round = 0; round < 99; round++) fail();
    await backUp(node);
    fail();
    const refused = { code: 'too_many_backups', retry: true, hint: 'Try again in 3600 seconds.' };
    await expect(node.service.create({ server: SERVER })).rejects.toMatchObject(refused);
    await backUp(node, serverId(2));
    node.clock.advance(HOUR);
    await backUp(node);
  });
});
