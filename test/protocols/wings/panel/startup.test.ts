import { describe, expect, onTestFinished, test } from 'vitest';
import { silentLog } from '../../../../src/base/log/log.ts';
import { FLAVOURS } from '../../../../src/protocols/wings/flavours/flavours.ts';
import { type PanelStartupDeps, PanelStartup } from '../../../../src/protocols/wings/panel/startup.ts';
import { PanelClient } from '../../../../src/protocols/wings/panel/client.ts';
import { eventually } from '../../../support/eventually.ts';
import { ManualTime } from '../../../support/manual-time.ts';
import { SERVER, testNode } from '../../../support/node.ts';
import { openPanel, type PanelFlavour } from '../../../support/panel/panel.ts';

const RESET = /\/servers\/reset$/;

async function scene(flavour: PanelFlavour = 'pterodactyl') {
  const time = new ManualTime();
  const panel = await openPanel({ flavour, clock: time, commitAfter: 0 });
  const node = await testNode({ clock: time });
  node.registry.seen.add(SERVER);
  const parts = { facts: FLAVOURS[flavour], credentials: panel.node, panelUrl: panel.url, version: '1', fetch };
  const client = new PanelClient({ ...parts, clock: time });
  const greet = (change: Partial<PanelStartupDeps> = {}): PanelStartup => {
    const about = { panel: client, service: node.service, ownsReset: false, busy: () => false };
    const greeting = new PanelStartup({ ...about, timers: time, random: () => 0.999, log: silentLog(), ...change });
    onTestFinished(() => greeting.close());
    greeting.start();
    return greeting;
  };
  /** Lets time pass until a request of that kind came. */
  const until = async (count: number, path: RegExp): Promise<void> => {
    await eventually(() => {
      time.advance(1000);
      return panel.calls.filter((call) => path.test(call.path)).length >= count;
    });
  };
  return { time, panel, node, greet, until };
}

describe('after a start', () => {
  test.each(['pterodactyl', 'pelican', 'calagopus'] as const)(
    '%s says which servers are suspended, and what they are called',
    async (flavour) => {
      const { panel, node, greet } = await scene(flavour);
      panel.addServer(SERVER, { suspended: true, name: 'Survival' });
      for (let number = 0; number < 60; number++) {
        panel.addServer(`99999999-0000-4000-8000-${String(number).padStart(12, '0')}`);
      }
      await greet().settled();
      expect(await node.service.server(SERVER)).toMatchObject({ name: 'Survival', suspended: true });
      expect(panel.calls.map(({ path }) => path)).toEqual(['/api/remote/servers', '/api/remote/servers']);
      expect(node.catalogue.servers.list().map(({ id }) => id)).toEqual([SERVER]);
    },
  );

  test('what has not changed is not told again', async () => {
    const { panel, node, greet } = await scene();
    panel.addServer(SERVER, { suspended: true, name: 'Survival' });
    await greet().settled();
    const told = node.told.length;
    await greet().settled();
    expect([told, node.told.length]).toEqual([1, 1]);
  });

  test('a name that the config gives stays, and other settings of the server too', async () => {
    const { panel, node, greet } = await scene();
    node.catalogue.servers.setSettings(SERVER, { givenUp: { decidedAt: 1, deleteAt: 2 } });
    panel.addServer(SERVER, { name: 'x'.repeat(10_000) });
    await greet().settled();
    expect(node.catalogue.servers.get(SERVER).settings).toEqual({
      givenUp: { decidedAt: 1, deleteAt: 2 },
      panelName: 'x'.repeat(255),
    });
    node.registry.get = async (id) => ({ id, name: 'By the operator', path: '/srv/a' });
    expect((await node.service.server(SERVER)).name).toBe('By the operator');
  });

  test('a panel that is away is asked again until it answers; the start does not wait for it', async () => {
    const { panel, node, greet, until } = await scene();
    panel.addServer(SERVER, { suspended: true });
    await panel.setOutage(500);
    const greeting = greet();
    await until(5, /servers$/);
    expect((await node.service.server(SERVER)).suspended).toBe(false);
    await panel.setOutage(undefined);
    await until(6, /servers$/);
    await greeting.settled();
    expect((await node.service.server(SERVER)).suspended).toBe(true);
  });

  test('settings of no use are passed over', async () => {
    const { panel, node, greet } = await scene();
    const servers = [
      { uuid: SERVER, settings: { suspended: 'yes', meta: null } },
      { uuid: SERVER, settings: 7 },
      { uuid: '../../etc', settings: { suspended: true } },
    ];
    panel.script = () => ({ status: 200, body: JSON.stringify({ data: servers, meta: { last_page: 1 } }) });
    await greet().settled();
    expect(await node.service.server(SERVER)).toMatchObject({ suspended: false, name: SERVER.slice(0, 8) });
  });

  test('closing it ends a request under way, and a wait for the next', async () => {
    const { panel, greet, until, time } = await scene();
    await panel.setOutage('hang');
    const hanging = greet();
    await panel.untilCalls(1, 'GET', /servers/);
    await hanging.close();
    await panel.setOutage(500);
    const waiting = greet();
    await until(3, /servers$/);
    await waiting.close();
    expect(time.pending).toBe(0);
  });
});

describe('the reset of the panel’s servers', () => {
  test('is not asked for unless the config says so', async () => {
    const { panel, greet } = await scene();
    await greet().settled();
    expect(panel.callsTo('POST', RESET)).toEqual([]);
  });

  test('frees servers that the panel takes to be restoring, however often that takes', async () => {
    const { panel, greet, until } = await scene();
    const server = panel.addServer(SERVER, { status: 'restoring_backup' });
    panel.script = ({ path }) => (RESET.test(path) && panel.callsTo('POST', RESET).length < 3 ? AWAY : undefined);
    const greeting = greet({ ownsReset: true });
    await until(3, RESET);
    await greeting.settled();
    expect([server.status, panel.effective(RESET)]).toEqual([null, 1]);
  });

  test('waits for what is under way', async () => {
    const { panel, greet, until, time } = await scene();
    let busy = true;
    const greeting = greet({ ownsReset: true, busy: () => busy });
    await until(1, /servers$/);
    time.advance(3_600_000);
    await new Promise(setImmediate);
    expect(panel.callsTo('POST', RESET)).toEqual([]);
    busy = false;
    await until(1, RESET);
    await greeting.settled();
  });
});

const AWAY = { status: 503, body: '' };
