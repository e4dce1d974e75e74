/** Backups that a transfer by the Wings beside takes along. */
import { createHash } from 'node:crypto';
import fs from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { backUp, backupId, serverId, testNode } from '../../support/node.ts';
import { scratchDirectory } from '../../support/scratch.ts';

test('archives of that server that are completed are lent, sha256 equal; others are left out', async () => {
  const node = await testNode();
  const directory = await scratchDirectory();
  await backUp(node, serverId(1), backupId(1));
  const { sha256 } = await node.service.backup(serverId(1), backupId(1));
  await backUp(node, serverId(2), backupId(2));
  const asked = [backupId(1), backupId(1), backupId(2), backupId(3)];
  expect(await node.service.lendArchives(serverId(1), asked, directory)).toBe(1);
  expect(await fs.readdir(directory)).toEqual([serverId(1)]);
  const bytes = await fs.readFile(join(directory, serverId(1), `${backupId(1)}.tar.gz`));
  expect(createHash('sha256').update(bytes).digest('hex')).toBe(sha256);
});

test('one that cannot be read keeps back no other', async () => {
  const node = await testNode();
  const directory = await scratchDirectory();
  for (const number of [1, 2]) await backUp(node, serverId(1), backupId(number));
  await node.memory.remove(`${serverId(1)}/${backupId(1)}.tar.gz` as never);
  expect(await node.service.lendArchives(serverId(1), [backupId(1), backupId(2)], directory)).toBe(1);
});
