/** The Pterodactyl client API for backups, in the order of its document. */
import { execFile, execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'vitest';
import { needsProgram } from '../support/programs.ts';
import { Failure, type FailureCode } from '../../src/base/failure.ts';
import { parseConfig } from '../../src/config/config.ts';
import { PERMISSIONS } from '../../src/config/types.ts';
import { judgeRetention, type RetentionRules } from '../../src/policy/retention.ts';
import { GAME_SERVER, runDaemonOn, scratchHost, TOKEN } from '../support/daemon.ts';
import { openNativeApp, tokenWith } from '../support/native-app.ts';
import { backupId, SERVER, serverId } from '../support/node.ts';
import * as scripted from '../support/scripted-service.ts';
import { eventually } from '../support/eventually.ts';
import { conformanceNode, heldRestore } from './node.ts';
import { walkDocument } from './document.ts';

const BACKUPS = `/api/client/servers/${SERVER}/backups`;
const SHORT = `/api/client/servers/${SERVER.slice(0, 8)}/backups`;
const SECRET = 'secret-of-sixteen-or-more';
const UNKNOWN = backupId(404);
const NO_RULES: RetentionRules = { keepLast: 0, keepDays: 0, keepDaily: 0, keepWeekly: 0, keepMonthly: 0 };
const LIVE = `/api/client/servers/${GAME_SERVER}/backups`;

interface Attributes {
  readonly is_successful: boolean | null;
  readonly uuid: string;
  readonly ignored_files: readonly string[];
  readonly completed_at: string | null;
  readonly is_locked: boolean;
}

interface Answered {
  readonly status: number;
  readonly body: unknown;
}

const attributesOf = ({ body }: Answered): Attributes => (body as { attributes: Attributes }).attributes;
const listed = ({ body }: Answered): Attributes[] =>
  (body as { data: { attributes: Attributes }[] }).data.map(({ attributes }) => attributes);

function refusal(status: number, code: string, detail: unknown = expect.any(String)) {
  return { status, body: { errors: [{ code, status: `${status}`, detail }] } };
}

walkDocument('pterodactyl-client-backups', ({ says, layout }) => {
  layout([
    'Skip to main content',
    'Version: v1.0+',
    'Backup Management',
    'Manage server backups including creation, downloads, and backup operations.',
    'URL Parameters',
    'ParameterTypeDescription',
    'Example Request',
    'Example Response',
    'Backup Object Attributes',
    'FieldDescription',
    'Request Body',
    'FieldTypeRequiredDescription',
    'Success Response',
    'Backup Process',
    'Error Responses',
    'Download URL Properties',
    'Using the Download URL',
    'Warning',
    'Important',
    'Restore Process',
    'Backup Best Practices',
    'Scheduling Backups',
    'File Management',
    'Security',
    'Performance',
    'Backup Limits and Storage',
    'Default Limits',
    'ResourceDefault LimitDescription',
    'Storage Backends',
    'BackendFeaturesPerformance',
    'Backup Lifecycle',
    'Common Error Codes',
    'StatusCodeDescription',
    'Required Permissions',
    'PermissionDescription',
    'Monitoring Backup Status',
    'Backup States',
    'StateDescriptionActions Available',
    'Checking Progress',
    // Where the live panel's own source has these things.
    'Source References',
    'Controller: BackupController',
    'Routes: api-client.php - Backup endpoints',
    'Backup Model: Backup.php',
    'Backup Service: BackupService',
    'Wings Integration: Wings Server Code - Backup creation',
    'Next Steps',
  ]);

  says(
    ['List Backups', 'Retrieve all backups for a server.', 'GET /api/client/servers/{server}/backups'],
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
      expect(listed(answer).map(({ uuid }) => uuid)).toEqual([second, first]);
    },
  );

  says(
    'serverstringServer identifier (UUID or short ID)',
    'both name the server; a short id that two servers begin with names none',
    async () => {
      const node = await conformanceNode();
      const id = await node.made();
      for (const url of [BACKUPS, SHORT]) expect(listed(await node.call('GET', url))).toMatchObject([{ uuid: id }]);
      await (
        await node.service.create({ server: serverId(2) })
      ).ended;
      expect(await node.call('GET', SHORT)).toMatchObject(refusal(404, 'NotFoundHttpException'));
    },
  );

  says(
    [
      'curl "https://your-panel.com/api/client/servers/d3aac109/backups" \\',
      '-H "Authorization: Bearer ptlc_YOUR_API_KEY" \\',
      '-H "Accept: Application/vnd.pterodactyl.v1+json" \\',
      '-H "Content-Type: application/json"',
    ],
    'is understood as printed: the token as API key, the short id, both headers',
    async () => {
      const tokens = [tokenWith('panel', 'ptlc_secret-of-sixteen-or-more')];
      const node = await conformanceNode({ tokens });
      await node.made();
      const headers = { accept: 'Application/vnd.pterodactyl.v1+json', 'content-type': 'application/json' };
      const answer = await node.call('GET', SHORT, { token: 'ptlc_secret-of-sixteen-or-more', headers });
      expect(answer.status).toBe(200);
      expect(answer.headers.get('content-type')).toMatch(/^application\/json/);
    },
  );

  says(
    ['"object": "list",', '"data": [', '"object": "backup",', '"attributes": {'],
    'is the JSON:API shape of the list and of each backup',
    async () => {
      const node = await conformanceNode();
      await node.made();
      expect((await node.call('GET', BACKUPS)).body).toMatchObject({
        object: 'list',
        data: [{ object: 'backup', attributes: expect.any(Object) }],
      });
    },
  );

  says(
    [
      '"uuid": "a4962fe6-90c8-4b89-ba62-a5d3b06426c0",',
      '"name": "Weekly Backup - 2023-10-20",',
      '"ignored_files": [',
      '"*.log",',
      '"cache/*",',
      '"temp/*"',
      '"sha256_hash": "a1b2c3d4e5f6789012345678901234567890abcdef1234567890abcdef123456",',
      '"bytes": 1073741824,',
      '"created_at": "2023-10-20T14:30:00+00:00",',
      '"completed_at": "2023-10-20T14:35:22+00:00",',
      '"is_successful": true,',
      '"is_locked": false',
    ],
    'a completed backup has each field in this form; `checksum`, as the live panel shows it, stands beside the hash',
    async () => {
      const node = await conformanceNode();
      const ignore = ['*.log', 'cache/*', 'temp/*'];
      const id = await node.made({ name: 'Weekly Backup - 2023-10-20', ignore });
      const [attributes] = listed(await node.call('GET', BACKUPS));
      const { sha256, size } = node.catalogue.backups.get(id);
      expect(attributes).toEqual({
        uuid: id,
        name: 'Weekly Backup - 2023-10-20',
        ignored_files: ignore,
        sha256_hash: sha256,
        checksum: `sha256:${sha256}`,
        bytes: size,
        created_at: '2026-01-01T00:00:00+00:00',
        completed_at: '2026-01-01T00:00:00+00:00',
        is_successful: true,
        is_locked: false,
      });
    },
  );

  says(
    [
      '"uuid": "b7823cd9-45e1-4c23-9a84-c8d5f06b93a1",',
      '"name": "Pre-Update Backup",',
      '"ignored_files": [],',
      '"sha256_hash": "x9y8z7w6v5u4t3s2r1q0p9o8n7m6l5k4j3i2h1g0f9e8d7c6b5a4930291f82d1",',
      '"bytes": 524288000,',
      '"created_at": "2023-10-18T09:15:00+00:00",',
      '"completed_at": "2023-10-18T09:20:45+00:00",',
      '"is_locked": true',
    ],
    'a locked backup without patterns',
    async () => {
      const node = await conformanceNode();
      await node.made({ name: 'Pre-Update Backup', locked: true });
      expect(listed(await node.call('GET', BACKUPS))).toMatchObject([
        { name: 'Pre-Update Backup', ignored_files: [], is_locked: true, is_successful: true },
      ]);
    },
  );

  says(
    [
      '"uuid": "c3948f1a-67b2-4d89-8c45-a1b2c3d4e5f6",',
      '"name": "Failed Backup Attempt",',
      '"sha256_hash": null,',
      '"bytes": 0,',
      '"created_at": "2023-10-15T12:00:00+00:00",',
      '"completed_at": null,',
      '"is_successful": false,',
    ],
    'a failed backup has no hash, no bytes and no end',
    async () => {
      const node = await conformanceNode();
      await node.failed({ name: 'Failed Backup Attempt' });
      expect(listed(await node.call('GET', BACKUPS))).toMatchObject([
        {
          name: 'Failed Backup Attempt',
          sha256_hash: null,
          checksum: null,
          bytes: 0,
          completed_at: null,
          is_successful: false,
        },
      ]);
    },
  );

  says(
    [
      '"meta": {',
      '"pagination": {',
      '"total": 3,',
      '"count": 3,',
      '"per_page": 25,',
      '"current_page": 1,',
      '"total_pages": 1,',
      '"links": {}',
    ],
    'pages of 25; `page` and `per_page` (50 at most) choose another, and `links` lead to the neighbours',
    async () => {
      const node = await conformanceNode();
      for (const _ of Array(3)) await node.made();
      const pagination = { total: 3, count: 3, per_page: 25, current_page: 1, total_pages: 1, links: {} };
      expect((await node.call('GET', BACKUPS)).body).toMatchObject({ meta: { pagination } });
      const second = await node.call('GET', `${BACKUPS}?page=2&per_page=1`);
      expect(second.body).toMatchObject({
        data: [expect.any(Object)],
        meta: {
          pagination: {
            total: 3,
            count: 1,
            per_page: 1,
            current_page: 2,
            total_pages: 3,
            links: {
              previous: `http://node.test${BACKUPS}?page=1&per_page=1`,
              next: `http://node.test${BACKUPS}?page=3&per_page=1`,
            },
          },
        },
      });
      expect((await node.call('GET', `${BACKUPS}?page=9`)).body).toMatchObject({ data: [] });
      expect((await node.call('GET', `${BACKUPS}?per_page=500`)).body).toMatchObject({
        meta: { pagination: { per_page: 50 } },
      });
    },
  );

  says('uuidUnique backup identifier', 'no two are alike', async () => {
    const node = await conformanceNode();
    expect(await node.made()).not.toBe(await node.made());
  });

  says('nameBackup name/description', 'is the name that was given', async () => {
    const node = await conformanceNode();
    await node.made({ name: 'Größer 世界' });
    expect(listed(await node.call('GET', BACKUPS))).toMatchObject([{ name: 'Größer 世界' }]);
  });

  says(
    'ignored_filesArray of file patterns excluded from backup',
    'the list that really counted, also the server’s own',
    async () => {
      const node = await conformanceNode();
      node.archive.ignoreFile = ['*.own'];
      await node.made();
      expect(listed(await node.call('GET', BACKUPS))).toMatchObject([{ ignored_files: ['*.own'] }]);
    },
  );

  says(
    'sha256_hashSHA256 hash of backup file (null for failed backups)',
    'is the hash of the file that is downloaded',
    async () => {
      const host = await scratchHost();
      const { call } = await runDaemonOn(host);
      const { uuid } = await completed(call);
      const archive = join(host.backups, GAME_SERVER, `${uuid}.tar.gz`);
      const [hash] = execFileSync('sha256sum', [archive], { encoding: 'utf8' }).split(' ');
      expect((await call(`${LIVE}/${uuid}`)).body).toMatchObject({ attributes: { sha256_hash: hash } });
    },
  );

  says('bytesBackup file size in bytes', 'is the size of the archive', async () => {
    const node = await conformanceNode();
    const id = await node.made();
    const archive = [...node.memory.objects].find(([key]) => key.endsWith('.tar.gz'));
    expect((await node.call('GET', `${BACKUPS}/${id}`)).body).toMatchObject({
      attributes: { bytes: archive?.[1].byteLength },
    });
  });

  says(
    ['created_atBackup creation start time', 'completed_atBackup completion time (null for failed/in-progress)'],
    'the moments of the request and of the end',
    async () => {
      const node = await conformanceNode();
      const begun = await node.held();
      node.clock.advance(322_000);
      const before = await node.call('GET', `${BACKUPS}/${begun.id}`);
      expect(attributesOf(before)).toMatchObject({ created_at: '2026-01-01T00:00:00+00:00', completed_at: null });
      await begun.end();
      const after = await node.call('GET', `${BACKUPS}/${begun.id}`);
      expect(attributesOf(after)).toMatchObject({ completed_at: '2026-01-01T00:05:22+00:00' });
      expect(attributesOf(await node.call('GET', `${BACKUPS}/${await node.failed()}`)).completed_at).toBeNull();
    },
  );

  says(
    ['is_successfulWhether backup completed successfully', '"is_successful": null,'],
    'null while it is being made, then true or false',
    async () => {
      const node = await conformanceNode();
      const begun = await node.held();
      const successOf = async (id: string) => attributesOf(await node.call('GET', `${BACKUPS}/${id}`));
      expect(await successOf(begun.id)).toMatchObject({ is_successful: null });
      await begun.end();
      expect(await successOf(begun.id)).toMatchObject({ is_successful: true });
      expect(await successOf(await node.failed())).toMatchObject({ is_successful: false });
    },
  );

  says('is_lockedWhether backup is locked from deletion', 'and a locked one is not deleted', async () => {
    const node = await conformanceNode();
    const id = await node.made({ locked: true });
    expect(attributesOf(await node.call('GET', `${BACKUPS}/${id}`)).is_locked).toBe(true);
    expect((await node.call('DELETE', `${BACKUPS}/${id}`)).status).toBe(400);
  });

  says(
    [
      'Get Backup Details',
      'Retrieve detailed information about a specific backup.',
      'GET /api/client/servers/{server}/backups/{backup}',
      'backupstringBackup UUID',
      'curl "https://your-panel.com/api/client/servers/d3aac109/backups/a4962fe6-90c8-4b89-ba62-a5d3b06426c0" \\',
    ],
    'answers 200 with the object that the list holds; 404 for what is no UUID',
    async () => {
      const node = await conformanceNode();
      const id = await node.made();
      const [inList] = listed(await node.call('GET', BACKUPS));
      const answer = await node.call('GET', `${SHORT}/${id}`);
      expect(answer).toMatchObject({ status: 200, body: { object: 'backup', attributes: inList } });
      expect(await node.call('GET', `${BACKUPS}/nightly`)).toMatchObject(refusal(404, 'NotFoundHttpException'));
    },
  );

  says(
    ['Create Backup', 'Create a new backup of the server.', 'POST /api/client/servers/{server}/backups'],
    'makes a backup, which comes to an end without the caller',
    async () => {
      const { call, runner, catalogue } = await conformanceNode();
      const { uuid } = attributesOf(await call('POST', BACKUPS));
      await eventually(() => runner.open().length === 0);
      expect(catalogue.backups.list()).toMatchObject([{ id: uuid, status: 'COMPLETED' }]);
    },
  );

  says(
    'namestringNoBackup name (auto-generated if not provided)',
    'without one, with null and with a blank one',
    async () => {
      for (const body of [undefined, {}, { name: null }, { name: '  ' }]) {
        const node = await conformanceNode();
        const answer = await node.call('POST', BACKUPS, { body });
        expect(answer.body).toMatchObject({ attributes: { name: 'Backup 2026-01-01' } });
        await eventually(() => node.runner.open().length === 0);
      }
    },
  );

  says(
    [
      'ignoredstringNoFile patterns to exclude (one per line)',
      'Ignored Files Format',
      'Specify file patterns to exclude from the backup, one pattern per line:',
      '"ignored": "*.log\\ncache/*\\ntemp/*\\n*.tmp",',
      '"temp/*",',
      '"*.tmp"',
    ],
    'each line is a pattern; empty lines and the line ends of Windows count for nothing',
    async () => {
      const node = await conformanceNode();
      const answer = await node.call('POST', BACKUPS, { body: { ignored: '*.log\r\n\ncache/*\ntemp/*\n*.tmp\n' } });
      expect(attributesOf(answer).ignored_files).toEqual(['*.log', 'cache/*', 'temp/*', '*.tmp']);
      await eventually(() => node.runner.open().length === 0);
      expect(node.archive.writes[0]?.ignore).toEqual(['*.log', 'cache/*', 'temp/*', '*.tmp']);
    },
  );

  says(
    'is_lockedbooleanNoWhether to lock backup from deletion (default: false)',
    'false unless asked for',
    async () => {
      for (const [body, locked] of [
        [{}, false],
        [{ is_locked: false }, false],
        [{ is_locked: true }, true],
      ] as const) {
        const node = await conformanceNode();
        expect(attributesOf(await node.call('POST', BACKUPS, { body })).is_locked).toBe(locked);
        await eventually(() => node.runner.open().length === 0);
      }
    },
  );

  says(
    [
      'curl -X POST "https://your-panel.com/api/client/servers/d3aac109/backups" \\',
      '-H "Content-Type: application/json" \\',
      "-d '{",
      '"name": "Pre-maintenance backup",',
      "}'",
      '"uuid": "d5a847b2-89c3-4f12-a456-789abc0def12",',
      '"created_at": "2023-10-21T10:30:00+00:00",',
    ],
    'is answered 200 at once, with the object as it is while it is being made',
    async () => {
      const node = await conformanceNode();
      const body = { name: 'Pre-maintenance backup', ignored: '*.log\ncache/*\ntemp/*\n*.tmp', is_locked: true };
      const begun = await node.held(() => node.call('POST', BACKUPS, { body }));
      const answer = (await begun.answer) as Answered;
      expect(answer.status).toBe(200);
      expect(answer.body).toEqual({
        object: 'backup',
        attributes: {
          uuid: begun.id,
          name: 'Pre-maintenance backup',
          ignored_files: ['*.log', 'cache/*', 'temp/*', '*.tmp'],
          sha256_hash: null,
          checksum: null,
          bytes: 0,
          created_at: '2026-01-01T00:00:00+00:00',
          completed_at: null,
          is_successful: null,
          is_locked: true,
        },
      });
      await begun.end();
    },
  );

  const PATTERNS = [
    '*.log',
    '*.tmp',
    'cache/*',
    'temp/*',
    'node_modules/*',
    '.git/*',
    'logs/*.log',
    'backups/*',
    '*.cache',
  ];
  says(
    [...PATTERNS, '• Exclude unnecessary files: Use ignored patterns for logs, cache, temporary files'],
    'these patterns leave out what they name, and nothing else',
    async () => {
      const host = await scratchHost();
      const left = [
        'a.log',
        'b.tmp',
        'cache/c',
        'temp/d',
        'node_modules/e',
        '.git/f',
        'logs/g.log',
        'backups/h',
        'i.cache',
      ];
      for (const file of [...left, 'logs/kept.txt', 'cache.txt']) {
        execFileSync('mkdir', ['-p', join(host.server, file, '..')]);
        writeFileSync(join(host.server, file), 'x');
      }
      const { call } = await runDaemonOn(host);
      const { uuid } = await completed(call, { ignored: PATTERNS.join('\n') });
      const names = execFileSync('tar', ['-tzf', join(host.backups, GAME_SERVER, `${uuid}.tar.gz`)], {
        encoding: 'utf8',
      });
      const files = names.split('\n').filter((name) => name !== '' && !name.endsWith('/'));
      expect(files.sort()).toEqual(['cache.txt', 'eula.txt', 'logs/kept.txt', 'world/level.dat']);
    },
  );

  says(
    [
      '1. Initiation: Backup request is queued',
      '2. Processing: Server files are compressed and archived',
      '3. Completion: Backup is stored and hash is calculated',
      '4. Notification: Backup status is updated',
      '1. Creation: Backup is queued and processed',
      '2. Storage: Backup is stored in configured backend',
    ],
    'in this order: a job and a row, an archive in the configured store, the hash, and an event',
    async () => {
      const node = await conformanceNode({ concurrent: 1 });
      const other = await node.held(() => node.service.create({ server: serverId(1) }));
      const { uuid } = attributesOf(await node.call('POST', BACKUPS.replace(SERVER, serverId(2))));
      expect(node.service.jobs({ server: serverId(2) })).toMatchObject([
        { kind: 'backup', state: 'queued', backup: uuid },
      ]);
      await other.end();
      await eventually(() => node.runner.open().length === 0);
      const record = node.catalogue.backups.list({ server: serverId(2) });
      expect(record).toMatchObject([
        { id: uuid, status: 'COMPLETED', store: node.memory.name, sha256: expect.any(String) },
      ]);
      expect([...node.memory.objects.keys()]).toContain(`${serverId(2)}/${uuid}.tar.gz`);
      const events = node.told.filter(({ backup }) => backup === uuid).map(({ type }) => type);
      expect([events[0], events.at(-1)]).toEqual(['backup.started', 'backup.completed']);
    },
  );

  says(
    [
      '"errors": [',
      'Backup Limit Reached (400)',
      '"code": "TooManyBackupsException",',
      '"status": "400",',
      '"detail": "This server has reached its backup limit."',
      '400TooManyBackupsExceptionBackup limit reached',
    ],
    'exactly this body',
    async () => {
      const node = await conformanceNode({ limits: { perServer: 1 } });
      await node.made();
      expect(await node.call('POST', BACKUPS)).toMatchObject(
        refusal(400, 'TooManyBackupsException', 'This server has reached its backup limit.'),
      );
    },
  );

  says(
    [
      'Server Busy (409)',
      '"code": "ConflictingServerStateException",',
      '"status": "409",',
      '"detail": "Cannot create backup while another backup is in progress."',
      '409ConflictingServerStateExceptionServer state prevents operation',
      'Concurrent backups1Per server',
    ],
    'exactly this body; another server’s backup is no obstacle',
    async () => {
      const node = await conformanceNode();
      const begun = await node.held();
      expect(await node.call('POST', BACKUPS)).toMatchObject(
        refusal(409, 'ConflictingServerStateException', 'Cannot create backup while another backup is in progress.'),
      );
      expect((await node.call('POST', BACKUPS.replace(SERVER, serverId(2)))).status).toBe(200);
      await begun.end();
      await eventually(() => node.runner.open().length === 0);
    },
  );

  says(
    [
      'Insufficient Storage (507)',
      '"code": "InsufficientStorageException",',
      '"status": "507",',
      '"detail": "Not enough storage space available for backup."',
      '507InsufficientStorageExceptionNot enough storage space',
    ],
    'exactly this body, before a row is made',
    async () => {
      const node = await conformanceNode({ limits: { reserveFree: 1000 } });
      node.memory.capacity = 1000;
      expect(await node.call('POST', BACKUPS)).toMatchObject(
        refusal(507, 'InsufficientStorageException', 'Not enough storage space available for backup.'),
      );
      expect(node.catalogue.backups.list()).toEqual([]);
    },
  );

  says(
    [
      'Download Backup',
      'Get a download URL for a backup file.',
      'GET /api/client/servers/{server}/backups/{backup}/download',
      'curl "https://your-panel.com/api/client/servers/d3aac109/backups/a4962fe6-90c8-4b89-ba62-a5d3b06426c0/download" \\',
      '"object": "signed_url",',
      '"url": "https://s3.amazonaws.com/backups/servers/d3aac109/backup_a4962fe6.tar.gz?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20231020%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20231020T143000Z&X-Amz-Expires=3600&X-Amz-SignedHeaders=host&X-Amz-Signature=abcd1234..."',
    ],
    'is a whole URL, of the node itself',
    async () => {
      const node = await conformanceNode();
      expect(await urlOf(node, await node.made())).toMatch(/^http:\/\/node\.test\/api\/servers\/.*\/download\?token=/);
      const known = await conformanceNode({ publicUrl: 'https://backups.example' });
      expect(await urlOf(known, await known.made())).toMatch(/^https:\/\/backups\.example\//);
    },
  );

  says('• Validity: URLs expire after 1 hour', 'to the second', async () => {
    const node = await conformanceNode();
    const path = (await urlOf(node, await node.made())).replace('http://node.test', '');
    node.clock.advance(3_599_000);
    expect((await node.call('GET', path, { token: '' })).status).toBe(200);
    node.clock.advance(1000);
    expect((await node.call('GET', path, { token: '' })).status).toBe(401);
  });

  says('• Single use: Each request generates a new URL', 'no two are alike, also within one second', async () => {
    const node = await conformanceNode();
    const id = await node.made();
    expect(await urlOf(node, id)).not.toBe(await urlOf(node, id));
  });

  says(
    [
      "• Authentication: URLs are pre-signed and don't require additional auth",
      '# Download using curl',
      'curl -L "https://s3.amazonaws.com/backups/..." -o backup.tar.gz',
      '# Download using wget',
      'wget "https://s3.amazonaws.com/backups/..." -O backup.tar.gz',
      '• File format: Backups are provided as compressed tar.gz files',
    ],
    'curl saves the archive with the URL alone, and tar reads it',
    async (context) => {
      needsProgram(context, 'curl');
      const host = await scratchHost();
      const { call } = await runDaemonOn(host);
      const { uuid } = await completed(call);
      const { attributes } = (await call(`${LIVE}/${uuid}/download`)).body as { attributes: { url: string } };
      const options = { cwd: host.directory, signal: context.signal };
      await promisify(execFile)('curl', ['-sSf', '-L', attributes.url, '-o', 'backup.tar.gz'], options);
      const names = execFileSync('tar', ['-tzf', join(host.directory, 'backup.tar.gz')], { encoding: 'utf8' });
      expect(names).toContain('world/level.dat');
    },
  );

  says(
    [
      'Backup Not Ready (400)',
      '"code": "BackupNotCompletedException",',
      '"detail": "This backup has not completed yet and cannot be downloaded."',
      '"detail": "This backup has not completed yet and cannot be restored."',
      '400BackupNotCompletedExceptionBackup not ready for operation',
    ],
    'exactly these bodies, for the download and for the restore',
    async () => {
      const node = await conformanceNode();
      const begun = await node.held();
      for (const [method, route, done] of [
        ['GET', 'download', 'downloaded'],
        ['POST', 'restore', 'restored'],
      ] as const) {
        const detail = `This backup has not completed yet and cannot be ${done}.`;
        expect(await node.call(method, `${BACKUPS}/${begun.id}/${route}`)).toMatchObject(
          refusal(400, 'BackupNotCompletedException', detail),
        );
      }
      await begun.end();
    },
  );

  says(
    [
      'Backup Failed (400)',
      '"code": "BackupFailedException",',
      '"detail": "This backup failed and cannot be downloaded."',
      '400BackupFailedExceptionBackup creation failed',
    ],
    'exactly this body; a restore of it has the same code',
    async () => {
      const node = await conformanceNode();
      const id = await node.failed();
      expect(await node.call('GET', `${BACKUPS}/${id}/download`)).toMatchObject(
        refusal(400, 'BackupFailedException', 'This backup failed and cannot be downloaded.'),
      );
      expect(await node.call('POST', `${BACKUPS}/${id}/restore`)).toMatchObject(refusal(400, 'BackupFailedException'));
    },
  );

  says(
    [
      'Delete Backup',
      'Permanently delete a backup file.',
      'DELETE /api/client/servers/{server}/backups/{backup}',
      'curl -X DELETE "https://your-panel.com/api/client/servers/d3aac109/backups/c3948f1a-67b2-4d89-8c45-a1b2c3d4e5f6" \\',
      'Success Response (204)',
      'Returns empty response body with status code 204.',
      'Backup deletion is permanent and irreversible. Deleted backups cannot be recovered.',
    ],
    '204 without a body; nothing of it is left in the store',
    async () => {
      const node = await conformanceNode();
      const id = await node.made();
      expect(await node.call('DELETE', `${BACKUPS}/${id}`)).toMatchObject({ status: 204, text: '' });
      expect(node.memory.objects.size).toBe(0);
      expect((await node.call('GET', `${BACKUPS}/${id}`)).status).toBe(404);
    },
  );

  says(
    [
      'Backup Locked (400)',
      '"code": "BackupIsLockedException",',
      '"detail": "This backup is locked and cannot be deleted."',
      '400BackupIsLockedExceptionBackup is locked from deletion',
      '• Lock important backups: Prevent accidental deletion of critical backups',
    ],
    'exactly this body',
    async () => {
      const node = await conformanceNode();
      const id = await node.made({ locked: true });
      expect(await node.call('DELETE', `${BACKUPS}/${id}`)).toMatchObject(
        refusal(400, 'BackupIsLockedException', 'This backup is locked and cannot be deleted.'),
      );
    },
  );

  says(
    ['Backup In Progress (409)', '"detail": "Cannot delete backup while it is being created."'],
    'exactly this body',
    async () => {
      const node = await conformanceNode();
      const begun = await node.held();
      expect(await node.call('DELETE', `${BACKUPS}/${begun.id}`)).toMatchObject(
        refusal(409, 'ConflictingServerStateException', 'Cannot delete backup while it is being created.'),
      );
      await begun.end();
    },
  );

  says(
    [
      'Restore Backup',
      'Restore a server from a backup file. This operation will replace all current server files.',
      'POST /api/client/servers/{server}/backups/{backup}/restore',
      'curl -X POST "https://your-panel.com/api/client/servers/d3aac109/backups/a4962fe6-90c8-4b89-ba62-a5d3b06426c0/restore" \\',
      '"truncate": true',
      'Success Response (202)',
      'Returns empty response body with status code 202 (Accepted).',
    ],
    '202 without a body, before the restore has ended',
    async () => {
      const restore = heldRestore();
      const node = await conformanceNode({ restore: restore.verb });
      const id = await node.made();
      const answer = await node.call('POST', `${BACKUPS}/${id}/restore`, { body: { truncate: true } });
      expect(answer).toMatchObject({ status: 202, text: '' });
      expect(node.service.jobs({ kind: 'restore' })).toMatchObject([{ backup: id, request: { truncate: true } }]);
      restore.end();
      await eventually(() => node.runner.open().length === 0);
    },
  );

  says(
    [
      'truncatebooleanNoWhether to delete existing files before restore (default: true)',
      '2. File Cleanup: Existing files are deleted (if truncate=true)',
      '3. Extraction: Backup files are extracted to server directory',
      'Backup restoration will permanently replace all server files with the backup contents. Make sure to create a backup of the current state if needed.',
    ],
    'without a body what the backup does not hold goes; with false it stays',
    async () => {
      const host = await scratchHost();
      const { call, url } = await runDaemonOn(host);
      const { uuid } = await completed(call);
      const extra = join(host.server, 'extra.txt');
      const restore = async (body?: object) => {
        writeFileSync(extra, 'x');
        writeFileSync(join(host.server, 'eula.txt'), 'changed');
        const headers = { authorization: `Bearer ${TOKEN}` };
        const init = { method: 'POST', headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) };
        expect((await fetch(`${url}${LIVE}/${uuid}/restore`, init)).status).toBe(202);
        await eventually(async () => statusOf(await call(LIVE.replace('/backups', ''))) === null);
        expect(readFileSync(join(host.server, 'eula.txt'), 'utf8')).toBe('eula=true\n');
      };
      await restore({ truncate: false });
      expect(existsSync(extra)).toBe(true);
      await restore();
      expect(existsSync(extra)).toBe(false);
    },
  );

  says(
    ['1. Server Stop: Server is automatically stopped if running', '4. Completion: Server is ready to be started'],
    'the operator’s stop command is run before the first file changes, and the server is started again afterwards',
    async () => {
      const seen = join((await scratchHost()).directory, 'power.log');
      const script = (word: string) => `["sh", "-c", "echo ${word} $(cat {path}/eula.txt) >> ${seen}"]`;
      const host = await scratchHost(`power: { driver: command, stop: ${script('stop')}, start: ${script('start')} }`);
      const { call, url } = await runDaemonOn(host);
      const { uuid } = await completed(call);
      writeFileSync(join(host.server, 'eula.txt'), 'changed\n');
      const headers = { authorization: `Bearer ${TOKEN}` };
      await fetch(`${url}${LIVE}/${uuid}/restore`, { method: 'POST', headers });
      await eventually(async () => statusOf(await call(LIVE.replace('/backups', ''))) === null);
      // The server is started once the restore has ended for all who watch it.
      await eventually(() => readFileSync(seen, 'utf8').includes('start'));
      expect(readFileSync(seen, 'utf8')).toBe('stop changed\nstart eula=true\n');
    },
  );

  says(
    ['Server Installing (409)', '"detail": "Cannot restore backup while server is installing."'],
    'whatever occupies the server is told with this status and code; Roost itself installs nothing',
    async () => {
      const restore = heldRestore();
      const node = await conformanceNode({ restore: restore.verb });
      const id = await node.made();
      await node.call('POST', `${BACKUPS}/${id}/restore`);
      const busy = (detail: string) => refusal(409, 'ConflictingServerStateException', detail);
      expect(await node.call('POST', `${BACKUPS}/${id}/restore`)).toMatchObject(
        busy('Cannot restore backup while server is being restored.'),
      );
      expect(await node.call('POST', BACKUPS)).toMatchObject(
        busy('Cannot create backup while server is being restored.'),
      );
      expect(await node.call('DELETE', `${BACKUPS}/${id}`)).toMatchObject(
        busy('Cannot delete backup while it is being restored.'),
      );
      restore.end();
      await eventually(() => node.runner.open().length === 0);
      const begun = await node.held();
      expect(await node.call('POST', `${BACKUPS}/${id}/restore`)).toMatchObject(
        busy('Cannot restore backup while another backup is in progress.'),
      );
      await begun.end();
      await node.service.setServer(SERVER, { suspended: true });
      expect(await node.call('POST', `${BACKUPS}/${id}/restore`)).toMatchObject(
        busy('Cannot restore backup while server is suspended.'),
      );
    },
  );

  says(
    [
      'Toggle Backup Lock',
      'Toggle backup lock status to prevent accidental deletion. This endpoint toggles the current lock state.',
      'POST /api/client/servers/{server}/backups/{backup}/lock',
      '# Toggle lock status (lock if unlocked, unlock if locked)',
      'curl -X POST "https://your-panel.com/api/client/servers/d3aac109/backups/a4962fe6-90c8-4b89-ba62-a5d3b06426c0/lock" \\',
    ],
    '204 without a body, and the other state each time',
    async () => {
      const node = await conformanceNode();
      const id = await node.made();
      for (const locked of [true, false, true]) {
        expect(await node.call('POST', `${BACKUPS}/${id}/lock`)).toMatchObject({ status: 204, text: '' });
        expect(node.catalogue.backups.get(id).locked).toBe(locked);
      }
    },
  );

  says(
    [
      '• Regular intervals: Create backups on a consistent schedule',
      '• Before updates: Always backup before major changes',
      '• Off-peak hours: Schedule automated backups during low usage periods',
    ],
    'the config takes a schedule for each server, or for all',
    () => {
      const config = configWith(`schedules: [ { server: "*", cron: "0 4 * * *", ignore: ["*.log"] } ]`);
      expect(config.schedules).toMatchObject([{ server: '*', cron: '0 4 * * *', ignore: ['*.log'] }]);
    },
  );

  says(
    ['• Multiple retention: Keep multiple backup generations', 'Backup retention30-90 daysAutomatic cleanup'],
    'the config takes generations and days to keep; nothing is pruned unless the operator says so',
    () => {
      expect(configWith('').retention).toEqual(NO_RULES);
      expect(configWith('retention: { keep_last: 3, keep_days: 90 }').retention).toEqual({
        ...NO_RULES,
        keepLast: 3,
        keepDays: 90,
      });
    },
  );

  says(
    '• Verify integrity: Periodically test backup restoration',
    'an archive that was damaged is found by a verification, and by a restore before it touches a file',
    async () => {
      const host = await scratchHost();
      const { call } = await runDaemonOn(host);
      const { uuid } = await completed(call);
      const archive = join(host.backups, GAME_SERVER, `${uuid}.tar.gz`);
      const bytes = readFileSync(archive);
      bytes.writeUInt8(bytes.readUInt8(bytes.length >> 1) ^ 0xff, bytes.length >> 1);
      writeFileSync(archive, bytes);
      const verified = await call(`/api/servers/${GAME_SERVER}/backups/${uuid}/verify`, { method: 'POST' });
      expect(verified).toMatchObject({ status: 422, body: { code: 'archive_damaged' } });
      expect(await call(`${LIVE}/${uuid}/restore`, { method: 'POST' })).toMatchObject(
        refusal(422, 'UnprocessableEntityHttpException'),
      );
    },
  );

  says(
    '• Optimize size: Regularly clean up large unnecessary files',
    'an estimate names the largest that a pattern leaves out',
    async () => {
      const { call } = await conformanceNode();
      const answer = await call('POST', `/api/servers/${SERVER}/backups/estimate`, { body: { ignore: ['*.log'] } });
      expect(answer.body).toMatchObject({ bytes: expect.any(Number), largestIgnored: [expect.any(Object)] });
    },
  );

  says(
    '• Monitor space: Track backup storage usage and limits',
    'each server’s bytes and each store’s free space can be asked for',
    async () => {
      const node = await conformanceNode();
      await node.made();
      expect((await node.call('GET', `/api/servers/${SERVER}`)).body).toMatchObject({
        backups: 1,
        bytes: expect.any(Number),
      });
      expect((await node.call('GET', '/api/system')).body).toMatchObject({
        stores: [{ freeBytes: expect.any(Number) }],
      });
    },
  );

  says(
    '• Access control: Limit backup access to authorized users only',
    'another server’s backup is answered like an unknown one',
    async () => {
      const tokens = [tokenWith('other', SECRET, { servers: [serverId(2)] })];
      const node = await conformanceNode({ tokens });
      const id = await node.made();
      const own = BACKUPS.replace(SERVER, serverId(2));
      const foreign = await node.call('GET', `${own}/${id}`, { token: SECRET });
      const unknown = await node.call('GET', `${own}/${UNKNOWN}`, { token: SECRET });
      expect(foreign).toMatchObject(refusal(404, 'NotFoundHttpException'));
      expect(foreign.text).toBe(unknown.text);
      expect((await node.call('GET', BACKUPS, { token: SECRET })).text).toBe(foreign.text);
    },
  );

  says(
    '• Encryption: Ensure backups are encrypted during storage and transfer',
    'the API can be served with TLS; the archive itself stays one that any tar reads',
    () => {
      const { api } = configWith(
        '',
        '{ host: 127.0.0.1, port: 0, tls: { cert: /etc/roost/cert.pem, key: /etc/roost/key.pem } }',
      );
      expect(api.tls).toEqual({ cert: '/etc/roost/cert.pem', key: '/etc/roost/key.pem' });
    },
  );

  says(
    '• Resource monitoring: Monitor server performance during backup creation',
    'a running backup tells its progress, and its rates can be bounded',
    async () => {
      const node = await conformanceNode();
      const begun = await node.held();
      const { jobs } = (await node.call('GET', '/api/jobs')).body as { jobs: object[] };
      expect(jobs).toMatchObject([{ kind: 'backup', state: 'running', phase: expect.any(String) }]);
      await begun.end();
      expect(configWith('backups: { read_limit: 50, workers: 1 }').backups).toMatchObject({
        readLimit: 50,
        workers: 1,
      });
    },
  );

  says(
    'Backups per server5-20Varies by hosting plan',
    'the default is 20, the operator sets another; failed ones do not count',
    async () => {
      const config = parseConfig('config.yml', 'tokens: []', {});
      expect(config.limits.perServer).toBe(20);
      const node = await conformanceNode({ limits: { perServer: 1 } });
      await node.failed();
      expect((await node.call('POST', BACKUPS)).status).toBe(200);
      await eventually(() => node.runner.open().length === 0);
    },
  );

  says(
    'Maximum backup size10GBPer backup file',
    'the default is 10 GiB; what grows beyond the limit fails and leaves nothing behind',
    async () => {
      expect(parseConfig('config.yml', 'tokens: []', {}).limits.maxSize).toBe(10 * 1024 ** 3);
      const host = await scratchHost();
      writeFileSync(join(host.server, 'map.bin'), randomBytes(64 * 1024));
      const { call } = await runDaemonOn({ ...host, config: host.config.replace('max_size: 0', 'max_size: 10KiB') });
      const { uuid } = ((await call(LIVE, { body: {} })).body as { attributes: Attributes }).attributes;
      const ended = async () => attributesOf(await call(`${LIVE}/${uuid}`)).is_successful !== null;
      await eventually(ended);
      const native = await call(`/api/servers/${GAME_SERVER}/backups/${uuid}`);
      expect(native.body).toMatchObject({ status: 'FAILED', error: { code: 'too_large' } });
      expect(readdirSync(host.backups, { recursive: true }).join()).not.toContain(uuid);
    },
  );

  says(
    [
      '• Storage location: Use appropriate storage backends for performance',
      'Local StorageFast creation, limited spaceHigh speed, low retention',
      'S3 CompatibleLarge capacity, longer retentionModerate speed, high retention',
      'Google CloudEnterprise features, encryptionModerate speed, enterprise features',
    ],
    'a local directory and any S3 endpoint are stores; Google Cloud is one by its S3 interface',
    () => {
      const { storage } = parseConfig(
        'config.yml',
        `storage: { default: gcs, stores: {
           local: { type: local, directory: /var/lib/roost/backups },
           gcs: { type: s3, endpoint: "https://storage.googleapis.com", bucket: backups, access_key_id: a, secret_access_key: b } } }`,
        {},
      );
      expect(Object.values(storage.stores).map(({ type }) => type)).toEqual(['local', 's3']);
      expect(storage.default).toBe('gcs');
    },
  );

  says(
    ['3. Retention: Backup is kept according to retention policy', '4. Cleanup: Old backups are automatically deleted'],
    'what no rule keeps goes; locked backups and the newest good one stay under every rule, and all stay without rules',
    async () => {
      const aged = (days: number, locked = false) => ({
        createdAt: -days * 86_400_000,
        status: 'COMPLETED' as const,
        locked,
        damaged: false,
        busy: false,
      });
      const history = [aged(1), aged(45), aged(100), aged(200, true)];
      const stay = (rules: Partial<RetentionRules>) =>
        judgeRetention(history, { ...NO_RULES, ...rules }, 0).map(({ reasons }) => reasons.length > 0);
      expect(stay({})).toEqual([true, true, true, true]);
      expect(stay({ keepDays: 30 })).toEqual([true, false, false, true]);
      expect(stay({ keepDays: 90 })).toEqual([true, true, false, true]);
      const host = await scratchHost('retention: { keep_last: 1 }');
      const { call } = await runDaemonOn(host);
      const locked = await completed(call, { is_locked: true });
      await completed(call);
      const newest = await completed(call);
      const left = async () => listed(await call(LIVE)).map(({ uuid }) => uuid);
      await eventually(async () => (await left()).length === 2);
      expect(await left()).toEqual([newest.uuid, locked.uuid]);
    },
  );

  says(
    '401InvalidCredentialsExceptionInvalid API key',
    'without a key, for a wrong one, and never for one in the query',
    async () => {
      const { call } = await conformanceNode();
      const expected = refusal(401, 'InvalidCredentialsException');
      expect(await call('GET', BACKUPS, { token: '' })).toMatchObject(expected);
      expect(await call('GET', BACKUPS, { token: 'ptlc_wrong-wrong-wrong' })).toMatchObject(expected);
      expect(await call('GET', `${BACKUPS}?token=admin-secret-admin-secret`, { token: '' })).toMatchObject(expected);
    },
  );

  says(
    [
      '403InsufficientPermissionsExceptionMissing required permissions',
      'Backup operations require specific permissions:',
    ],
    'names the permission that is missing',
    async () => {
      const { call } = await conformanceNode({ tokens: [tokenWith('t', SECRET, { permissions: [] })] });
      expect(await call('GET', BACKUPS, { token: SECRET })).toMatchObject(
        refusal(403, 'InsufficientPermissionsException', expect.stringContaining('backup.read')),
      );
    },
  );

  says('404NotFoundHttpExceptionBackup not found', 'on each route of one backup', async () => {
    const { call } = await conformanceNode();
    for (const [method, route] of [
      ['GET', ''],
      ['DELETE', ''],
      ['GET', '/download'],
      ['POST', '/restore'],
      ['POST', '/lock'],
    ] as const) {
      expect(await call(method, `${BACKUPS}/${UNKNOWN}${route}`)).toMatchObject(refusal(404, 'NotFoundHttpException'));
    }
  });

  const NEEDS = {
    'backup.read': [
      ['GET', ''],
      ['GET', '/{id}'],
    ],
    'backup.create': [['POST', '']],
    'backup.download': [['GET', '/{id}/download']],
    'backup.delete': [
      ['DELETE', '/{id}'],
      ['POST', '/{id}/lock'],
    ],
    'backup.restore': [['POST', '/{id}/restore']],
  } as const;
  const PERMISSION_LINES = {
    'backup.read': 'backup.readView backup list and details',
    'backup.create': 'backup.createCreate new backups',
    'backup.download': 'backup.downloadDownload backup files',
    'backup.delete': 'backup.deleteDelete backups',
    'backup.restore': 'backup.restoreRestore from backups',
  } as const;
  for (const permission of Object.keys(NEEDS) as (keyof typeof NEEDS)[]) {
    says(
      PERMISSION_LINES[permission],
      `alone opens ${NEEDS[permission].map((route) => route.join(' ')).join(', ')}, and all others together do not`,
      async () => {
        const rest = PERMISSIONS.filter((name) => name !== permission);
        const tokens = [
          tokenWith('has', SECRET, { permissions: [permission] }),
          tokenWith('lacks', `${SECRET}-2`, { permissions: rest }),
        ];
        for (const [method, route] of NEEDS[permission]) {
          const { call, service } = openNativeApp({ tokens });
          const { id } = service.add();
          const url = `/api/client/servers/${scripted.SERVER}/backups${route.replace('{id}', id)}`;
          expect((await call(method, url, { token: `${SECRET}-2` })).status).toBe(403);
          expect(service.calls).toEqual([]);
          expect((await call(method, url, { token: SECRET })).status).toBeLessThan(300);
        }
      },
    );
  }

  says('creatingBackup in progressView details only', 'every other action is refused', async () => {
    const node = await conformanceNode();
    const begun = await node.held();
    expect(await actions(node, begun.id)).toEqual({ view: 200, download: 400, restore: 400, lock: 400, delete: 409 });
    await begun.end();
  });

  says('completedBackup successfulDownload, delete, restore, lock/unlock', 'every action is taken', async () => {
    const node = await conformanceNode();
    expect(await actions(node, await node.made())).toEqual({
      view: 200,
      download: 200,
      restore: 202,
      lock: 204,
      delete: 204,
    });
  });

  says(
    'failedBackup failedView details, delete',
    'also when it was made locked: it holds nothing to protect',
    async () => {
      const node = await conformanceNode();
      expect(await actions(node, await node.failed())).toEqual({
        view: 200,
        download: 400,
        restore: 400,
        lock: 400,
        delete: 204,
      });
      const locked = await node.failed({ locked: true });
      expect((await node.call('DELETE', `${BACKUPS}/${locked}`)).status).toBe(204);
    },
  );

  says(
    'Monitor backup creation progress by polling the backup details endpoint. The completed_at field will be null until the backup finishes.',
    'and is set with the poll after the end',
    async () => {
      const node = await conformanceNode();
      const begun = await node.held();
      const poll = async () => attributesOf(await node.call('GET', `${BACKUPS}/${begun.id}`)).completed_at;
      expect(await poll()).toBeNull();
      await begun.end();
      expect(await poll()).not.toBeNull();
    },
  );

  says(
    '• Monitor space: Track backup storage usage and limits',
    'what nobody foresaw is told without its text',
    async () => {
      const { call, service } = openNativeApp();
      service.failWith('backupPage', new Failure('internal' satisfies FailureCode, 'Cannot read /var/lib/roost: EIO'));
      const answer = await call('GET', `/api/client/servers/${scripted.SERVER}/backups`);
      expect(answer).toMatchObject(refusal(500, 'DaemonConnectionException'));
      expect(answer.text).not.toContain('/var/lib');
    },
  );
});

