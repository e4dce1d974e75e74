import { describe, expect, it } from 'vitest';
import { consoleLines, isSaved, recognised, RULES } from '../../../src/servers/quiesce/games.ts';

describe('which game a server runs', () => {
  it.each([
    [[')! For help, type '], 'java -jar server.jar', 'minecraft_java'],
    [['other', 'Done (1s)! For help, type "help"'], '', 'minecraft_java'],
    [['Server started.'], './bedrock_server', 'minecraft_bedrock'],
    [['Server started.'], 'LD_LIBRARY_PATH=. ./bedrock_server -x', 'minecraft_bedrock'],
    [['Server started.'], './valheim_server', undefined],
    [['Server started.'], './my_bedrock_server_tool', undefined],
    [['done'], './bedrock_server', undefined],
    [[], '', undefined],
  ])('%j of %s is %s', (done, invocation, game) => {
    expect(recognised({ done, invocation })).toBe(game);
  });
});

describe('the line of Minecraft Java that says that it has saved', () => {
  it.each([
    '[12:00:00] [Server thread/INFO]: Saved the game',
    '[12:00:00 INFO]: Saved the game',
    '[12:00:00] [Server thread/INFO] [minecraft/DedicatedServer]: Saved the game',
    '2013-05-01 12:00:00 [INFO] Saved the world',
    'Saved the game',
  ])('is %s', (line) => expect(isSaved(line)).toBe(true));

  it.each([
    '[12:00:00] [Server thread/INFO]: <mallory> Saved the game',
    '[12:00:00 INFO]: mallory: ]: Saved the game',
    '[12:00:00] [Server thread/INFO]: [Server] Saved the game',
    '[12:00:00 INFO]: [mallory] Saved the game',
    '[12:00:00 INFO]: [owner] mallory: Saved the game',
    '[12:00:00 INFO]: Saving the game (this may take a moment!)',
    '[12:00:00 INFO]: Saved the game, said mallory',
  ])('is not %s', (line) => expect(isSaved(line)).toBe(false));
});

describe('the list of Minecraft Bedrock', () => {
  const READY = '[2026-01-01 00:00:00:000 INFO] Data saved. Files are now ready to be copied.';
  const read = (...lines: readonly string[]) => {
    const take = RULES.minecraft_bedrock.reader();
    return lines.map((line) => take(line)).find((answer) => answer !== undefined);
  };

  it('is read behind the line that says that it is ready, with the lengths of files below worlds', () => {
    const list = 'My, wörld: 2/db/000005.ldb:2123, My, wörld: 2/db/CURRENT:16, My, wörld: 2/level.dat:2209';
    const name = Buffer.from('worlds/My, wörld: 2').toString('latin1');
    expect(read('Saving...', READY, list)).toEqual({
      said: 'still',
      held: {
        lengths: new Map([
          [`${name}/db/000005.ldb`, 2123],
          [`${name}/db/CURRENT`, 16],
          [`${name}/level.dat`, 2209],
        ]),
        complete: [`${name}/db`],
      },
    });
  });

  it('is nothing before that line, nor what is no list, nor what leads elsewhere', () => {
    const list = 'w/db/CURRENT:16';
    expect(read(list)).toBeUndefined();
    expect(read(READY, 'Player connected: mallory, xuid: 1')).toBeUndefined();
    for (const path of ['../db/x', 'w/../db/x', '/db/x', 'w//db/x', 'w/./db/x']) {
      expect(read(READY, `${list}, ${path}:1`)).toBeUndefined();
    }
    expect(read(READY, 'w/level.dat:16')).toBeUndefined();
    expect(read(READY, `${list}, w/db/x:9999999999999999`)).toBeUndefined();
  });

  it('is not taken when a console has cut it', () => {
    const cut = `${'w/db/CURRENT:16, '.repeat(4000)}w/db/x:1`;
    expect(read(READY, cut)).toEqual({ said: 'unusable', why: 'its list of files is cut short' });
  });
});

it('lines of a console come without colours and prompts', () => {
  const text = '\u001b[32m[12:00:00 INFO]: Saved the game\u001b[0m\r\n>\u001b[K \rnext\r\n\r\n';
  expect(consoleLines(text)).toEqual(['[12:00:00 INFO]: Saved the game', 'next']);
});
