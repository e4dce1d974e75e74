/** Check 19: `roost front` on prepared hosts; check 20: the way back. */
import fs from 'node:fs';
import net from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { parse } from 'yaml';
import { askWings } from '../../../src/cli/front/running-wings.ts';
import { caller, GAME_SERVER } from '../../support/daemon.ts';
import { freePort } from '../../support/free-port.ts';
import { nodeHost, type NodeHost, type NodeHostOptions } from '../../support/wings/node-host.ts';

const GOLDEN = new URL('../../golden/front/', import.meta.url);

/** Files with the names of this host's directory and ports in place of their values. */
function shown(host: NodeHost, node = host.port): string {
  const files = host.files();
  const inFile = (host.wings.file.read()['api'] as { port: number }).port;
  const wings = inFile === node ? host.port : inFile;
  const ports = new Map([
    [String(wings), 'WINGS'],
    [String(node), 'NODE'],
  ]);
  const kept = Object.entries(files).filter(([path]) => !/\.(crt|key)$/.test(path));
  const text = kept
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([path, content]) => `==> ${path}\n${content}`);
  return text
    .join('\n')
    .replaceAll(host.root, '')
    .replaceAll(host.wings.token, 'TOKEN')
    .replace(/^api: \{ host: 127.0.0.1, port: \d+ \}/gm, 'api: { host: 127.0.0.1, port: API }')
    .replaceAll(/\b\d{3,5}\b/g, (number) => ports.get(number) ?? number);
}

async function expectServed(host: NodeHost, scheme = 'http'): Promise<void> {
  expect(await askWings(`${scheme}://127.0.0.1:${host.port}`, host.wings.token)).toMatchObject({
    servers: [GAME_SERVER],
  });
}

const HOSTS: readonly (readonly [string, NodeHostOptions])[] = [
  ['fresh', {}],
  ['tls', { tls: true }],
  ['behind-nginx', { api: { host: '127.0.0.1', trusted_proxies: ['127.0.0.1', '10.0.0.0/8'] } }],
  ['pelican', { flavour: 'pelican' }],
  ['calagopus', { flavour: 'calagopus' }],
];

async function expectTakenOver(name: string, options: NodeHostOptions): Promise<NodeHost> {
  const host = await nodeHost(options);
  const before = host.files();
  const { json, text, said } = await host.front();
  await expect(shown(host)).toMatchFileSnapshot(new URL(`${name}.txt`, GOLDEN).pathname);
  await expectServed(host, options.tls === true ? 'https' : 'http');
  expect(host.wings.url).not.toContain(`:${host.port}`);
  expect(json['checked']).toEqual([
    "the panel's call",
    'a console socket',
    'a download',
    ...(options.tls === true ? ['the certificate'] : []),
  ]);
  expect(json['away']).toEqual(expect.any(Number));
  expect(text).toMatch(/the node was away for \d+\.\d s/);
  expect(said).toMatch(/^Found .* 1 server, 0 running/);
  for (const secret of [said, text, JSON.stringify(json)]) expect(secret).not.toContain(host.wings.token);
  expect(host.files()[`${host.wingsFile.slice(host.root.length)}.before-roost`]).toBe(
    before[host.wingsFile.slice(host.root.length)],
  );
  expect(fs.statSync(host.wingsFile).mode & 0o777).toBe(0o600);
  return host;
}

