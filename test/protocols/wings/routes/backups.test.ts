import { describe, expect, test } from 'vitest';
import { OTHER_SERVER, SERVER, UNKNOWN } from '../../../support/scripted-service.ts';
import { ALL_FLAVOURS, openWingsApp } from '../../../support/wings-app.ts';

const BACKUP = `/api/servers/${SERVER}/backup`;
const ID = '3c9f3a4e-8f0b-4f7a-9a55-0d5f0f2c9b11';

const CREATE = { adapter: 'wings', uuid: ID, ignore: '' };
const RESTORE = { adapter: 'wings', truncate_directory: false, download_url: '' };

const GO_EMPTY = { text: '' };
const RUST_EMPTY = { text: '{}' };
const EMPTY = { pterodactyl: GO_EMPTY, pelican: GO_EMPTY, calagopus: RUST_EMPTY } as const;

describe('create', () => {
  test.each(ALL_FLAVOURS)('%s: is accepted at once, queues, and will be reported', async (flavour) => {
    const { call, service } = await openWingsApp(flavour);
    service.holdJobs = true;
    const body = { ...CREATE, ignore: '*.log\ncache/\n!cache/keep' };
    expect(await call('POST', BACKUP, { body })).toMatchObject({ status: 202, ...EMPTY[flavour] });
    expect(service.lastCall('create')).toEqual([
      { server: SERVER, id: ID, ignore: ['*.log', 'cache/', '!cache/keep'], whenBusy: 'queue', report: true },
    ]);
  });

  test.each(ALL_FLAVOURS)('%s: a restore by hand may force', async (flavour) => {
    const { call, service } = await openWingsApp(flavour);
    const body = { ...RESTORE, truncate_directory: true, force: true };
    expect((await call('POST', `${BACKUP}/${service.add().id}/restore`, { body })).status).toBe(202);
    expect(service.lastCall('restore')).toMatchObject([{ truncate: true, force: true }]);
  });

  test('without ignore lines leaves the choice to the server’s own ignore file', async () => {
    const { call, service } = await openWingsApp('pterodactyl');
    await call('POST', BACKUP, { body: CREATE });
    expect(service.lastCall('create')).toMatchObject([{ ignore: [] }]);
  });

  test('takes an id in upper case for the same id', async () => {
    const { call, service } = await openWingsApp('pelican');
    expect((await call('POST', BACKUP, { body: { ...CREATE, uuid: ID.toUpperCase() } })).status).toBe(202);
    expect(service.lastCall('create')).toMatchObject([{ id: ID }]);
  });

  test('hands the archive to the panel’s storage with the adapter s3', async () => {
    const { call, service } = await openWingsApp('pelican');
    await call('POST', BACKUP, { body: { ...CREATE, adapter: 's3' } });
    expect(service.lastCall('create')).toMatchObject([{ upload: 'panel' }]);
  });

  test('never writes a second archive over the first', async () => {
    for (const flavour of ALL_FLAVOURS) {
      const { call, service } = await openWingsApp(flavour);
      service.failWithCode('create', 'backup_exists');
      const { status, body } = await call('POST', BACKUP, { body: CREATE });
      expect(status).toBe(409);
      if (flavour === 'calagopus') expect(body).toEqual({ error: 'backup already exists' });
    }
  });

  test.each([
    ['too_many_backups', 400],
    ['server_suspended', 400],
    // Below 500, where panels show the text to who could delete something.
    ['insufficient_storage', 400],
    ['server_busy', 409],
    ['draining', 503],
  ] as const)('tells the panel of %s in words', async (code, status) => {
    const { call, service } = await openWingsApp('pterodactyl');
    service.failWithCode('create', code);
    const answer = await call('POST', BACKUP, { body: CREATE });
    expect(answer).toMatchObject({
      status,
      body: { error: `Cannot do it: ${code}`, request_id: answer.headers.get('x-request-id') },
    });
  });

  test('tells nothing of an error that nobody foresaw', async () => {
    for (const flavour of ALL_FLAVOURS) {
      const { call, service } = await openWingsApp(flavour);
      service.failWith('create', new Error('EACCES /srv/secret'));
      const { status, text } = await call('POST', BACKUP, { body: CREATE });
      expect(status).toBe(500);
      expect(text).not.toContain('secret');
    }
  });
});

