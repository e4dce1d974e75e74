import { expect, onTestFinished, test } from 'vitest';
import { Housekeeping } from '../../../src/jobs/housekeeping/housekeeping.ts';
import { backUp, gate, outcome, SERVER, serverId, testNode } from '../../support/node.ts';

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

async function automaticNode(jobs = { stalledMinutes: 30, rerunInterrupted: false }) {
  const node = await testNode({ retention: { keepLast: 1 } });
  const config = { ...node.config, jobs, schedules: [], verification: { everyDays: 0 } };
  const automatic = Housekeeping.open({ ...node, config });
  onTestFinished(() => automatic.close());
  return { ...node, automatic };
}

test('a job that stalls is ended, and one without such a limit is left alone', async () => {
  for (const [stalledMinutes, ends] of [
    [30, 'interrupted'],
    [0, 'done'],
  ] as const) {
    const node = await automaticNode({ stalledMinutes, rerunInterrupted: false });
    const writing = gate();
    node.archive.beforePiece = writing.pass;
    const accepted = await node.service.create({ server: SERVER });
    await writing.reached;
    node.clock.advance(31 * MINUTE);
    await node.automatic.tick();
    writing.open();
    expect(await outcome(accepted)).toBe(ends);
  }
});

test('the days of grace of a server end, though another part of it fails', async () => {
  const node = await automaticNode();
  await backUp(node, serverId(2));
  await node.service.removeServer(serverId(2), { backups: 'delete', graceDays: 3 });
  node.clock.advance(3 * DAY);
  node.runner.abortStalled = () => {
    throw new Error('broken');
  };
  await node.automatic.tick();
  expect(node.catalogue.backups.list()).toEqual([]);
});

test('retention follows each backup, until it is closed', async () => {
  const node = await automaticNode();
  for (let round = 0; round < 3; round++) {
    await backUp(node);
    node.clock.advance(MINUTE);
  }
  await node.automatic.close();
  while (node.runner.open().length > 0) await new Promise(setImmediate);
  const kept = node.catalogue.backups.list().length;
  expect(kept).toBeLessThan(3);
  await backUp(node);
  expect(node.catalogue.backups.list()).toHaveLength(kept + 1);
});
