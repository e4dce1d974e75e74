/** Looks take no turn: the backup that they open may be deleted under them, which is no damage. */
import { describe, expect, test } from 'vitest';
import { Comparisons } from '../../../src/jobs/compare/compare.ts';
import { failureOf } from '../../support/rejection.ts';
import { backUp, gate, SERVER, testNode, type TestNode } from '../../support/node.ts';
import type { BackupId } from '../../../src/base/ids.ts';

const { signal } = new AbortController();

const LOOKS: Readonly<Record<string, (node: TestNode, id: BackupId) => Promise<unknown>>> = {
  content: ({ service }, id) => service.content(SERVER, id, 'a', signal),
  files: ({ service }, id) => service.files(SERVER, id, '', undefined, signal),
  find: (node, id) => new Comparisons(node).find(SERVER, id, { text: 'a', cursor: undefined, limit: 10 }, signal),
  compare: (node, id) => new Comparisons(node).compare(SERVER, id, id, signal),
};

describe.each(Object.entries(LOOKS))('a look for %s', (_, look) => {
  test('at a backup that is gone when it comes to the store', async () => {
    const node = await testNode();
    const id = await backUp(node);
    const slow = gate();
    const open = node.memory.open.bind(node.memory);
    node.memory.open = async (key) => {
      await slow.pass();
      return open(key);
    };
    const looked = failureOf(look(node, id), 'backup_not_found');
    await slow.reached;
    await node.service.remove(SERVER, id);
    slow.open();
    await looked;
  });

  test('at a backup that is being deleted', async () => {
    const node = await testNode();
    const id = await backUp(node);
    const [slow, last] = [gate(), gate()];
    const [open, remove] = [node.memory.open.bind(node.memory), node.memory.remove.bind(node.memory)];
    node.memory.open = async (key) => {
      await slow.pass();
      return open(key);
    };
    node.memory.remove = async (key) => {
      await remove(key);
      if (node.memory.objects.size === 0) await last.pass();
    };
    const looked = failureOf(look(node, id), 'server_busy');
    await slow.reached;
    const removed = node.service.remove(SERVER, id);
    await last.reached;
    slow.open();
    expect(await looked).toMatchObject({ message: expect.stringContaining('being deleted') as string });
    last.open();
    await removed;
  });
});