describe('restore', () => {
  test.each(ALL_FLAVOURS)('%s: is accepted at once, queues, and will be reported', async (flavour) => {
    const { call, service } = await openWingsApp(flavour);
    const { id } = service.add();
    const body = { ...RESTORE, truncate_directory: true };
    const answer = await call('POST', `${BACKUP}/${id}/restore`, { body });
    expect(answer).toMatchObject({ status: 202, ...EMPTY[flavour] });
    expect(service.lastCall('restore')).toEqual([
      { server: SERVER, backup: id, truncate: true, whenBusy: 'queue', report: true },
    ]);
  });

  test('ignores the link that Pelican sends beside a local backup', async () => {
    const { call, service } = await openWingsApp('pelican');
    const { id } = service.add();
    const body = { ...RESTORE, download_url: 'http://127.0.0.1/download/backup?token=x' };
    expect((await call('POST', `${BACKUP}/${id}/restore`, { body })).status).toBe(202);
    expect(service.lastCall('restore')?.[0]).not.toHaveProperty('download');
  });

  test('fetches a backup of the panel’s storage from its link', async () => {
    const { call, service } = await openWingsApp('pelican');
    const { id } = service.add();
    const body = { adapter: 's3', truncate_directory: false, download_url: 'https://s3.test/x?X-Amz-Signature=y' };
    await call('POST', `${BACKUP}/${id}/restore`, { body });
    expect(service.lastCall('restore')).toMatchObject([{ download: { url: body.download_url } }]);
  });

  test.each([
    ['pterodactyl', 'The download_url field is required when the backup adapter is set to S3.'],
    ['pelican', 'The download_url field is required when the backup adapter is set to S3.'],
    ['calagopus', 'unable to restore s3 backup without download_url'],
  ] as const)('%s: without a link it says that one is missing', async (flavour, error) => {
    const { call, service } = await openWingsApp(flavour);
    const { id } = service.add();
    const body = { adapter: 's3', truncate_directory: false };
    expect(await call('POST', `${BACKUP}/${id}/restore`, { body })).toMatchObject({ status: 400, body: { error } });
    expect(service.lastCall('restore')).toBeUndefined();
  });

  test('of a backup that is not here answers as the panel’s own daemon', async () => {
    const go = await openWingsApp('pterodactyl');
    const answer = await go.call('POST', `${BACKUP}/${UNKNOWN}/restore`, { body: RESTORE });
    expect(answer).toMatchObject({ status: 404 });
    expect(answer.body).toEqual({
      error: 'The requested resources was not found on the system.',
      request_id: answer.headers.get('x-request-id'),
    });
    const rust = await openWingsApp('calagopus');
    expect(await rust.call('POST', `${BACKUP}/${UNKNOWN}/restore`, { body: RESTORE })).toMatchObject({
      status: 404,
      body: { error: 'backup not found' },
    });
  });
});

describe('delete', () => {
  test.each([
    ['pterodactyl', 204],
    ['pelican', 204],
    ['calagopus', 202],
  ] as const)('%s: answers when the backup is gone', async (flavour, status) => {
    const { call, service } = await openWingsApp(flavour);
    const { id } = service.add();
    expect(await call('DELETE', `${BACKUP}/${id}`)).toMatchObject({ status, ...EMPTY[flavour] });
    expect(service.lastCall('discard')).toEqual([SERVER, id]);
  });

  test.each([
    ['pterodactyl', { error: 'The requested backup was not found on this server.' }],
    ['pelican', { error: 'The requested backup was not found on this server.' }],
    ['calagopus', { error: 'backup not found' }],
  ] as const)('%s: an unknown one is 404, which the panel takes for done', async (flavour, body) => {
    const { call, service } = await openWingsApp(flavour);
    const other = service.add({ server: OTHER_SERVER });
    for (const id of [UNKNOWN, other.id]) {
      const answer = await call('DELETE', `${BACKUP}/${id}`);
      expect([answer.status, answer.body]).toEqual([404, body]);
    }
    expect(service.backupViews.has(other.id)).toBe(true);
  });

  test('of a locked one is refused, and says why', async () => {
    for (const flavour of ALL_FLAVOURS) {
      const { call, service } = await openWingsApp(flavour);
      const { id } = service.add({ locked: true });
      service.failWithCode('discard', 'backup_locked');
      expect(await call('DELETE', `${BACKUP}/${id}`)).toMatchObject({
        status: 403,
        body: { error: 'Cannot do it: backup_locked' },
      });
    }
  });

  test('works for a server whose directory is gone', async () => {
    const { call, service } = await openWingsApp('pterodactyl');
    const { id } = service.add();
    service.failWithCode('server', 'server_not_found');
    expect((await call('DELETE', `${BACKUP}/${id}`)).status).toBe(204);
  });

  test('of all of a server’s backups is Pelican’s alone, and spares the locked ones', async () => {
    const { call, service } = await openWingsApp('pelican');
    const path = `/api/servers/${SERVER}/deleteAllBackups`;
    service.add();
    service.add();
    const others = service.add({ server: OTHER_SERVER });
    expect(await call('DELETE', path)).toMatchObject({ status: 204, text: '' });
    expect([...service.backupViews.keys()]).toEqual([others.id]);
    expect((await call('DELETE', path)).status).toBe(204);
    const locked = service.add({ locked: true });
    service.add();
    expect(await call('DELETE', path)).toMatchObject({
      status: 403,
      body: { error: 'Cannot delete all backups: 1 of them are locked' },
    });
    expect([...service.backupViews.keys()].sort()).toEqual([others.id, locked.id].sort());
    for (const flavour of ['pterodactyl', 'calagopus'] as const) {
      const without = await openWingsApp(flavour);
      without.service.add();
      expect((await without.call('DELETE', path)).status).toBe(404);
      expect(without.service.backupViews.size).toBe(1);
    }
  });

  test('of a backup whose server has left the node is Calagopus’ alone', async () => {
    const { call, service } = await openWingsApp('calagopus');
    const { id } = service.add({ server: OTHER_SERVER });
    const path = `/api/backups/${id}`;
    expect(await call('DELETE', path, { body: { adapter: 'wings' } })).toMatchObject({ status: 202, text: '{}' });
    expect(service.lastCall('discard')).toEqual([OTHER_SERVER, id]);
    expect(await call('DELETE', path)).toMatchObject({ status: 404, body: { error: 'backup not found' } });
    for (const flavour of ['pterodactyl', 'pelican'] as const) {
      const without = await openWingsApp(flavour);
      const kept = without.service.add();
      expect((await without.call('DELETE', `/api/backups/${kept.id}`)).status).toBe(404);
      expect(without.service.backupViews.size).toBe(1);
    }
  });
});
