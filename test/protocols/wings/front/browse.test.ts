/** The file manager of Calagopus, which looks into backups. */
import { describe, expect, test } from 'vitest';
import { SERVER } from '../../../support/scripted-service.ts';
import { openFrontNode } from '../../../support/wings/front-node.ts';
import { rawRequest } from '../../../support/wings/raw-request.ts';
import { AUTHORIZED, headOf } from '../../../support/wings/heads.ts';
import { openWings, WINGS_TOKEN } from '../../../support/wings/wings.ts';

const BACKUP = '7a1c7b52-1f0a-4a7e-8f8e-2d9b7f6c5a41';

describe('the file manager of Calagopus', () => {
  const list = (path: string) => headOf('GET', `/api/servers/${SERVER}/files/list?directory=${path}`, [AUTHORIZED]);

  test('looks into the backups of Roost here, and finds everything else at Wings', async () => {
    const wings = await openWings({ flavour: 'calagopus', servers: [SERVER] });
    const { port, service } = await openFrontNode(wings);
    const { id } = service.add();
    expect((await rawRequest(port, list(`/.backups/${id}/world`))).body).toContain('"filesystem_writable":false');
    expect(wings.received).toEqual([]);
    for (const path of ['/', '/world', `/.backups/${BACKUP}`, `/.backups/${id}/../..`]) {
      expect((await rawRequest(port, list(path))).body).toBe('the file');
    }
    expect(wings.received).toHaveLength(4);
  });

  test('finds nothing of another server, or by another token', async () => {
    const other = '22222222-2222-4222-8222-222222222222';
    const wings = await openWings({ flavour: 'calagopus', servers: [SERVER, other] });
    const { port, service } = await openFrontNode(wings);
    const { id } = service.add();
    const target = `/api/servers/${other}/files/list?directory=/.backups/${id}`;
    await rawRequest(port, headOf('GET', target, [AUTHORIZED]));
    await rawRequest(port, list(`/.backups/${id}`).replace(WINGS_TOKEN, 'another'));
    expect(wings.received).toHaveLength(2);
    expect(service.calls.map(({ method }) => method)).not.toContain('files');
  });

  test('is told of a backup here that Roost has, and of any other by Wings', async () => {
    const wings = await openWings({ flavour: 'calagopus', servers: [SERVER] });
    const { port, service } = await openFrontNode(wings);
    const { id, size } = service.add();
    const query = (backup: string, more: readonly string[] = [AUTHORIZED]) =>
      rawRequest(port, headOf('GET', `/api/backups/${backup}/query?adapter=wings`, more));
    const { status, body } = await query(id);
    expect([status, JSON.parse(body)]).toEqual([200, { archive_format: 'tar_gz', size }]);
    expect(wings.received).toEqual([]);
    await query(BACKUP);
    await query('no-uuid');
    await query(id, []);
    expect(wings.received).toHaveLength(3);
  });
});
