import { describe, expect, test } from 'vitest';
import { backUp, gate, outcome, SERVER, serverId, testNode } from '../../support/node.ts';
import { failureOf } from '../../support/rejection.ts';

const NONE = { perServer: 0, maxSize: 0, serverBytes: 0 };

describe('limits of a server', () => {
  test('its own stand in place of the ones of the node', async () => {
    const own = { perServer: 2, maxSize: null, serverBytes: null };
    const node = await testNode({ limits: { perServer: 1, maxSize: 5000, servers: { [SERVER]: own } } });
    await backUp(node);
    await backUp(node);
    expect((await failureOf(node.service.create({ server: SERVER }))).code).toBe('too_many_backups');
    expect(node.archive.writes.at(-1)?.maxSize).toBe(5000);
    await backUp(node, serverId(2));
    expect((await failureOf(node.service.create({ server: serverId(2) }))).code).toBe('too_many_backups');
  });

  test('bytes of all its archives bound the next one, and refuse it when nothing is left', async () => {
    const node = await testNode();
    const first = await backUp(node);
    const { size } = node.catalogue.backups.get(first);
    const limits = { ...NONE, serverBytes: size + 10 };
    const { ended } = await node.service.create({ server: SERVER, limits });
    await ended;
    expect(node.archive.writes.at(-1)?.maxSize).toBe(10);
    expect((await failureOf(node.service.create({ server: SERVER, limits }))).code).toBe('too_large');
  });

  test('one that waited finds what those before it have left', async () => {
    const node = await testNode({ limits: { serverBytes: 100 } });
    const writing = gate();
    node.archive.beforePiece = writing.pass;
    const first = await node.service.create({ server: SERVER });
    await writing.reached;
    const second = await node.service.create({ server: SERVER, whenBusy: 'queue' });
    writing.open();
    expect(await outcome(first)).toBe('done');
    expect(node.catalogue.backups.get(first.backup.id).size).toBeGreaterThan(100);
    expect(await outcome(second)).toBe('too_large');
    expect(node.archive.writes).toHaveLength(1);
  });

  test('those of a token count besides the ones of the node, whichever is less', async () => {
    const node = await testNode({ limits: { maxSize: 5000 } });
    const ended = async (maxSize: number) => {
      await (
        await node.service.create({ server: SERVER, limits: { ...NONE, maxSize } })
      ).ended;
      return node.archive.writes.at(-1)?.maxSize;
    };
    expect([await ended(4000), await ended(6000), await ended(0)]).toEqual([4000, 5000, 5000]);
    const full = node.service.create({ server: SERVER, limits: { ...NONE, perServer: 3 } });
    expect((await failureOf(full)).code).toBe('too_many_backups');
  });
});