describe('check 19: a host that can be taken over', () => {
  test.each(HOSTS)(
    '%s: the files are the golden ones, Wings is on loopback, and the node is served',
    async (name, options) => void (await expectTakenOver(name, options)),
  );

  test.skipIf(process.getuid?.() !== 0)(
    'port 443, or another below 1024: the unit gets the right to it (skipped unless root, who alone can listen there)',
    async () => {
      const host = await expectTakenOver('port-443', { port: await freePort(300, 1000) });
      const dropIn = host.files()['/etc/systemd/system/roost.service.d/front.conf'];
      expect(dropIn).toContain('AmbientCapabilities=CAP_NET_BIND_SERVICE');
    },
  );

  test('container: a Wings that was published elsewhere stays as it is', async () => {
    const host = await nodeHost({ units: { 'wings.service': { LoadState: 'not-found', ActiveState: 'inactive' } } });
    const content = host.wings.file.read();
    // Inside of the container it goes on listening where its file says.
    const node = await freePort();
    host.wings.file.write({ ...content, api: { ...(content['api'] as object), port: node } });
    const before = host.files()['/etc/pterodactyl/config.yml'];
    await host.front({ wings: `http://127.0.0.1:${host.port}` });
    await expect(shown(host, node)).toMatchFileSnapshot(new URL('container.txt', GOLDEN).pathname);
    expect(host.files()['/etc/pterodactyl/config.yml']).toBe(before);
    expect(await askWings(`http://127.0.0.1:${node}`, host.wings.token)).toMatchObject({ servers: [GAME_SERVER] });
    expect(host.units.commands.filter((command) => command.includes('wings.service'))).toEqual([]);
  });

  test('twice: the second run changes no file, and a moved key is mended', async () => {
    const host = await nodeHost();
    await host.front();
    const first = host.files();
    const commands = host.units.commands.length;
    await host.front();
    expect(host.files()).toEqual(first);
    expect(host.units.commands.slice(commands)).toEqual(['restart roost.service']);
    const content = host.wings.file.read();
    host.wings.file.write({ ...content, api: { ...(content['api'] as object), host: '0.0.0.0', port: host.port } });
    await host.front();
    expect(parse(fs.readFileSync(host.wingsFile, 'utf8'))).toEqual(content);
    await expectServed(host);
  });

  test('half done: what an earlier run was killed in after any of its writes is gone on with', async () => {
    const host = await nodeHost();
    const before = host.files();
    await host.front({ restart: false });
    expect(host.units.commands).toEqual(['daemon-reload']);
    const after = host.files();
    const wings = '/etc/pterodactyl/config.yml';
    // In their order; test/golden/front/take-over-steps.txt has all of them.
    const dropIn = '/etc/systemd/system/roost.service.d/front.conf';
    const writes = ['/etc/roost/config.yml', dropIn, `${wings}.before-roost`, wings];
    for (let done = 0; done <= writes.length; done++) {
      for (const [index, path] of writes.entries()) {
        const text = (index < done ? after : before)[path];
        if (text === undefined) fs.rmSync(host.root + path, { force: true });
        else fs.writeFileSync(host.root + path, text, { mode: 0o600 });
      }
      await host.front();
      await expect(shown(host), `${done} of them`).toMatchFileSnapshot(new URL('fresh.txt', GOLDEN).pathname);
      await expectServed(host);
      await host.front({ undo: true });
    }
  });

  test('a dry run and a run without a restart say what would be done, and no service is touched', async () => {
    const host = await nodeHost();
    const before = host.files();
    const { json, said } = await host.front({ dryRun: true });
    expect([host.files(), host.units.commands]).toEqual([before, []]);
    expect(json).toMatchObject({
      dryRun: true,
      steps: [{ number: 1 }, { number: 2 }, { number: 3 }, { number: 4 }, { number: 4 }],
    });
    expect(said).toContain('move Wings from 0.0.0.0');
    expect((await host.front({ restart: false })).text).toContain('systemctl restart wings');
    expect(host.units.commands).toEqual(['daemon-reload']);
  });

  test('a push of the panel between the two is mended before it counts', async () => {
    const host = await nodeHost();
    let pushes = 0;
    host.units.before = (command) => {
      if (command !== 'restart roost.service' || pushes++ > 0) return;
      const content = host.wings.file.read();
      host.wings.file.write({
        ...content,
        token: 'b'.repeat(64),
        api: { ...(content['api'] as object), host: '0.0.0.0' },
      });
    };
    await host.front();
    const { api, token } = host.wings.file.read() as { api: { host: string }; token: string };
    expect([api.host, token]).toEqual(['127.0.0.1', 'b'.repeat(64)]);
    expect(host.units.commands.filter((command) => command === 'restart wings.service')).toHaveLength(2);
    await expectServed(host);
  });
});

