/**
 * Runs in a process of its own until it is killed: puts one object after the other into a local store. After each
 * commit it writes the object's number to stdout, which is its word that this will survive.
 */
import fs from 'node:fs';
import { openLocalStore } from '../../src/storage/local/local.ts';
import { backupId, serverId } from './catalogue-rows.ts';
import { objectKey } from '../../src/storage/key.ts';

const [, , directory = '', identity = '', first = '0'] = process.argv;
const { store } = await openLocalStore({
  name: 'local',
  directory,
  identity: { load: () => identity, save: () => undefined },
});

for (let number = Number(first); ; number++) {
  const writer = await store.create(objectKey(serverId(1), backupId(number), 'tar.gz'));
  for (let part = 0; part <= number % 5; part++) await writer.write(Buffer.alloc(100_000, number));
  await writer.commit();
  fs.writeSync(1, `${number}\n`);
}
