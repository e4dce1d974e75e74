import fs from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { isUnsettled } from '../../../src/archive/write/pack-reader.ts';
import { RULES } from '../../../src/servers/quiesce/games.ts';
import { hold } from '../../../src/servers/quiesce/hold.ts';
import { SERVER } from '../../support/node.ts';
import { scratchDirectory } from '../../support/scratch.ts';

test('what a game wrote right before its answer is settled when it is read', async () => {
  const path = await scratchDirectory();
  const file = join(path, 'level.dat');
  const console = {
    open: () =>
      Promise.resolve({
        ended: false,
        type: () => Promise.resolve(),
        next: () => {
          fs.writeFileSync(file, 'level');
          return Promise.resolve('Saved the game');
        },
        close: () => undefined,
      }),
  };
  const { signal } = new AbortController();
  const server = { id: SERVER, name: 'one', path };
  const held = await hold(console, server, { how: 'minecraft_java', rules: RULES.minecraft_java, signal });
  expect(isUnsettled(fs.statSync(file), Date.now())).toBe(false);
  expect(held.heard).toBe('Saved the game');
});

test('a console that has ended is not asked for more, which would let nothing else of the daemon run', async () => {
  let isOthersTurn = false;
  const open = {
    ended: true,
    type: async () => void setImmediate(() => (isOthersTurn = true)),
    next: () => Promise.resolve(undefined),
    close: () => expect(isOthersTurn).toBe(true),
  };
  const { signal } = new AbortController();
  const server = { id: SERVER, name: 'one', path: '/nowhere' };
  const how = { how: 'minecraft_java', rules: RULES.minecraft_java, signal, answerMs: 200 };
  const held = await hold({ open: () => Promise.resolve(open) }, server, how);
  expect(held.doubt).toBe('its console ended before it said that it has saved');
});
