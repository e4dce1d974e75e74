/** Holds a local store in a process of its own until it is killed; stops before the memory of a marking, when asked. */
import fs from 'node:fs';
import { openLocalStore } from '../../src/storage/local/local.ts';

const [directory = '', node = '', remembered = '', adopt = '', stopAt = ''] = process.argv.slice(2);
let saved = remembered === '' ? undefined : remembered;
const identity = {
  load: () => saved,
  save: (id: string) => {
    if (stopAt === 'unsaved' || (stopAt === 'unsaved-end' && !id.startsWith('wanted ')))
      process.kill(process.pid, 'SIGKILL');
    fs.writeSync(1, `${id}\n`);
    saved = id;
    if (stopAt === 'saved') process.kill(process.pid, 'SIGKILL');
  },
};
const { fault, store } = await openLocalStore({
  name: 'local',
  directory,
  identity,
  node,
  adopt: adopt === '' ? null : adopt,
});
fs.writeSync(1, fault === null ? 'held\n' : `${fault.message}\n`);
process.stdin.resume().on('end', () => void store.close());
