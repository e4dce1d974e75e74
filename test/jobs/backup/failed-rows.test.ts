import { describe, expect, test } from 'vitest';

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
    node.failedRows.sweep();
    expect(node.failed()).toHaveLength(1);
    node.clock.jump(-40 * DAY);
    node.clock.advance(30 * DAY);
    node.failedRows.sweep();
    expect(node.failed()).toHaveLength(1);
    node.clock.advance(1);
    node.failedRows.sweep();
    expect(node.failed()).toHaveLength(0);
  });

  test('stay while their store has not been searched for what they left', async () => {
    const node = await failingNode();
    for (let round = 0; round < 10; round++) await node.cancelOne();
    node.failedBackups.markDue('memory');
    await node.cancelOne();
    expect(node.failed()).toHaveLength(11);
    await node.failedBackups.sweep();
    node.failedRows.sweep();
    expect(node.failed()).toHaveLength(10);
  });
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
