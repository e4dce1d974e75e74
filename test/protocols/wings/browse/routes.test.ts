/** What the file manager of Calagopus asks of backups. */
import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { openPanelNode, USER } from '../../../support/panel-node.ts';
import { OTHER_SERVER, SERVER } from '../../../support/scripted-service.ts';
import { signToken } from '../../../support/panel/jwt.ts';
import { NODE_TOKEN } from '../../../support/wings-app.ts';

async function openNode(flavour: 'calagopus' | 'pterodactyl' = 'calagopus') {
  const node = await openPanelNode(flavour);
  const { id } = node.service.add();
  const ask = async (target: string, headers: Record<string, string> = { authorization: `Bearer ${NODE_TOKEN}` }) => {
    const answer = await fetch(node.url + target, { headers, redirect: 'manual' });
    return { status: answer.status, text: await answer.text(), headers: answer.headers };
  };
  const now = Math.floor(node.time.now() / 1000);
  const link = (more = {}) => {
    const base = { iss: 'panel', jti: USER.uuid, iat: now, exp: now + 900, scope: 'file-download' };
    return signToken({ ...base, server_uuid: SERVER, unique_id: randomUUID(), ignored_files: [], ...more }, NODE_TOKEN);
  };
  return { ...node, id, ask, link };
}

const FILES = `/api/servers/${SERVER}/files`;

describe('a listing', () => {
  test('is of one level of the backup, all its pages together', async () => {
    const { ask, id, service } = await openNode();
    const { status, text } = await ask(`${FILES}/list?directory=/.backups/${id}/world&per_page=3&page=1`);
    const { total, entries } = JSON.parse(text) as { total: number; entries: { name: string }[] };
    expect([status, total, entries.map(({ name }) => name)]).toEqual([200, 4, ['region', 'region', 'now']]);
    expect(service.calls.filter(({ method }) => method === 'files').map(({ args }) => args.slice(1))).toEqual([
      [id, 'world', undefined],
      [id, 'world', 'next'],
    ]);
  });

  test('takes the newer name of its parameter', async () => {
    const { ask, id } = await openNode();
    expect((await ask(`${FILES}/list?root=.backups/${id}`)).status).toBe(200);
  });

  test('is not for users from whom files are hidden, nor for strangers', async () => {
    const { ask, id, service } = await openNode();
    const target = `${FILES}/list?directory=/.backups/${id}`;
    expect(await ask(`${target}&ignored=secret.txt`)).toMatchObject({
      status: 404,
      text: '{"error":"path not found"}',
    });
    expect((await ask(target, {})).status).toBe(401);
    expect(service.calls.map(({ method }) => method)).not.toContain('files');
  });

  test('of a server does not show the backups of another', async () => {
    const { ask, id, service } = await openNode();
    service.add({ server: OTHER_SERVER });
    expect((await ask(`/api/servers/${OTHER_SERVER}/files/list?directory=/.backups/${id}`)).status).toBe(404);
  });

  test.each(['/', '/world', '/.backups'])('of %s is not served here', async (directory) => {
    const { ask } = await openNode();
    const { status, text } = await ask(`${FILES}/list?directory=${directory}`);
    expect([status, text]).toEqual([404, expect.stringContaining('which only keeps backups')]);
  });
});

describe('one file', () => {
  test('is sent, up to the size that was asked for', async () => {
    const { ask, id, service } = await openNode();
    const target = `${FILES}/contents?file=/.backups/${id}/server.properties`;
    const whole = await ask(target);
    expect([whole.status, Number(whole.headers.get('content-length'))]).toEqual([200, whole.text.length]);
    expect((await ask(`${target}&max_size=${whole.text.length}`)).text).toBe(whole.text);
    expect(await ask(`${target}&max_size=${whole.text.length - 1}`)).toMatchObject({
      status: 413,
      text: '{"error":"file size exceeds maximum allowed size"}',
    });
    expect(service.calls.find(({ method }) => method === 'content')?.args).toEqual([SERVER, id, 'server.properties']);
  });
});

describe('a download by link', () => {
  test('gives one file, or what is selected of a directory', async () => {
    const { ask, id, link, service } = await openNode();
    const one = await ask(`/download/file?token=${link({ file_path: `.backups/${id}/a.txt` })}&archive_format=zip`, {});
    const token = link({ file_path: `/.backups/${id}/world`, file_paths: ['region', 'level.dat'] });
    const many = await ask(`/download/files?token=${token}&archive_format=tar_gz`, {});
    expect([one.status, many.status]).toEqual([200, 200]);
    expect(service.calls.filter(({ method }) => method === 'selected').map(({ args }) => args[2])).toEqual([
      ['a.txt'],
      ['world/region', 'world/level.dat'],
    ]);
  });

  test('gives the archive for the root of a backup', async () => {
    const { ask, id, link } = await openNode();
    const answer = await ask(`/download/directory?token=${link({ file_path: `/.backups/${id}` })}`, {});
    expect([answer.status, answer.text]).toEqual([200, 'archive']);
  });

  test('gives archives as tar.gz alone', async () => {
    const { ask, id, link } = await openNode();
    const token = link({ file_path: `/.backups/${id}`, file_paths: ['a', 'b'] });
    expect((await ask(`/download/files?token=${token}&archive_format=zip`, {})).status).toBe(417);
  });

  test.each([
    ['of another scope', { scope: 'backup-download' }, 401],
    ['without a scope', { scope: undefined }, 401],
    ['that has expired', { exp: 1 }, 401],
    ['without an id of its own', { unique_id: undefined }, 401],
    ['of a user from whom files are hidden', { ignored_files: ['*.txt'] }, 404],
    ['that leads out', { file_paths: ['../../x'] }, 404],
    ['to another server’s backup', { server_uuid: OTHER_SERVER }, 404],
  ])('%s is refused', async (_, more, status) => {
    const { ask, id, link, service } = await openNode();
    const token = link({ file_path: `/.backups/${id}`, file_paths: ['a'], ...more });
    expect((await ask(`/download/files?token=${token}`, {})).status).toBe(status);
    expect(service.calls.map(({ method }) => method)).not.toContain('selected');
  });

  test('by a token that this node did not sign is not served', async () => {
    const { ask, id } = await openNode();
    const claims = { server_uuid: SERVER, file_path: `/.backups/${id}/a` };
    const token = signToken(claims, 'another-key'.padEnd(64, 'k'));
    expect((await ask(`/download/file?token=${token}`, {})).status).toBe(404);
  });

  test('is one download: its link opens no other backup', async () => {
    const { ask, id, link, service } = await openNode();
    const other = service.add({ id: '7a1c7b52-1f0a-4a7e-8f8e-2d9b7f6c5a41' as never });
    const unique_id = randomUUID();
    const first = link({ file_path: `/.backups/${id}/a`, unique_id });
    const second = link({ file_path: `/.backups/${other.id}/a`, unique_id });
    const get = async (token: string) => (await ask(`/download/file?token=${token}`, {})).status;
    expect([await get(first), await get(second), await get(first)]).toEqual([200, 401, 200]);
  });
});

test('other panels have no such files', async () => {
  const { ask, id } = await openNode('pterodactyl');
  expect((await ask(`${FILES}/list?directory=/.backups/${id}`)).status).toBe(404);
});
