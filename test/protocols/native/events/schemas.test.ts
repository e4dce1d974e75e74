import { expect, test } from 'vitest';
import { EVENT_DATA } from '../../../../src/protocols/native/events/schemas.ts';
import { objectKey } from '../../../../src/storage/key.ts';
import { backUp, backupId, SERVER, testNode } from '../../../support/node.ts';
import { failureOf } from '../../../support/rejection.ts';

const ID = backupId(1);

test('the document’s schemas of events are what backups, locks and verifications send', async () => {
  const node = await testNode();
  await backUp(node, SERVER, ID);
  await (
    await node.service.verify(SERVER, ID)
  ).ended;
  await node.service.setLocked(SERVER, ID, true);
  node.memory.objects.get(objectKey(SERVER, ID, 'tar.gz'))?.fill(0, 7, 8);
  await failureOf((await node.service.verify(SERVER, ID)).ended, 'archive_damaged');
  const seen = new Set<string>();
  for (const { type, data } of node.told) {
    expect(EVENT_DATA[type].parse(data), type).toEqual(data);
    seen.add(type);
  }
  for (const type of ['backup.completed', 'backup.locked', 'backup.verified', 'verify.failed']) {
    expect(seen).toContain(type);
  }
});