describe('check 19: a host that cannot be taken over is told what to do, and stays as it is', () => {
  const refused: readonly (readonly [string, NodeHostOptions, RegExp, RegExp])[] = [
    [
      'container',
      { units: { 'wings.service': { LoadState: 'not-found', ActiveState: 'inactive' } } },
      /inactive/,
      /--wings http/,
    ],
    [
      'auto-tls',
      { units: { 'wings.service': { ExecStart: 'argv[]=/usr/local/bin/wings --auto-tls --tls-hostname x ;' } } },
      /auto-tls/,
      /certbot/,
    ],
    ['without Roost', { units: { 'roost.service': { LoadState: 'not-found' } } }, /no roost\.service/, /roost setup/],
  ];

  test.each(refused)('%s', async (_, options, problem, hint) => {
    const host = await nodeHost(options);
    await expectRefused(host, problem, hint);
  });

  async function expectRefused(host: NodeHost, problem: RegExp, hint: RegExp): Promise<void> {
    const before = host.files();
    await expect(host.front()).rejects.toMatchObject({
      code: 'config_invalid',
      message: expect.stringMatching(problem),
      hint: expect.stringMatching(hint),
    });
    expect([host.files(), host.units.commands]).toEqual([before, []]);
  }

  test('Elytra', async () => {
    const host = await nodeHost();
    host.wings.script = (incoming, outgoing) => {
      if (incoming.url?.endsWith('/jobs') !== true) return false;
      outgoing
        .writeHead(404, { 'content-type': 'application/json' })
        .end('{"error":"The requested resource does not exist on this instance."}');
      return true;
    };
    await expectRefused(host, /Elytra/, /Wings alone/);
  });

  test('a listener that is not Wings: the token is not shown to it', async () => {
    const host = await nodeHost();
    await host.wings.kill();
    let heard = '';
    const other = net.createServer((socket) => {
      socket.on('error', () => undefined);
      socket.on('data', (data: Buffer) => {
        heard += data.toString('latin1');
        socket.end('HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}');
      });
    });
    await new Promise<void>((resolve) => other.listen(host.port, resolve));
    onTestFinished(() => void other.close());
    await expectRefused(host, /something else/, /Start Wings/);
    expect(heard).toContain('GET /api/system');
    expect(heard).not.toContain(host.wings.token);
  });

  test('the file of another Wings, a token of its environment alone, a certificate with another key', async () => {
    const host = await nodeHost();
    const content = host.wings.file.read();
    const other = host.at('etc/pterodactyl/other.yml');
    fs.writeFileSync(other, fs.readFileSync(host.wingsFile, 'utf8').replace(host.wings.token, 'c'.repeat(64)));
    const before = host.files();
    await expect(host.front({ wingsConfig: other })).rejects.toThrow(/another token/);
    host.wings.file.write({ ...content, token: '$WINGS_TOKEN' });
    await expect(host.front()).rejects.toThrow(/environment/);
    host.wings.file.write(content);
    expect(host.files()).toEqual(before);
    const secure = await nodeHost({ tls: true });
    fs.writeFileSync(secure.at('etc/node.key'), 'no key');
    await expectRefused(secure, /certificate/, /api\.ssl/);
  });
});

describe('check 19: a check that fails after all is done is turned back', () => {
  async function expectTurnedBack(host: NodeHost, fault: () => void): Promise<void> {
    const before = host.files();
    fault();
    await expect(host.front()).rejects.toMatchObject({ hint: expect.stringContaining('the node is as it was') });
    const after = host.files();
    expect(parse(after[host.wingsFile.slice(host.root.length)] ?? '')).toEqual(
      parse(before[host.wingsFile.slice(host.root.length)] ?? ''),
    );
    const names = Object.keys(after).filter((path) => !path.endsWith('roost.service.d'));
    expect(names).toEqual(Object.keys(before));
    expect(after['/etc/roost/config.yml']).toBe(before['/etc/roost/config.yml']);
    await expectServed(host);
    expect(host.wings.port).toBe(host.port);
    expect(host.units.state['roost.service']).toMatchObject({ ActiveState: 'inactive', UnitFileState: 'disabled' });
  }

  test('a node that does not work in the end', async () => {
    const host = await nodeHost();
    await expectTurnedBack(host, () => {
      const game = host.wings.games.get(GAME_SERVER);
      host.units.before = (command) => {
        // No console socket of it is opened any more.
        if (command === 'restart roost.service') host.wings.games.delete(GAME_SERVER);
        if (command === 'stop roost.service' && game !== undefined) host.wings.games.set(GAME_SERVER, game);
      };
    });
  });
});