type Call = Awaited<ReturnType<typeof runDaemonOn>>['call'];

/** A backup of the daemon's server, made and polled until it is done. */
async function completed(call: Call, body: object = {}): Promise<Attributes> {
  const created = (await call(LIVE, { body })).body as { attributes: Attributes };
  const { uuid } = created.attributes;
  return eventually(async () => {
    const { attributes } = (await call(`${LIVE}/${uuid}`)).body as { attributes: Attributes };
    return attributes.completed_at === null ? undefined : attributes;
  });
}

function statusOf({ body }: { readonly body: unknown }): unknown {
  return (body as { attributes: { status: unknown } }).attributes.status;
}

async function urlOf({ call }: Awaited<ReturnType<typeof conformanceNode>>, id: string): Promise<string> {
  const { body } = await call('GET', `${BACKUPS}/${id}/download`);
  return (body as { attributes: { url: string } }).attributes.url;
}

/** The status of each action on a backup, deletion last; a lock that was turned is turned back. */
async function actions({ call, runner }: Awaited<ReturnType<typeof conformanceNode>>, id: string) {
  const open = runner.open().length;
  const view = (await call('GET', `${BACKUPS}/${id}`)).status;
  const download = (await call('GET', `${BACKUPS}/${id}/download`)).status;
  const restore = (await call('POST', `${BACKUPS}/${id}/restore`)).status;
  await eventually(() => runner.open().length === open);
  const lock = (await call('POST', `${BACKUPS}/${id}/lock`)).status;
  if (lock === 204) await call('POST', `${BACKUPS}/${id}/lock`);
  return { view, download, restore, lock, delete: (await call('DELETE', `${BACKUPS}/${id}`)).status };
}

function configWith(more: string, api = '{ host: 127.0.0.1, port: 0 }') {
  return parseConfig('config.yml', `api: ${api}\n${more}\n`, {});
}
