import fs from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { randomBytes } from '../support/random-bytes.ts';
import { digestOf, savesWhatIsLive, saved } from './support/scenarios.ts';
import { inChromium, openNode, signedIn, tabMemory } from './support/visitor.ts';

const SERVER = '#/servers/11111111-1111-4111-8111-111111111111';
const MIB = 1024 ** 2;
const SIZE = 2048 * MIB;
const MOST_OF_TAB = 100 * MIB;

inChromium('downloads', () => {
  test('13: one file, 150 files and a folder are saved with the bytes of the live ones', async () => {
    const node = await openNode();
    await savesWhatIsLive(node, node.url, await signedIn(node));
  });

  test('13: a file of 2 GiB is saved whole, and the tab takes at most 100 MB meanwhile', async () => {
    const node = await openNode();
    const path = join(node.host.server, 'world.mca');
    const file = fs.openSync(path, 'w');
    for (const [at, place] of [0, SIZE / 2 - 7, SIZE - 9 * MIB].entries()) {
      fs.writeSync(file, randomBytes(9 * MIB, at), 0, 9 * MIB, place);
    }
    fs.closeSync(file);
    expect(fs.statSync(path).size).toBe(SIZE);
    const { body } = await node.call(`/api/servers/${node.server}/backups`, { body: {} });
    const { page } = await signedIn(node, `${SERVER}/backups/${(body as { readonly id: string }).id}`);
    const button = page.getByRole('button', { name: 'Download world.mca' });
    await button.waitFor();
    const begun = page.waitForEvent('download');
    await button.click();
    const download = await begun;
    const ended = new AbortController();
    const end = download.path().finally(() => ended.abort());
    let [most, looks] = [0, 0];
    while (!ended.signal.aborted) {
      most = Math.max(most, await tabMemory());
      looks++;
    }
    const savedAs = await end;
    console.log({ mostMiB: Math.round(most / MIB), looks });
    expect(await download.failure()).toBeNull();
    expect(fs.statSync(savedAs).size).toBe(SIZE);
    expect(await digestOf(savedAs)).toBe(await digestOf(path));
    expect(looks).toBeGreaterThan(10);
    expect(most).toBeGreaterThan(0);
    expect(most).toBeLessThanOrEqual(MOST_OF_TAB);
  });

  test('13: the whole archive is saved as it lies in the store', async () => {
    const node = await openNode();
    const { body } = await node.call(`/api/servers/${node.server}/backups`, { body: { name: 'Before 1.22' } });
    const { id } = body as { readonly id: string };
    const { page } = await signedIn(node, SERVER);
    const download = await saved(page, () => page.getByRole('button', { name: 'Download', exact: true }).click());
    expect(download.suggestedFilename()).toMatch(/Before-1\.22\.tar\.gz$/);
    expect(await digestOf(await download.path())).toBe(
      await digestOf(join(node.host.backups, node.server, `${id}.tar.gz`)),
    );
  });
});
