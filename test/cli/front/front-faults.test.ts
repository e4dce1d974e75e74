/**
 * Check 19: whatever write or command of a take-over fails, it is turned back; check 20: an undo that failed anywhere goes
 * on when it is run again. One run after the other fails one step later, until a run meets no fault: none is left out.
 */
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { askWings } from '../../../src/cli/front/running-wings.ts';
import { GAME_SERVER } from '../../support/daemon.ts';
import { nodeHost, type NodeHost } from '../../support/wings/node-host.ts';
import { WriteFaults } from '../../support/wings/write-faults.ts';

const GOLDEN = new URL('../../golden/front/', import.meta.url);
const LIMIT = 300_000;
const MOST = 200;

/** Runs until no fault is met. @param failed is awaited after each run that has failed. @returns what could have failed. */
async function failEverywhere(
  faults: WriteFaults,
  run: () => Promise<unknown>,
  failed: (error: unknown, at: string) => Promise<void>,
): Promise<readonly string[]> {
  for (let number = 0; number < MOST; number++) {
    faults.begin(number);
    const [error] = await run().then(
      () => [undefined],
      (thrown: unknown) => [thrown],
    );
    const { names } = faults;
    if (!faults.end()) {
      expect(error).toBeUndefined();
      return names;
    }
    expect(error, names[number]).toBeDefined();
    await failed(error, names[number] ?? '');
  }
  throw new Error('it has no end');
}

/** A host whose writes and commands are counted. */
async function watchedHost(): Promise<{ readonly host: NodeHost; readonly faults: WriteFaults }> {
  const host = await nodeHost();
  const faults = new WriteFaults(host.at('etc'));
  host.units.asked = (command) => faults.count(`systemctl ${command}`);
  return { host, faults };
}

/** Files with Wings' own as what they say: it writes its file anew at each start. */
function content(host: NodeHost) {
  const entries = Object.entries(host.files());
  return Object.fromEntries(
    entries.map(([path, text]) => [path, path.endsWith('config.yml') ? (parse(text) as unknown) : text]),
  );
}

async function expectWings(host: NodeHost): Promise<void> {
  expect(host.wings.port).toBe(host.port);
  expect(await askWings(`http://127.0.0.1:${host.port}`, host.wings.token)).toMatchObject({ servers: [GAME_SERVER] });
  expect(host.units.state['roost.service']).toMatchObject({ ActiveState: 'inactive', UnitFileState: 'disabled' });
}

describe('check 19: a fault at each write and command is turned back', () => {
  test('of a take-over', { timeout: LIMIT }, async () => {
    const { host, faults } = await watchedHost();
    const before = content(host);
    const names = await failEverywhere(
      faults,
      () => host.front(),
      async (error, at) => {
        // What is only looked at comes before all changes.
        if (!at.startsWith('systemctl show'))
          expect(error).toMatchObject({ hint: expect.stringContaining('the node is as it was') });
        expect(content(host), at).toEqual(before);
        await expectWings(host);
      },
    );
    await expect(`${names.join('\n')}\n`).toMatchFileSnapshot(new URL('take-over-steps.txt', GOLDEN).pathname);
    expect(await askWings(`http://127.0.0.1:${host.port}`, host.wings.token)).toMatchObject({ servers: [GAME_SERVER] });
  });
});

describe('check 20: an undo that failed at any write or command goes on when it is run again', () => {
  test('to a Wings that serves the node alone', { timeout: LIMIT }, async () => {
    const { host, faults } = await watchedHost();
    const before = content(host);
    const undo = (): Promise<unknown> => host.front({ undo: true });
    await host.front();
    const names = await failEverywhere(faults, undo, async (_error, at) => {
      const [again] = await undo().then(
        () => [undefined],
        (error: unknown) => [error],
      );
      // Once the configuration has its name, all is done but for what is flushed and tidied up after it.
      const isDone = host.files()['/etc/roost/config.yml']?.includes('front: null') === true;
      if (again !== undefined) {
        expect(isDone, at).toBe(true);
        expect(again, at).toMatchObject({ code: 'config_invalid', message: expect.stringContaining('no front') });
      }
      await expectWings(host);
      const left = again === undefined ? [] : ['/etc/pterodactyl/config.yml.before-roost'];
      expect(
        Object.keys(content(host)).filter((path) => !left.includes(path)),
        at,
      ).toEqual(Object.keys(before));
      await host.front();
      expect(await askWings(`http://127.0.0.1:${host.port}`, host.wings.token)).toMatchObject({
        servers: [GAME_SERVER],
      });
    });
    await expect(`${names.join('\n')}\n`).toMatchFileSnapshot(new URL('undo-steps.txt', GOLDEN).pathname);
    await expectWings(host);
  });
});
