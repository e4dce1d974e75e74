import { expect, test } from 'vitest';
import { Failure } from '../../../src/base/failure.ts';
import { Recognition } from '../../../src/servers/quiesce/recognition.ts';
import { ManualTime } from '../../support/manual-time.ts';
import { serverId } from '../../support/node.ts';

const never = new AbortController().signal;
const JAVA = { done: [')! For help, type '], invocation: '' };
const OTHER = { done: ['started'], invocation: '' };

function scene() {
  const time = new ManualTime();
  const panel = { startup: JAVA as typeof JAVA | undefined, asked: 0, stored: undefined as string | undefined };
  const run = (): Recognition =>
    new Recognition({
      startup: async () => {
        panel.asked++;
        if (panel.startup === undefined) throw new Failure('store_unreachable', 'The panel is away');
        return panel.startup;
      },
      memory: { load: () => panel.stored, save: (text) => void (panel.stored = text) },
      clock: time,
    });
  return { time, panel, run };
}

test('the panel is asked once in ten minutes, and a changed egg counts then', async () => {
  const { time, panel, run } = scene();
  const games = run();
  expect(await games.game(serverId(1), never)).toBe('minecraft_java');
  panel.startup = OTHER;
  expect(await games.game(serverId(1), never)).toBe('minecraft_java');
  expect(panel.asked).toBe(1);
  time.advance(600_000);
  expect(await games.game(serverId(1), never)).toBeUndefined();
  expect(games.known(serverId(1))).toBeUndefined();
});

test('a server that is not typed at is asked about each time: its egg may be that of a game by now', async () => {
  const { panel, run } = scene();
  panel.startup = OTHER;
  const games = run();
  expect(await games.game(serverId(1), never)).toBeUndefined();
  panel.startup = JAVA;
  expect(await games.game(serverId(1), never)).toBe('minecraft_java');
});

test('what was learned is known while the panel is away, also by the next run', async () => {
  const { panel, run } = scene();
  await run().game(serverId(1), never);
  panel.startup = undefined;
  const next = run();
  expect(next.known(serverId(1))).toBe('minecraft_java');
  expect(await next.game(serverId(1), never)).toBe('minecraft_java');
  await expect(next.game(serverId(2), never)).rejects.toThrow('The panel is away');
});

test('what another version stored is passed over', () => {
  const { panel, run } = scene();
  panel.stored = JSON.stringify({ [serverId(1)]: 'minecraft_java', [serverId(2)]: 'unheard of' });
  expect([run().known(serverId(1)), run().known(serverId(2))]).toEqual(['minecraft_java', undefined]);
  panel.stored = 'no JSON';
  expect(run().known(serverId(1))).toBeUndefined();
});
