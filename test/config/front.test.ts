import { expect, test } from 'vitest';
import { parseConfig } from '../../src/config/config.ts';
import { Failure } from '../../src/base/failure.ts';

function faultsOf(text: string): readonly string[] {
  try {
    parseConfig('config.yml', text, {});
  } catch (error) {
    if (error instanceof Failure) return (error.facts['faults'] as { key: string }[]).map(({ key }) => key);
    throw error;
  }
  return [];
}

test('a front takes from Wings what the panel section leaves out', () => {
  const config = parseConfig(
    'config.yml',
    'panel: { flavour: pelican }\npower: { driver: wings }\nfront: { wings: "http://127.0.0.1:18080/", wings_config: /etc/pelican/config.yml }',
    {},
  );
  expect(config.front).toEqual({
    listen: { host: '0.0.0.0', port: 8080, tls: null },
    wings: 'http://127.0.0.1:18080',
    wingsConfig: '/etc/pelican/config.yml',
    trustedProxies: [],
    remoteWings: false,
  });
  expect(config.backups.nice).toBe(10);
  expect(config.panel.connection).toBeNull();
  expect(config.power).toMatchObject({ driver: 'wings', url: 'http://127.0.0.1:18080' });
});

test('threads of jobs are nicer than what passes, unless the config says otherwise', () => {
  const front = 'front: { wings: "http://127.0.0.1:18080", wings_config: /w.yml }\npanel: { flavour: pterodactyl }\n';
  const niceOf = (text: string): number => parseConfig('config.yml', text, {}).backups.nice;
  expect([niceOf(front), niceOf(`${front}backups: { nice: 0 }`), niceOf('')]).toEqual([10, 0, 0]);
});

test('all faults are told at once', () => {
  const text = `
api: { port: 8080 }
panel: { owns_reset: true }
front: { listen: { port: 8080, tls: { cert: x } }, wings: "http://wings.example:8080", nearby: 1 }
`;
  expect(faultsOf(text)).toEqual(
    expect.arrayContaining([
      'panel.owns_reset',
      'front',
      'front.listen.port',
      'front.listen.tls.cert',
      'front.listen.tls.key',
      'front.wings',
      'front.nearby',
    ]),
  );
});

test.each([
  ['http://localhost:18080', ['front.wings']],
  ['http://10.0.0.2:18080', ['front.wings']],
  ['https://127.0.0.1:18080', ['front.wings']],
  ['http://127.0.0.1:18080/path', ['front.wings']],
  ['http://[::1]:18080', []],
  ['http://127.1.2.3:18080', []],
])('Wings is http at a loopback address: %s', (wings, faults) => {
  const text = `panel: { flavour: pterodactyl }\nfront: { wings: "${wings}", wings_config: /w.yml }`;
  expect(faultsOf(text)).toEqual(faults);
});

test('another host has to be meant', () => {
  const front = '{ wings: "http://10.0.0.2:18080", wings_config: /w.yml, remote_wings: true }';
  expect(faultsOf(`panel: { flavour: pterodactyl }\nfront: ${front}`)).toEqual([]);
});

test('without a front, and without the file of Wings, all is asked for as before', () => {
  expect(faultsOf('power: { driver: wings }')).toEqual(['power.url', 'power.token']);
  expect(faultsOf('panel: { flavour: pterodactyl }\nfront: { wings: "http://127.0.0.1:1" }')).toEqual([
    'panel.url',
    'panel.token_id',
    'panel.token',
  ]);
});

test('games keep still by themselves with a front, and without one where that is asked for', () => {
  const wings = '{ driver: wings, url: "http://127.0.0.1:8080", token: "a-token-of-the-node" }';
  const panel = 'panel: { flavour: pterodactyl, url: "https://p.test", token_id: x, token: y }';
  const quiesceOf = (text: string): unknown => parseConfig('config.yml', text, {}).power;
  expect(quiesceOf(`${panel}\npower: ${wings}`)).toMatchObject({ quiesce: 'off', saved: null });
  expect(quiesceOf(`${panel}\npower: ${wings.replace('}', ', quiesce: auto }')}`)).toMatchObject({ quiesce: 'auto' });
  const front = 'front: { wings: "http://127.0.0.1:18080" }\npower: { driver: wings }';
  expect(quiesceOf(`${panel}\n${front}`)).toMatchObject({ quiesce: 'auto' });
  expect(quiesceOf(`${panel}\n${front.replace('wings }', 'wings, quiesce: off }')}`)).toMatchObject({ quiesce: 'off' });
});

test('what keeping still needs is told, all at once', () => {
  expect(faultsOf('power: { driver: wings, quiesce: auto, saved: x }')).toEqual([
    'power.url',
    'power.token',
    'power.quiesce',
    'power.saved',
  ]);
  const one = '{ id: 11111111-1111-4111-8111-111111111111, password: secret }';
  expect(faultsOf(`power: { driver: rcon, servers: [${one}] }`)).toEqual([]);
  expect(faultsOf('power: { driver: rcon, servers: [] }')).toEqual(['power.servers']);
  expect(faultsOf(`power: { driver: rcon, servers: [${one}, ${one}] }`)).toEqual(['power.servers[1].id']);
  expect(faultsOf('power: { driver: rcon, servers: [{ id: x, port: 0 }] }')).toEqual([
    'power.servers[0].password',
    'power.servers[0].id',
    'power.servers[0].port',
  ]);
});
