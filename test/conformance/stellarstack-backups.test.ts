/** The StellarStack backup API, in the order of its document. Its workflow is run against a whole daemon. */
import { execFile, execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { expect, test, type TestContext } from 'vitest';
import { needsProgram } from '../support/programs.ts';
import { Failure } from '../../src/base/failure.ts';
import { signDownloadToken } from '../../src/protocols/download-token.ts';
import type { ServerId } from '../../src/base/ids.ts';
import { ADMIN, tokenWith } from '../support/native-app.ts';
import { backupId, SERVER, serverId } from '../support/node.ts';
import { GAME_SERVER, runDaemonOn, scratchHost, TOKEN } from '../support/daemon.ts';
import { conformanceNode, heldRestore } from './node.ts';
import { walkDocument } from './document.ts';

const BACKUPS = `/api/servers/${SERVER}/backups`;
const UNKNOWN = backupId(404);
const SECRET = 'secret-of-sixteen-or-more';
/** The key of the app under test. */
const KEY = Buffer.alloc(32, 7);

interface BackupObject {
  readonly id: string;
  readonly name: string;
  readonly isLocked: boolean;
  readonly ignoredFiles: readonly string[];
}

walkDocument('stellarstack-backups', ({ says, layout }) => {
  layout([
    'List Backups',
    'Path Parameters',
    'Authentication',
    'Response',
    'Request Body',
    'Errors',
    'Query Parameters',
    'Backup Workflow Example',
    'Here’s a complete workflow for creating and managing backups:',
    'Notes',
  ]);

  says(
    ['GET /api/servers/{serverId}/backups', 'List all backups for a server.'],
    'answers 200 with all of them, newest first, and none of another server',
    async () => {
      const node = await conformanceNode();
      const first = await node.made();
      node.clock.advance(1000);
      const second = await node.made();
      await (
        await node.service.create({ server: serverId(2) })
      ).ended;
      const answer = await node.call('GET', BACKUPS);
      expect(answer.status).toBe(200);
      expect((answer.body as BackupObject[]).map(({ id }) => id)).toEqual([second, first]);
    },
  );

  says(
    'Authorization: Bearer {token}',
    'takes a token of the config, and answers 401 without one and for a wrong one',
    async () => {
      const { call } = await conformanceNode();
      expect((await call('GET', BACKUPS)).status).toBe(200);
      expect((await call('GET', BACKUPS, { token: '' })).status).toBe(401);
      expect((await call('GET', BACKUPS, { token: SECRET })).status).toBe(401);
    },
  );

  says(
    'Requires server access (owner, admin, or member with permissions).',
    'answers 403 without the permission, and 404 for a server that the token does not hold',
    async () => {
      const tokens = [
        tokenWith('member', SECRET, { permissions: ['backup.create'] }),
        tokenWith('stranger', `${SECRET}-2`, { servers: [serverId(2)] }),
      ];
      const { call } = await conformanceNode({ tokens });
      expect((await call('GET', BACKUPS, { token: SECRET })).status).toBe(403);
      expect((await call('GET', BACKUPS, { token: `${SECRET}-2` })).status).toBe(404);
    },
  );

  says('Array of backup objects', 'answers a bare array', async () => {
    const { call } = await conformanceNode();
    expect((await call('GET', BACKUPS)).body).toEqual([]);
  });

  says(
    [
      '"id": "backup-uuid-1",',
      '"name": "Backup 1/15/2024",',
      '"size": 1073741824,',
      '"checksum": "abc123def456...",',
      '"storagePath": "/backups/server-uuid/backup-uuid-1.tar.gz",',
      '"serverId": "server-uuid",',
      '"completedAt": "2024-01-15T12:00:00Z",',
      '"createdAt": "2024-01-15T11:55:00Z",',
      '"updatedAt": "2024-01-15T12:00:00Z"',
    ],
    'each field is there, with its type; dates are ISO 8601 in UTC',
    async () => {
      const node = await conformanceNode();
      const id = await node.made({ ignore: ['*.log', 'cache/*'] });
      const date = expect.stringMatching(/^2026-01-01T00:00:00(\.\d+)?Z$/);
      expect((await node.call('GET', BACKUPS)).body).toMatchObject([
        {
          id,
          name: 'Backup 2026-01-01',
          size: expect.any(Number),
          checksum: expect.stringMatching(/^[0-9a-f]{64}$/),
          storagePath: `/backups/${SERVER}/${id}.tar.gz`,
          serverId: SERVER,
          completedAt: date,
          createdAt: date,
          updatedAt: date,
        },
      ]);
    },
  );

  says(['Checksum algorithm (sha256)', '"checksumType": "sha256",'], 'is always sha256', async () => {
    const node = await conformanceNode();
    await node.made();
    expect((await node.call('GET', BACKUPS)).body).toMatchObject([{ checksumType: 'sha256' }]);
  });

  says(
    ['IN_PROGRESS | COMPLETED | FAILED | RESTORING', '"status": "COMPLETED",'],
    'each status is shown when it is so',
    async () => {
      const restore = heldRestore();
      const node = await conformanceNode({ restore: restore.verb });
      const statusOf = async (id: string) =>
        ((await node.call('GET', `${BACKUPS}/${id}`)).body as { status: string }).status;
      const begun = await node.held();
      expect(await statusOf(begun.id)).toBe('IN_PROGRESS');
      await begun.end();
      expect(await statusOf(begun.id)).toBe('COMPLETED');
      expect(await statusOf(await node.failed())).toBe('FAILED');
      const restoring = node.call('POST', `${BACKUPS}/restore?id=${begun.id}`);
      await restore.reached;
      expect(await statusOf(begun.id)).toBe('RESTORING');
      restore.end();
      await restoring;
    },
  );

  says(['Whether backup is locked from deletion', '"isLocked": false,'], 'is false unless asked for', async () => {
    const node = await conformanceNode();
    await node.made();
    expect((await node.call('GET', BACKUPS)).body).toMatchObject([{ isLocked: false }]);
  });

  says(
    ['Files/patterns excluded from backup', '"ignoredFiles": ["*.log", "cache/*"],'],
    'shows the patterns, line by line',
    async () => {
      const node = await conformanceNode();
      await node.made({ ignore: ['*.log', 'cache/*'] });
      expect((await node.call('GET', BACKUPS)).body).toMatchObject([{ ignoredFiles: ['*.log', 'cache/*'] }]);
    },
  );

  says(
    ['Create Backup', 'POST /api/servers/{serverId}/backups', 'Create a new backup of the server.'],
    'makes a backup',
    async () => {
      const { call, catalogue } = await conformanceNode();
      const answer = await call('POST', BACKUPS);
      expect(answer.status).toBe(201);
      expect(catalogue.backups.list().map(({ id }) => id)).toEqual([(answer.body as BackupObject).id]);
    },
  );

  says('Content-Type: application/json', 'reads JSON bodies, and answers in it', async () => {
    const { call } = await conformanceNode();
    const headers = { 'content-type': 'application/json' };
    const answer = await call('POST', BACKUPS, { headers, body: { name: 'by JSON' } });
    expect(answer.body).toMatchObject({ name: 'by JSON' });
    expect(answer.headers.get('content-type')).toMatch(/^application\/json/);
  });

  says(
    'Requires server access and server must not be suspended.',
    'create, restore and delete of a suspended server are refused; reading is not',
    async () => {
      const node = await conformanceNode();
      const id = await node.made();
      await node.service.setServer(SERVER, { suspended: true });
      const refused = [
        await node.call('POST', BACKUPS),
        await node.call('POST', `${BACKUPS}/restore?id=${id}`),
        await node.call('DELETE', `${BACKUPS}/delete?id=${id}`),
      ];
      expect(refused.map(({ status }) => status)).toEqual([400, 400, 400]);
      expect(refused.map(({ body }) => (body as { code: string }).code)).toEqual(Array(3).fill('server_suspended'));
      expect((await node.call('GET', BACKUPS)).status).toBe(200);
      const other = tokenWith('t', SECRET, { servers: [serverId(2)] });
      const foreign = await conformanceNode({ tokens: [other] });
      expect((await foreign.call('POST', BACKUPS, { token: SECRET })).status).toBe(404);
    },
  );

  says('Backup name (defaults to “Backup ”)', 'the default name begins so, and goes on with the date', async () => {
    const { call } = await conformanceNode();
    expect((await call('POST', BACKUPS)).body).toMatchObject({ name: 'Backup 2026-01-01' });
  });

  says(
    'Custom backup UUID (auto-generated if not provided)',
    'takes the caller’s own, makes one without it, and refuses one that is taken (409)',
    async () => {
      const { call } = await conformanceNode();
      const uuid = backupId(7);
      expect((await call('POST', BACKUPS, { body: { uuid } })).body).toMatchObject({ id: uuid });
      expect((await call('POST', BACKUPS)).body).toMatchObject({ id: expect.stringMatching(/^[0-9a-f-]{36}$/) });
      expect(await call('POST', BACKUPS, { body: { uuid, name: 'another' } })).toMatchObject({
        status: 409,
        body: { code: 'backup_exists' },
      });
    },
  );

  says(
    [
      'File patterns to exclude from backup (e.g., [“.log”, “cache/”])',
      '"ignore": ["*.log", "logs/*", "cache/*"],',
      '"ignoredFiles": ["*.log", "logs/*", "cache/*"],',
    ],
    'is an array of patterns, and comes back as ignoredFiles',
    async () => {
      const { call, archive } = await conformanceNode();
      const ignore = ['*.log', 'logs/*', 'cache/*'];
      expect((await call('POST', BACKUPS, { body: { ignore } })).body).toMatchObject({ ignoredFiles: ignore });
      expect(archive.writes[0]?.ignore).toEqual(ignore);
      expect((await call('POST', BACKUPS, { body: { ignore: '*.log' } })).status).toBe(400);
    },
  );

  says(
    ['Whether to lock the backup from deletion', '"locked": true', '"isLocked": true,'],
    'a backup made with it cannot be deleted',
    async () => {
      const { call } = await conformanceNode();
      const created = await call('POST', BACKUPS, { body: { locked: true } });
      expect(created.body).toMatchObject({ isLocked: true });
      const { id } = created.body as BackupObject;
      expect((await call('DELETE', `${BACKUPS}/delete?id=${id}`)).status).toBe(403);
    },
  );

  says(
    [
      'Returns the created backup object.',
      '"id": "backup-uuid-2",',
      '"name": "Pre-update backup",',
      '"size": 524288000,',
      '"checksum": "def789ghi012...",',
      '"completedAt": "2024-01-15T14:00:00Z",',
      '"createdAt": "2024-01-15T13:58:00Z",',
      '"updatedAt": "2024-01-15T14:00:00Z"',
    ],
    'answers when the backup has ended, with the finished object',
    async () => {
      const { call, made, clock, held } = await conformanceNode();
      await made();
      let answered = false;
      const begun = await held(() => call('POST', BACKUPS, { body: { name: 'Pre-update backup' } }));
      void begun.answer.then(() => (answered = true));
      expect(answered).toBe(false);
      clock.advance(120_000);
      expect(await begun.end()).toMatchObject({
        status: 201,
        body: {
          id: begun.id,
          name: 'Pre-update backup',
          status: 'COMPLETED',
          size: expect.any(Number),
          checksum: expect.stringMatching(/^[0-9a-f]{64}$/),
          createdAt: '2026-01-01T00:00:00.000Z',
          completedAt: '2026-01-01T00:02:00.000Z',
          updatedAt: '2026-01-01T00:02:00.000Z',
        },
      });
    },
  );

  says(
    '400 - Node is offline or server is suspended',
    'a suspended server is 400; the node answers for itself, so while it shuts down it says 503',
    async () => {
      const { call, service, runner } = await conformanceNode();
      await service.setServer(SERVER, { suspended: true });
      expect((await call('POST', BACKUPS)).status).toBe(400);
      await service.setServer(SERVER, { suspended: false });
      await runner.drain(AbortSignal.abort());
      expect(await call('POST', BACKUPS)).toMatchObject({ status: 503, body: { code: 'draining' } });
    },
  );

  says(
    '500 - Daemon communication error',
    'what breaks while the daemon works is 500, on every route that works',
    async () => {
      const node = await conformanceNode();
      const id = await node.made();
      node.archive.beforePiece = () => Promise.reject(new Error('EIO'));
      expect(await node.call('POST', BACKUPS)).toMatchObject({ status: 500, body: { code: 'internal' } });
      const broken = heldRestore();
      const other = await conformanceNode({
        restore: {
          ...broken.verb,
          run: () => Promise.reject(new Failure('internal', 'Cannot unpack the archive: EIO')),
        },
      });
      const restored = await other.call('POST', `${BACKUPS}/restore?id=${await other.made()}`);
      expect(restored).toMatchObject({ status: 500, body: { code: 'internal' } });
      node.memory.open = () => Promise.reject(new Error('EIO'));
      const { body } = await node.call('POST', `${BACKUPS}/download-token`, { body: { id } });
      expect((await node.call('GET', (body as { downloadUrl: string }).downloadUrl, { token: '' })).status).toBe(500);
      // Last: a backup whose deletion was begun is not given any more.
      node.memory.remove = () => Promise.reject(new Error('EIO'));
      expect((await node.call('DELETE', `${BACKUPS}/delete?id=${id}`)).status).toBe(500);
    },
  );

  says(
    ['Restore Backup', 'POST /api/servers/{serverId}/backups/restore?id={backupId}'],
    'restores the backup that the query names',
    async () => {
      const node = await conformanceNode();
      const id = await node.made();
      expect((await node.call('POST', `${BACKUPS}/restore?id=${id}`)).status).toBe(200);
      expect(node.catalogue.jobs.list({ kind: 'restore', limit: 10 })).toMatchObject([{ backup: id, state: 'done' }]);
    },
  );

  says(
    'Restore a server from a backup. This will overwrite existing server files.',
    'files come back as they were; what the backup does not hold stays, unless truncate is asked for',
    async () => {
      const host = await scratchHost();
      const { call } = await runDaemonOn(host);
      const url = `/api/servers/${GAME_SERVER}/backups`;
      const { id } = (await call(url, { body: {} })).body as BackupObject;
      execFileSync('sh', ['-c', 'echo changed > eula.txt && echo new > new.txt'], { cwd: host.server });
      expect((await call(`${url}/restore?id=${id}`, { method: 'POST' })).status).toBe(200);
      expect(readFileSync(`${host.server}/eula.txt`, 'utf8')).toBe('eula=true\n');
      expect(readFileSync(`${host.server}/new.txt`, 'utf8')).toBe('new\n');
    },
  );

  says(
    ['"success": true,', '"message": "Backup restored successfully"'],
    'is the answer, when the restore has ended',
    async () => {
      const restore = heldRestore();
      const node = await conformanceNode({ restore: restore.verb });
      const id = await node.made();
      let answered = false;
      const answer = node.call('POST', `${BACKUPS}/restore?id=${id}`).finally(() => (answered = true));
      await restore.reached;
      expect(answered).toBe(false);
      restore.end();
      expect(await answer).toMatchObject({
        status: 200,
        body: { success: true, message: 'Backup restored successfully' },
      });
    },
  );

  says(
    '400 - Backup ID required, node offline, cannot restore from failed backup, or backup not ready',
    'no id and a failed backup are 400; one that is being made is 409, as the line after next says',
    async () => {
      const node = await conformanceNode();
      expect(await node.call('POST', `${BACKUPS}/restore`)).toMatchObject({
        status: 400,
        body: { error: 'Backup ID required' },
      });
      const id = await node.failed();
      expect(await node.call('POST', `${BACKUPS}/restore?id=${id}`)).toMatchObject({
        status: 400,
        body: { code: 'backup_failed' },
      });
    },
  );

  says('404 - Backup not found', 'restore, delete and download-token of an unknown backup', async () => {
    const { call } = await conformanceNode();
    const answers = [
      await call('POST', `${BACKUPS}/restore?id=${UNKNOWN}`),
      await call('DELETE', `${BACKUPS}/delete?id=${UNKNOWN}`),
      await call('POST', `${BACKUPS}/download-token`, { body: { id: UNKNOWN } }),
    ];
    expect(answers.map(({ status }) => status)).toEqual([404, 404, 404]);
    expect(answers[0]?.body).toMatchObject({ code: 'backup_not_found' });
  });

  says('409 - Backup is currently in progress or restoring', 'both are refused', async () => {
    const restore = heldRestore();
    const node = await conformanceNode({ restore: restore.verb });
    const begun = await node.held();
    const busy = { status: 409, body: { code: 'server_busy' } };
    expect(await node.call('POST', `${BACKUPS}/restore?id=${begun.id}`)).toMatchObject(busy);
    await begun.end();
    const restoring = node.call('POST', `${BACKUPS}/restore?id=${begun.id}`);
    await restore.reached;
    expect(await node.call('POST', `${BACKUPS}/restore?id=${begun.id}`)).toMatchObject(busy);
    restore.end();
    await restoring;
  });

  says(
    [
      'Generate Download Token',
      'POST /api/servers/{serverId}/backups/download-token',
      'Generate a signed download token for a backup. Required before downloading.',
      '"id": "backup-uuid-1"',
    ],
    'takes the id in the body; 400 without one',
    async () => {
      const node = await conformanceNode();
      const id = await node.made();
      expect((await node.call('POST', `${BACKUPS}/download-token`, { body: { id } })).status).toBe(200);
      expect(await node.call('POST', `${BACKUPS}/download-token`, { body: {} })).toMatchObject({
        status: 400,
        body: { error: 'Backup ID required' },
      });
    },
  );

  says(
    [
      'Signed download token (expires in 5 minutes)',
      '"token": "base64url-encoded-signed-token",',
      '- Download tokens expire after 5 minutes for security',
    ],
    'is base64url; it works until the last second of five minutes, and then is 401',
    async () => {
      const node = await conformanceNode();
      const { token } = await tokenFor(node, await node.made());
      expect(token).toMatch(/^[A-Za-z0-9_-]+$/);
      const url = `${BACKUPS}/download?token=${token}`;
      node.clock.advance(299_000);
      expect((await node.call('GET', url, { token: '' })).status).toBe(200);
      node.clock.advance(1000);
      expect((await node.call('GET', url, { token: '' })).status).toBe(401);
    },
  );

  says(['Unix timestamp when token expires', '"expiresAt": 1705329600,'], 'in whole seconds', async () => {
    const node = await conformanceNode();
    const { expiresAt } = await tokenFor(node, await node.made());
    expect(expiresAt).toBe(Date.UTC(2026, 0, 1) / 1000 + 300);
  });

  says(
    [
      'Complete download URL with token',
      '"downloadUrl": "/api/servers/server-uuid/backups/download?token=base64url-encoded-signed-token"',
    ],
    'is the path as shown; whole where the operator told the node its public address',
    async () => {
      const node = await conformanceNode();
      const { token, downloadUrl } = await tokenFor(node, await node.made());
      expect(downloadUrl).toBe(`${BACKUPS}/download?token=${token}`);
      const known = await conformanceNode({ publicUrl: 'https://backups.example' });
      expect((await tokenFor(known, await known.made())).downloadUrl).toMatch(
        /^https:\/\/backups\.example\/api\/servers\//,
      );
    },
  );

  says(
    [
      'Download Backup',
      'GET /api/servers/{serverId}/backups/download?token={token}',
      'Download a backup file using a signed token. Token must be generated first.',
      'Signed download token from download-token endpoint',
    ],
    'sends the archive for the token',
    async () => {
      const node = await conformanceNode();
      const { downloadUrl } = await tokenFor(node, await node.made());
      const answer = await node.call('GET', downloadUrl, { token: '' });
      expect(answer.status).toBe(200);
      expect(answer.text).toContain(`archive of /srv/${SERVER}`);
    },
  );

  says(
    'No session authentication required - uses signed token instead.',
    'needs no bearer token, and a bearer token alone opens nothing',
    async () => {
      const node = await conformanceNode();
      const { downloadUrl } = await tokenFor(node, await node.made());
      expect((await node.call('GET', downloadUrl, { token: '' })).status).toBe(200);
      expect((await node.call('GET', `${BACKUPS}/download`)).status).toBe(401);
    },
  );

  says(
    'Returns the backup file as application/gzip with filename {backupId}.tar.gz.',
    'in Content-Type and Content-Disposition',
    async () => {
      const node = await conformanceNode();
      const id = await node.made();
      const { headers } = await node.call('GET', (await tokenFor(node, id)).downloadUrl, { token: '' });
      expect(headers.get('content-type')).toBe('application/gzip');
      expect(headers.get('content-disposition')).toBe(`attachment; filename="${id}.tar.gz"`);
    },
  );

  says('400 - Invalid token type', 'a genuine token that is for something else', async () => {
    const node = await conformanceNode();
    const grant = { purpose: 'file', server: SERVER, backup: await node.made(), expiresAt: 2 ** 40 };
    const token = signDownloadToken(grant, KEY);
    expect(await node.call('GET', `${BACKUPS}/download?token=${token}`, { token: '' })).toMatchObject({
      status: 400,
      body: { error: 'Invalid token type' },
    });
  });

  says('401 - Download token required or token expired/invalid', 'in these words', async () => {
    const node = await conformanceNode();
    const answer = async (query: string) => {
      const { status, body } = await node.call('GET', `${BACKUPS}/download${query}`, { token: '' });
      return [status, (body as { error: string }).error];
    };
    expect(await answer('')).toEqual([401, 'Download token required']);
    expect(await answer('?token=forged')).toEqual([401, 'Invalid or expired download token']);
    const { token } = await tokenFor(node, await node.made());
    node.clock.advance(300_000);
    expect(await answer(`?token=${token}`)).toEqual([401, 'Invalid or expired download token']);
  });

  says('403 - Token not valid for this server', 'a genuine token in another server’s address', async () => {
    const node = await conformanceNode();
    const { token } = await tokenFor(node, await node.made());
    const other: ServerId = serverId(2);
    expect(
      await node.call('GET', `/api/servers/${other}/backups/download?token=${token}`, { token: '' }),
    ).toMatchObject({
      status: 403,
      body: { error: 'Token not valid for this server' },
    });
  });

  says(
    [
      'Delete Backup',
      'DELETE /api/servers/{serverId}/backups/delete?id={backupId}',
      'Permanently delete a backup. Cannot delete locked backups.',
    ],
    'the record and all that lies in the store are gone',
    async () => {
      const node = await conformanceNode();
      const id = await node.made();
      expect(node.memory.objects.size).toBeGreaterThan(0);
      expect(await node.call('DELETE', `${BACKUPS}/delete?id=${id}`)).toMatchObject({
        status: 200,
        body: { success: true },
      });
      expect(node.memory.objects.size).toBe(0);
      expect((await node.call('GET', BACKUPS)).body).toEqual([]);
    },
  );

  says('400 - Backup ID required or node offline', 'in these words', async () => {
    const { call } = await conformanceNode();
    expect(await call('DELETE', `${BACKUPS}/delete`)).toMatchObject({
      status: 400,
      body: { error: 'Backup ID required' },
    });
  });

  says(
    ['403 - Cannot delete locked backup', '- Locked backups cannot be deleted until unlocked'],
    'and once unlocked they can',
    async () => {
      const node = await conformanceNode();
      const id = await node.made({ locked: true });
      const remove = () => node.call('DELETE', `${BACKUPS}/delete?id=${id}`);
      expect(await remove()).toMatchObject({ status: 403, body: { code: 'backup_locked' } });
      expect((await node.call('PATCH', `${BACKUPS}/lock?id=${id}`, { body: { locked: false } })).status).toBe(200);
      expect((await remove()).status).toBe(200);
    },
  );

  says(
    workflowLines(),
    'the printed commands work with curl, with only the host, the ids and the token changed',
    runWorkflow,
  );

  says('- Backups are stored as gzipped tar archives (.tar.gz)', 'as tar itself reads it from the store', async () => {
    const host = await scratchHost();
    const { call } = await runDaemonOn(host);
    const { id } = (await call(`/api/servers/${GAME_SERVER}/backups`, { body: {} })).body as BackupObject;
    const archive = `${host.backups}/${GAME_SERVER}/${id}.tar.gz`;
    expect(execFileSync('tar', ['-tzf', archive], { encoding: 'utf8' })).toContain('world/level.dat\n');
  });

  says('- Backups in progress or restoring cannot be deleted', 'both are 409', async () => {
    const restore = heldRestore();
    const node = await conformanceNode({ restore: restore.verb });
    const begun = await node.held();
    const remove = () => node.call('DELETE', `${BACKUPS}/delete?id=${begun.id}`);
    expect(await remove()).toMatchObject({ status: 409, body: { code: 'server_busy' } });
    await begun.end();
    const restoring = node.call('POST', `${BACKUPS}/restore?id=${begun.id}`);
    await restore.reached;
    expect(await remove()).toMatchObject({ status: 409, body: { code: 'server_busy' } });
    restore.end();
    await restoring;
  });

  says('- Failed backups can be deleted but not restored', 'restore is 400, delete 200', async () => {
    const node = await conformanceNode();
    const id = await node.failed();
    expect((await node.call('POST', `${BACKUPS}/restore?id=${id}`)).status).toBe(400);
    expect((await node.call('DELETE', `${BACKUPS}/delete?id=${id}`)).status).toBe(200);
  });

  says(
    '- Server status is automatically set to RESTORING during restoration',
    'and back to READY afterwards',
    async () => {
      const restore = heldRestore();
      const node = await conformanceNode({ restore: restore.verb });
      const id = await node.made();
      const statusOf = async () =>
        ((await node.call('GET', `/api/servers/${SERVER}`)).body as { status: string }).status;
      const restoring = node.call('POST', `${BACKUPS}/restore?id=${id}`);
      await restore.reached;
      expect(await statusOf()).toBe('RESTORING');
      restore.end();
      await restoring;
      expect(await statusOf()).toBe('READY');
    },
  );
});

test('the workflow in the document has six steps', () => {
  expect(workflowLines().filter((line) => /^# \d\./.test(line))).toHaveLength(6);
});

interface TokenObject {
  readonly token: string;
  readonly expiresAt: number;
  readonly downloadUrl: string;
}

async function tokenFor({ call }: Awaited<ReturnType<typeof conformanceNode>>, id: string): Promise<TokenObject> {
  return (await call('POST', `${BACKUPS}/download-token`, { token: ADMIN, body: { id } })).body as TokenObject;
}

function workflow(): string {
  const text = readFileSync(new URL('documents/stellarstack-backups.txt', import.meta.url), 'utf8');
  return text.slice(text.indexOf('# 1. Create a backup'), text.indexOf('Notes\n'));
}

function workflowLines(): string[] {
  return workflow()
    .split('\n')
    .filter((line) => !/^[{}]*$/.test(line));
}

/** Six commands: create, list, token, download, restore, delete. */
async function runWorkflow(context: TestContext): Promise<void> {
  needsProgram(context, 'curl');
  const host = await scratchHost();
  const { url, call } = await runDaemonOn(host);
  const made = (await call(`/api/servers/${GAME_SERVER}/backups`, { body: { name: 'old' } })).body as BackupObject;
  const replaced = new Map([
    ['https://api.stellarstack.io', url],
    ['server-uuid', GAME_SERVER],
    ['YOUR_TOKEN', TOKEN],
    ['backup-456', made.id],
  ]);
  const run = async (command: string): Promise<string> => {
    const whole = [...replaced].reduce((text, [from, to]) => text.replaceAll(from, to), command);
    const quiet = whole.replace(/^curl /, 'curl --silent --show-error --fail ');
    // The daemon is in this process: it must not be kept from answering.
    return (await promisify(execFile)('sh', ['-c', quiet], { cwd: host.directory, signal: context.signal })).stdout;
  };
  const [create = '', list = '', token = '', download = '', restore = '', remove = ''] = workflow()
    .split(/^#.*\n/m)
    .filter((part) => part.startsWith('curl'))
    .map((part) => part.trim());

  const created = JSON.parse(await run(create)) as BackupObject & { readonly status: string };
  expect(created).toMatchObject({ status: 'COMPLETED', name: 'Pre-update backup', ignoredFiles: ['*.log', 'cache/*'] });
  expect(created.isLocked).toBe(false);
  replaced.set('backup-123', created.id);
  expect((JSON.parse(await run(list)) as BackupObject[]).map(({ id }) => id)).toEqual([created.id, made.id]);
  const issued = JSON.parse(await run(token)) as TokenObject;
  expect(issued.downloadUrl).toContain(issued.token);
  replaced.set('abc...', issued.token);
  await run(download);
  // Old and new curl name the file differently: with the query, and without.
  const saved = readdirSync(host.directory).find((name) => name.startsWith('download')) ?? '';
  expect(execFileSync('tar', ['-tzf', saved], { cwd: host.directory, encoding: 'utf8' })).toContain('world/level.dat');
  expect(JSON.parse(await run(restore))).toMatchObject({ success: true, message: 'Backup restored successfully' });
  expect(JSON.parse(await run(remove))).toEqual({ success: true });
  expect((JSON.parse(await run(list)) as BackupObject[]).map(({ id }) => id)).toEqual([created.id]);
}
