import { describe, expect, test } from 'vitest';
import type { ServerId } from '../../../../src/base/ids.ts';
import { OTHER_SERVER, SERVER, UNKNOWN } from '../../../support/scripted-service.ts';
import { ALL_FLAVOURS, openWingsApp } from '../../../support/wings-app.ts';

const NEW = '5d1f6c1e-7c0b-4a57-9f0e-0c1d7a6b9e11' as ServerId;
const ADD = { uuid: NEW, start_on_completion: true };

const DONE = {
  pterodactyl: { status: 204, text: '' },
  pelican: { status: 204, text: '' },
  calagopus: { status: 200, text: '{}' },
} as const;

describe('looking at servers', () => {
  test.each(ALL_FLAVOURS)('%s: one shows what panels read of it', async (flavour) => {
    const { call, service } = await openWingsApp(flavour);
    await service.setServer(SERVER, { suspended: true });
    const { status, body } = await call('GET', `/api/servers/${SERVER}`);
    expect(status).toBe(200);
    expect(body).toMatchObject({
      state: 'offline',
      is_suspended: true,
      utilization: { state: 'offline', memory_bytes: 0, cpu_absolute: 0, disk_bytes: 0, uptime: 0 },
      configuration: { uuid: SERVER, suspended: true },
    });
    expect((await call('GET', '/api/servers')).body).toEqual([
      body,
      expect.objectContaining({ is_suspended: false, configuration: expect.objectContaining({ uuid: OTHER_SERVER }) }),
    ]);
  });

  test('an unknown one is 404', async () => {
    const { call } = await openWingsApp('pelican');
    expect((await call('GET', `/api/servers/${UNKNOWN}`)).status).toBe(404);
  });
});

describe('taking a server on', () => {
  test.each(ALL_FLAVOURS)('%s: asks the panel, makes it, and says that it is installed', async (flavour) => {
    const { call, service, panel } = await openWingsApp(flavour);
    panel.known.set(NEW, { uuid: NEW, suspended: true });
    const answer = await call('POST', '/api/servers', { body: ADD });
    expect([answer.status, answer.text]).toEqual(flavour === 'calagopus' ? [200, '{}'] : [202, '']);
    expect(service.serverViews.get(NEW)).toMatchObject({ id: NEW, suspended: true });
    expect(panel.installed).toEqual([NEW]);
  });

  test('makes nothing when the panel does not answer, or knows no such server', async () => {
    for (const flavour of ALL_FLAVOURS) {
      const { call, service, panel } = await openWingsApp(flavour);
      expect((await call('POST', '/api/servers', { body: ADD })).status).toBe(500);
      panel.known.set(NEW, {});
      panel.away = true;
      expect((await call('POST', '/api/servers', { body: ADD })).status).toBe(500);
      expect([service.serverViews.has(NEW), panel.installed]).toEqual([false, []]);
    }
  });

  test('is done even when the panel then refuses to hear of the installation', async () => {
    const { call, service, panel, logged } = await openWingsApp('pterodactyl');
    panel.known.set(NEW, {});
    panel.refusesInstalls = true;
    expect((await call('POST', '/api/servers', { body: ADD })).status).toBe(202);
    expect(service.serverViews.has(NEW)).toBe(true);
    expect(logged.join('')).toContain('Cannot tell the panel that a server is installed');
  });

  test.each([
    ['pterodactyl', 422, 'The data provided in the request could not be validated.'],
    ['pelican', 422, 'The data provided in the request could not be validated.'],
    ['calagopus', 400, 'invalid payload: it has another shape'],
  ] as const)('%s: an id that is none is %i', async (flavour, status, error) => {
    const { call, service } = await openWingsApp(flavour);
    for (const uuid of ['', 'x', '../x', undefined]) {
      const answer = await call('POST', '/api/servers', { body: { uuid, start_on_completion: false } });
      expect([answer.status, answer.body]).toEqual([status, { error }]);
    }
    expect(service.lastCall('addServer')).toBeUndefined();
  });

  test('one that is here already is refused by Calagopus alone; the others take it on again', async () => {
    for (const flavour of ALL_FLAVOURS) {
      const { call, panel } = await openWingsApp(flavour);
      panel.known.set(SERVER, {});
      const answer = await call('POST', '/api/servers', { body: { ...ADD, uuid: SERVER } });
      expect(answer.status).toBe(flavour === 'calagopus' ? 409 : 202);
      if (flavour === 'calagopus') expect(answer.body).toEqual({ error: 'server with this uuid already exists' });
    }
  });
});

describe('sync', () => {
  test.each(ALL_FLAVOURS)('%s: takes over whether the server is suspended', async (flavour) => {
    const { call, service, panel } = await openWingsApp(flavour);
    for (const suspended of [true, false]) {
      panel.known.set(SERVER, { suspended });
      expect(await call('POST', `/api/servers/${SERVER}/sync`)).toMatchObject(DONE[flavour]);
      expect(service.serverViews.get(SERVER)?.suspended).toBe(suspended);
    }
  });

  test('changes nothing that is so already, or that the panel does not say', async () => {
    const { call, service, panel } = await openWingsApp('pelican');
    for (const settings of [{ suspended: false }, {}, { suspended: 'yes' }, { suspended: null }]) {
      panel.known.set(SERVER, settings);
      expect((await call('POST', `/api/servers/${SERVER}/sync`)).status).toBe(204);
    }
    expect(service.lastCall('setServer')).toBeUndefined();
  });

  test('takes the settings that come along, without asking', async () => {
    const { call, service, panel } = await openWingsApp('calagopus');
    panel.away = true;
    const body = { server: { settings: { uuid: SERVER, suspended: true }, process_configuration: {} } };
    expect(await call('POST', `/api/servers/${SERVER}/sync`, { body })).toMatchObject(DONE.calagopus);
    expect(service.serverViews.get(SERVER)?.suspended).toBe(true);
  });

  test('tells a panel that cannot be asked, so that it does not believe in the change', async () => {
    const { call, service, panel } = await openWingsApp('pterodactyl');
    panel.away = true;
    const answer = await call('POST', `/api/servers/${SERVER}/sync`);
    expect(answer).toMatchObject({
      status: 500,
      body: {
        error: 'An unexpected error was encountered while processing this request',
        request_id: answer.headers.get('x-request-id'),
      },
    });
    expect(service.lastCall('setServer')).toBeUndefined();
  });
});

describe('giving a server up', () => {
  test.each([
    ['pterodactyl', 'keep'],
    ['pelican', 'delete'],
    ['calagopus', 'keep'],
  ] as const)('%s: %ss its backups, whatever runs, and tells who listens', async (flavour, backups) => {
    const { call, service, denylist } = await openWingsApp(flavour);
    const told: unknown[] = [];
    denylist.onChange((change) => told.push(change));
    expect(await call('DELETE', `/api/servers/${SERVER}`)).toMatchObject(DONE[flavour]);
    expect(service.lastCall('removeServer')).toEqual([SERVER, { backups, cancel: true }]);
    expect(told).toEqual([{ kind: 'server deleted', server: SERVER }]);
  });

  test('an unknown one is 404, which the panel takes for done', async () => {
    const { call, service } = await openWingsApp('pelican');
    expect((await call('DELETE', `/api/servers/${UNKNOWN}`)).status).toBe(404);
    expect(service.lastCall('removeServer')).toBeUndefined();
  });
});
