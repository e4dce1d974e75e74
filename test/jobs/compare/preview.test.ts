import fs from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { GAME_SERVER, runDaemonOn, scratchHost } from '../../support/daemon.ts';
import { pathIn } from '../../support/directory-manifest.ts';
import { comparePreviews } from '../../support/previewed-restores.ts';

const SERVER = `/api/servers/${GAME_SERVER}`;

test('a preview is what the restore then does', async () => {
  await comparePreviews(6, 7);
});

async function scene() {
  const host = await scratchHost();
  const running = await runDaemonOn(host);
  const { body } = await running.call(`${SERVER}/backups`, { body: { name: 'x' } });
  const { id } = body as { id: string };
  return { ...host, ...running, id };
}

describe('a preview', () => {
  test('makes no job, tells files and bytes, and what is the same apart', async () => {
    const { call, id, server } = await scene();
    const jobs = async () => ((await call('/api/jobs')).body as { jobs: unknown[] }).jobs.length;
    const before = await jobs();
    fs.writeFileSync(join(server, 'eula.txt'), 'no\n');
    fs.writeFileSync(join(server, 'new.txt'), 'since');
    const { body } = await call(`${SERVER}/backups/${id}/preview`, { body: { truncate: true } });
    expect(body).toMatchObject({
      totals: {
        added: { files: 0, directories: 0, bytes: 0 },
        changed: { files: 1, directories: 0, bytes: 10 },
        deleted: { files: 1, directories: 0, bytes: 5 },
        same: { files: 1, directories: 0, bytes: 200_000 },
      },
      changes: [
        { class: 'changed', path: 'eula.txt', size: 10, before: 3 },
        { class: 'deleted', path: 'new.txt', size: 5 },
      ],
    });
    expect(await jobs()).toBe(before);
    expect(fs.readFileSync(join(server, 'eula.txt'), 'utf8')).toBe('no\n');
  });

  test('of an archive without its index is the same', async () => {
    const { call, id, server, backups } = await scene();
    fs.rmSync(join(server, 'eula.txt'));
    const preview = async () => (await call(`${SERVER}/backups/${id}/preview`, { body: {} })).body as object;
    const { id: _, ...byIndex } = (await preview()) as { id: string };
    fs.rmSync(join(backups, GAME_SERVER, `${id}.index`));
    expect(await preview()).toMatchObject(byIndex);
  });

  test('of a server without a directory adds everything', async () => {
    const { call, id, server } = await scene();
    fs.rmSync(server, { recursive: true });
    const { body } = await call(`${SERVER}/backups/${id}/preview`, { body: {} });
    expect(body).toMatchObject({ totals: { added: { files: 2, directories: 1 }, deleted: { files: 0 } } });
  });

  test.each([
    { body: { files: ['nothing.txt'] }, code: 'path_not_found' },
    { body: { files: ['**'] }, code: 'path_not_found' },
    { body: { files: ['../a'] }, code: 'invalid_request' },
    { body: { globs: ['@(a|b)'] }, code: 'invalid_request' },
  ])('by $body is refused: $code', async ({ body, code }) => {
    const { call, id } = await scene();
    expect((await call(`${SERVER}/backups/${id}/preview`, { body })).body).toMatchObject({ code });
  });
});

test('a restore makes a backup first, and changes nothing when that fails', async () => {
  const { call, id, server, backups } = await scene();
  fs.writeFileSync(join(server, 'eula.txt'), 'changed');
  const { body } = await call(`${SERVER}/backups/restore?id=${id}`, { body: { backupFirst: true } });
  const { backedUp } = body as { backedUp: string };
  expect((await call(`${SERVER}/backups/${backedUp}`)).body).toMatchObject({ status: 'COMPLETED' });
  expect(fs.readFileSync(join(server, 'eula.txt'), 'utf8')).toBe('eula=true\n');
  fs.writeFileSync(join(server, 'eula.txt'), 'changed again');
  fs.chmodSync(join(backups, GAME_SERVER), 0o500);
  fs.renameSync(join(backups, GAME_SERVER), join(backups, 'away'));
  fs.writeFileSync(join(backups, GAME_SERVER), 'in the way');
  const failed = await call(`${SERVER}/backups/restore?id=${id}`, { body: { backupFirst: true } });
  expect(failed.status).toBeGreaterThanOrEqual(400);
  expect(fs.readFileSync(join(server, 'eula.txt'), 'utf8')).toBe('changed again');
});

describe('a comparison', () => {
  test('of two backups, and of one with the server, tells what changed', async () => {
    const { call, id, server } = await scene();
    fs.writeFileSync(join(server, 'eula.txt'), 'changed');
    fs.mkdirSync(join(server, 'new'));
    fs.writeFileSync(join(server, 'new', 'file'), '12345');
    const { body: second } = await call(`${SERVER}/backups`, { body: { name: 'y' } });
    const other = (second as { id: string }).id;
    const expected = {
      totals: { added: { files: 1, directories: 1, bytes: 5 }, changed: { files: 1 }, same: { files: 1 } },
      changes: [
        { class: 'added', path: 'new', directory: true },
        { class: 'added', path: 'new/file', size: 5 },
        { class: 'changed', path: 'eula.txt', size: 7, before: 10 },
      ],
    };
    expect((await call(`${SERVER}/backups/${id}/compare?with=${other}`)).body).toMatchObject(expected);
    expect((await call(`${SERVER}/backups/${id}/compare?with=live`)).body).toMatchObject(expected);
    expect((await call(`${SERVER}/backups/${other}/compare?with=live`)).body).toMatchObject({ changes: [] });
  });

  test('is of this server alone, and its pages are too', async () => {
    const { call, id } = await scene();
    const unknown = '99999999-9999-4999-8999-999999999999';
    expect((await call(`${SERVER}/backups/${id}/compare?with=${unknown}`)).body).toMatchObject({
      code: 'backup_not_found',
    });
    expect((await call(`${SERVER}/comparisons/${unknown}`)).body).toMatchObject({ code: 'path_not_found' });
    const { body } = await call(`${SERVER}/backups/${id}/compare?with=live`);
    for (const cursor of ['added.1', 'changed.99', 'x', 'same', 'added.-1']) {
      const page = await call(`${SERVER}/comparisons/${(body as { id: string }).id}?cursor=${cursor}`);
      expect(page.status === 400 || (page.body as { changes: [] }).changes.length === 0, cursor).toBe(true);
    }
  });
});