describe('check 20: the way back', () => {
  test('after a token reset, Wings serves with the new token, and finds a backup that Roost made', async () => {
    const host = await nodeHost();
    await host.front();
    const call = caller(`http://127.0.0.1:${apiPort(host)}`);
    const { status, body } = await call(`/api/servers/${GAME_SERVER}/backups`, { body: {} });
    expect(status).toBe(201);
    const { id } = body as { readonly id: string };
    const content = host.wings.file.read();
    host.wings.file.write({ ...content, token: 'n'.repeat(64) });
    const { json } = await host.front({ undo: true });
    expect(json).toMatchObject({ linked: 1, left: [] });
    expect(fs.existsSync(host.at(`srv/backups/${id}.tar.gz`))).toBe(true);
    expect(host.wings.port).toBe(host.port);
    expect(await askWings(`http://127.0.0.1:${host.port}`, 'n'.repeat(64))).toMatchObject({ kind: 'pterodactyl' });
    expect(host.units.state['roost.service']).toMatchObject({ ActiveState: 'inactive', UnitFileState: 'disabled' });
    expect(host.files()['/etc/systemd/system/roost.service.d/front.conf']).toBeUndefined();
    // And before Wings again.
    await host.front();
    await expectServed(host);
  });

  test('an archive at which Wings would break is named, and not given to it', async () => {
    const host = await nodeHost();
    await host.front();
    const path = host.at('etc/roost/config.yml');
    fs.mkdirSync(host.at(`srv/volumes/${GAME_SERVER}/world`));
    const call = caller(`http://127.0.0.1:${apiPort(host)}`);
    fs.writeFileSync(path, fs.readFileSync(path, 'utf8').replace('wings_readable: true', 'wings_readable: false'));
    await host.units.stop();
    await host.units.start();
    const { id } = (await call(`/api/servers/${GAME_SERVER}/backups`, { body: {} })).body as { readonly id: string };
    const { json } = await host.front({ undo: true });
    expect(json).toMatchObject({
      linked: 0,
      left: [{ backup: id, reason: expect.stringContaining('wings_readable') }],
    });
    expect(fs.readdirSync(host.at('srv/backups'))).toEqual([]);
  });

  test('of a Wings in a container, which its operator has moved, leaves its file as it is', async () => {
    const host = await nodeHost({ units: { 'wings.service': { LoadState: 'not-found', ActiveState: 'inactive' } } });
    const content = host.wings.file.read();
    // Inside of the container it goes on listening where its file says.
    const outside = await freePort();
    host.wings.file.write({ ...content, api: { ...(content['api'] as object), port: outside } });
    const before = host.files()['/etc/pterodactyl/config.yml'];
    await host.front({ wings: `http://127.0.0.1:${host.port}` });
    expect(await askWings(`http://127.0.0.1:${outside}`, host.wings.token)).toMatchObject({ servers: [GAME_SERVER] });
    const { json } = await host.front({ undo: true });
    expect(json['steps']).toContainEqual(expect.stringContaining('publish it at'));
    expect(host.files()['/etc/pterodactyl/config.yml']).toBe(before);
    expect(host.units.commands.filter((command) => command.includes('wings.service'))).toEqual([]);
  });

  test('a socket that systemd holds for Roost is given up with it, or the next request would start Roost again', async () => {
    const host = await nodeHost();
    await host.front();
    const socket = host.units.state['roost.socket'] ?? {};
    Object.assign(socket, { ActiveState: 'active', UnitFileState: 'enabled' });
    await host.front({ undo: true });
    expect(socket).toMatchObject({ ActiveState: 'inactive', UnitFileState: 'disabled' });
    expect(host.units.commands).toContain('stop roost.socket roost.service');
    expect(await askWings(`http://127.0.0.1:${host.port}`, host.wings.token)).toMatchObject({ kind: 'pterodactyl' });
  });

  test('of a host without a front is refused', async () => {
    const host = await nodeHost();
    await expect(host.front({ undo: true })).rejects.toMatchObject({ code: 'config_invalid' });
    expect(host.units.commands).toEqual([]);
  });
});

function apiPort(host: NodeHost): number {
  return (parse(host.files()['/etc/roost/config.yml'] ?? '') as { api: { port: number } }).api.port;
}
