import { expect, test } from 'vitest';
import { hold } from '../../../src/servers/quiesce/hold.ts';
import { RULES } from '../../../src/servers/quiesce/games.ts';
import { WingsConsole } from '../../../src/servers/quiesce/wings-console.ts';
import { signToken } from '../../support/panel/jwt.ts';
import { GAME_SERVER } from '../../support/daemon.ts';
import { openWings, type Wings, WINGS_TOKEN } from '../../support/wings/wings.ts';
import { serverId } from '../../support/node.ts';

const SERVER = { id: serverId(1), name: 'one', path: '/nowhere' };
const never = new AbortController().signal;
const HOLD = { how: 'minecraft_java', rules: RULES.minecraft_java, signal: never };

async function scene() {
  const wings = await openWings({ servers: [GAME_SERVER] });
  const game = wings.games.get(GAME_SERVER);
  if (game === undefined) throw new Error('no game');
  await game.power('start');
  const console = consoleOf(wings);
  return { wings, game, console, server: { ...SERVER, id: GAME_SERVER as typeof SERVER.id } };
}

function consoleOf(wings: Wings, more: { readonly origin?: string; readonly iat?: readonly number[] } = {}) {
  const issued = [...(more.iat ?? [])];
  return new WingsConsole({
    url: wings.url,
    origin: more.origin ?? 'https://panel.test',
    token: (server) => {
      const iat = issued.shift() ?? Math.floor(Date.now() / 1000);
      const claims = { iat, exp: iat + 60, server_uuid: server, user_uuid: 'x', permissions: ['websocket.connect'] };
      return signToken(claims, WINGS_TOKEN);
    },
    type: async ({ id }, lines) => {
      for (const line of lines) wings.games.get(id)?.type(line);
    },
  });
}

test('a game is asked and heard, and its answer alone counts', async () => {
  const { game, console, server } = await scene();
  game.program = {
    ...game.program,
    typed: (line) => {
      if (line !== 'save-all flush') return;
      game.say('[12:00:00 INFO]: mallory: Saved the game');
      game.say('[12:00:00 INFO]: Saved the game');
    },
  };
  expect(await hold(console, server, HOLD)).toEqual({
    how: 'minecraft_java',
    heard: '[12:00:00 INFO]: Saved the game',
  });
  expect(game.commands).toEqual(['save-off', 'save-all flush']);
});

test('a game that says nothing is waited for for a bounded time, and doubted', async () => {
  const { game, console, server } = await scene();
  expect(await hold(console, server, { ...HOLD, answerMs: 200 })).toEqual({
    how: 'minecraft_java',
    doubt: 'it did not say within 0.2 seconds that it has saved',
  });
  expect(game.commands).toEqual(['save-off', 'save-all flush']);
});

test('a console that cannot be heard is typed at all the same, and doubted', async () => {
  const { wings, game, server } = await scene();
  const told = await hold(consoleOf(wings, { origin: 'https://elsewhere.test' }), server, HOLD);
  expect(told.doubt).toMatch(/^its console cannot be heard: .*403/);
  expect(game.commands).toEqual(['save-off', 'save-all flush']);
});

test('a token that was issued in the second of the start is followed by a second one', async () => {
  const { wings, game, server } = await scene();
  const open = await consoleOf(wings, { iat: [1] }).open(server, never);
  expect(open.unheard).toBeUndefined();
  game.say('hello');
  expect(await open.next(5000)).toBe('hello');
  open.close();
  const refused = await consoleOf(wings, { iat: [1, 1] }).open(server, never);
  expect(refused.unheard?.message).toBe('Cannot hear the console: Wings refuses the token');
});

test('a Wings that ends meanwhile ends the hearing, and a cancelled backup the waiting', async () => {
  const { wings, console, server } = await scene();
  const open = await console.open(server, never);
  const heard = open.next(60_000);
  await wings.kill();
  expect(await heard).toBeUndefined();
  await wings.start();
  const abort = new AbortController();
  const held = hold(console, server, { ...HOLD, signal: abort.signal });
  const cancelled = expect(held).rejects.toMatchObject({ code: 'cancelled' });
  await expect.poll(() => wings.sockets.length).toBe(2);
  abort.abort();
  await cancelled;
});

test('a console that ends before the answer is doubted', async () => {
  const { wings, game, console, server } = await scene();
  game.program = { ...game.program, typed: (line) => void (line === 'save-all flush' && wings.kill()) };
  expect(await hold(console, server, HOLD)).toEqual({
    how: 'minecraft_java',
    doubt: 'its console ended before it said that it has saved',
  });
});