test('a name is found in one backup and in all, each version once', async () => {
  const { call, id, server } = await scene();
  fs.writeFileSync(join(server, 'world', 'LEVEL.old'), 'old');
  const { body } = await call(`${SERVER}/backups`, { body: { name: 'y' } });
  const second = (body as { id: string }).id;
  expect((await call(`${SERVER}/backups/${id}/find?q=level`)).body).toMatchObject({
    entries: [{ path: 'world/level.dat', kind: 'file', size: 200_000 }],
  });
  const { body: page } = await call(`${SERVER}/backups/${second}/find?q=level&limit=1`);
  const { entries, cursor } = page as { entries: { path: string }[]; cursor: string };
  expect(entries.map(({ path }) => path)).toEqual(['world/LEVEL.old']);
  expect((await call(`${SERVER}/backups/${second}/find?q=level&limit=1&cursor=${cursor}`)).body).toMatchObject({
    entries: [{ path: 'world/level.dat' }],
  });
  expect((await call(`${SERVER}/find?q=*.dat`)).body).toMatchObject({
    paths: [{ path: 'world/level.dat', versions: [{ size: 200_000, backups: [second, id] }] }],
    searched: [second, id],
    cut: [],
  });
});

test('a listing tells what is below a directory, and what is on the server now', async () => {
  const { call, id, server } = await scene();
  fs.rmSync(join(server, 'eula.txt'));
  const { body } = await call(`${SERVER}/backups/${id}/files?with=totals,live`);
  expect(body).toMatchObject({
    entries: [
      { name: 'eula.txt', live: 'gone' },
      { name: 'world', files: 1, bytes: 200_000, live: 'same' },
    ],
  });
  const plain = (await call(`${SERVER}/backups/${id}/files`)).body as { entries: object[] };
  for (const entry of plain.entries) expect(entry).not.toHaveProperty('live');
});

test('a link is told apart from one whose target is spelt as the other is shown', async () => {
  const host = await scratchHost();
  const { call } = await runDaemonOn(host);
  const { server } = host;
  const link = (name: string, target: string): void => {
    fs.rmSync(join(server, name), { force: true });
    fs.symlinkSync(Buffer.from(target, 'latin1'), join(server, name));
  };
  for (const [name, target] of [
    ['bytes', 'to \xff'],
    ['spelt', 'to \\xff'],
    ['text', 'to caf\xc3\xa9'],
  ] as const) {
    link(name, target);
  }
  const { body } = await call(`${SERVER}/backups`, { body: {} });
  const path = `${SERVER}/backups/${(body as { id: string }).id}/files?with=live`;
  const listed = async (): Promise<unknown[]> => {
    const { entries } = (await call(path)).body as { entries: { name: string; target?: string; live: string }[] };
    return entries.flatMap(({ name, target, live }) => (target === undefined ? [] : [[name, target, live]]));
  };
  expect(await listed()).toEqual([
    ['bytes', 'to \\xff', 'same'],
    ['spelt', 'to \\xff', 'same'],
    ['text', 'to café', 'same'],
  ]);
  link('bytes', 'to \\xff');
  link('spelt', 'to \xff');
  expect(await listed()).toEqual([
    ['bytes', 'to \\xff', 'changed'],
    ['spelt', 'to \\xff', 'changed'],
    ['text', 'to café', 'same'],
  ]);
});

test('a listing tells the same of names that are no text, and apart of one that is spelt as another is shown', async () => {
  const host = await scratchHost();
  const { call } = await runDaemonOn(host);
  const { server } = host;
  for (const [folder, files] of [
    ['w\xf6rld', 1],
    ['w\\xf6rld', 2],
  ] as const) {
    fs.mkdirSync(pathIn(server, folder));
    for (let at = 0; at < files; at++) fs.writeFileSync(pathIn(server, `${folder}/\xff${at}`), 'x'.repeat(files));
  }
  fs.symlinkSync(Buffer.from('to \xfe', 'latin1'), join(server, 'link'));
  const { body } = await call(`${SERVER}/backups`, { body: {} });
  const path = `${SERVER}/backups/${(body as { id: string }).id}/files?with=totals,live`;
  fs.rmSync(pathIn(server, 'w\xf6rld/\xff0'));
  expect((await call(path)).body).toMatchObject({
    entries: [
      { name: 'eula.txt', live: 'same' },
      { name: 'link', live: 'same' },
      { name: 'w\\xf6rld', files: 2, bytes: 4, live: 'same' },
      { name: 'world', live: 'same' },
      { name: 'w\\xf6rld', files: 1, bytes: 1, live: 'same' },
    ],
  });
  // What is spelt so is meant first.
  expect((await call(`${path}&path=w%5Cxf6rld`)).body).toMatchObject({ entries: [{ live: 'same' }, { live: 'same' }] });
  fs.rmSync(pathIn(server, 'w\xf6rld'), { recursive: true });
  const { entries } = (await call(path)).body as { readonly entries: readonly { readonly live: string }[] };
  expect(entries.map(({ live }) => live)).toEqual(['same', 'same', 'same', 'same', 'gone']);
});
