import fs from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { newJobId } from '../../../src/base/ids.ts';
import {
  findStages,
  removeStageAt,
  Stage,
  STAGE_PREFIX,
  stagePathsIn,
  stagesApart,
} from '../../../src/servers/stage/stage.ts';
import { mountTmpfs } from '../../support/mounted.ts';
import { scratchDirectory } from '../../support/scratch.ts';

async function server(): Promise<{ readonly root: string; readonly path: string }> {
  const root = await scratchDirectory();
  const path = join(root, 'server');
  fs.mkdirSync(path);
  return { root, path };
}

describe('the stage of a restore', () => {
  it('lies beside the server, for nobody else to look into, and goes without a trace', async () => {
    const { root, path } = await server();
    const job = newJobId();
    const stage = await Stage.create(path, job);
    expect(stage.location).toEqual({ place: 'beside', directory: root, name: STAGE_PREFIX + job });
    expect(fs.statSync(join(root, STAGE_PREFIX + job)).mode & 0o777).toBe(0o700);
    expect(fs.readdirSync(path)).toEqual([]);
    await stage.remove();
    expect(fs.readdirSync(root)).toEqual(['server']);
  });

  it('lies inside a server that is a file system of its own, where backups pass it over', async (context) => {
    const { root, path } = await server();
    mountTmpfs(context, path);
    const job = newJobId();
    const stage = await Stage.create(path, job);
    expect(stage.location).toEqual({ place: 'inside', directory: path, name: STAGE_PREFIX + job });
    expect(fs.readdirSync(root)).toEqual(['server']);
    expect(stagePathsIn(path)).toEqual([join(path, STAGE_PREFIX + job)]);
    await stage.remove();
    expect(fs.readdirSync(path)).toEqual([]);
  });

  it('is found again by its name, beside and inside', async () => {
    const { root, path } = await server();
    const [beside, inside] = [newJobId(), newJobId()];
    for (const name of [join(root, STAGE_PREFIX + beside), join(path, STAGE_PREFIX + inside), join(root, 'other')]) {
      fs.mkdirSync(name);
    }
    fs.mkdirSync(join(root, `${STAGE_PREFIX}no-id`));
    expect(findStages(path).map(({ job }) => job)).toEqual([inside, beside]);
    expect(findStages(join(root, 'missing'))).toEqual([]);
    expect(stagesApart(root).map(({ job }) => job)).toEqual([beside]);
  });

  it('is not mistaken for a directory of its name that others may write', async () => {
    const { root, path } = await server();
    const name = STAGE_PREFIX + newJobId();
    fs.mkdirSync(join(path, name));
    fs.chmodSync(join(path, name), 0o755);
    const location = { place: 'inside' as const, directory: path, name };
    expect(Stage.reopen(path, location)).toBeUndefined();
    await removeStageAt(location);
    expect(fs.existsSync(join(path, name))).toBe(true);
    fs.symlinkSync(root, join(path, 'link'));
    expect(Stage.reopen(path, { ...location, name: 'link' })).toBeUndefined();
  });

  it('is still found when the owner of the server gave it another name', async (context) => {
    const { path } = await server();
    mountTmpfs(context, path);
    const stage = await Stage.create(path, newJobId());
    fs.renameSync(join(path, stage.location.name), join(path, 'mine now'));
    const isRight = (handle: number): boolean => fs.fstatSync(handle).ino === fs.fstatSync(stage.handle).ino;
    const again = Stage.reopen(path, stage.location, isRight);
    expect(again?.location.name).toBe('mine now');
    again?.close();
    await stage.remove();
    expect(fs.readdirSync(path)).toEqual([]);
  });

  it('remembers that the server has to be started again until all else is gone', async () => {
    const { path } = await server();
    const stage = await Stage.create(path, newJobId());
    expect(stage.restartNoted).toBe(false);
    await stage.noteRestart();
    const again = Stage.reopen(path, stage.location);
    expect(again?.restartNoted).toBe(true);
    again?.close();
    await stage.remove();
  });

  it('cannot be made for a server whose directory is missing', async () => {
    const { root } = await server();
    await expect(Stage.create(join(root, 'missing'), newJobId())).rejects.toMatchObject({ code: 'server_not_found' });
    expect(fs.readdirSync(root)).toEqual(['server']);
  });
});
