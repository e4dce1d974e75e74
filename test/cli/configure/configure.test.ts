import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { mkdir, readFile, readdir, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { parseConfig } from '../../../src/config/config.ts';
import { NODE_ID, openPanel, type PanelFlavour } from '../../support/panel/panel.ts';
import { scratchDirectory } from '../../support/scratch.ts';
import { run } from '../run.ts';

async function site(flavour: PanelFlavour = 'pterodactyl') {
  const panel = await openPanel({ flavour });
  const directory = await scratchDirectory();
  const file = join(directory, 'config.yml');
  const configure = (...more: string[]) =>
    run(
      ['configure', '--panel-url', panel.url, '--token', panel.applicationKey, '--node', NODE_ID].concat([
        '--config',
        file,
        ...more,
      ]),
    );
  return { panel, directory, file, configure };
}

const EXISTING = `# Our node.
api: { host: 127.0.0.1, port: 8090 } # behind a proxy
state_directory: /srv/roost # on the large disk
servers: { root: /srv/servers }
tokens:
  - { id: ours, secret: a-secret-of-our-own-making, permissions: ["*"], servers: ["*"] }
limits: { per_server: 3 }
`;

describe('roost configure', () => {
  test.each(['pterodactyl', 'pelican'] as const)('writes a config that serves a %s panel', async (flavour) => {
    const { panel, file, configure } = await site(flavour);
    const ran = await configure();
    expect(ran.exitCode).toBe(0);
    const config = parseConfig(file, await readFile(file, 'utf8'), {});
    const { tokenId, token } = panel.node;
    expect(config.panel).toMatchObject({ flavour, connection: { url: panel.url, tokenId } });
    expect(config.panel.connection?.token.reveal()).toBe(token);
    expect(config.api).toMatchObject({ host: '0.0.0.0', port: 8080, tls: null });
    expect(config.servers.root).toBe('/var/lib/pterodactyl/volumes');
    expect(config.tokens).toHaveLength(1);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(ran.stdout).not.toContain(token);
  });

  test('asks as Wings does, and names the panel that it is told of', async () => {
    const { panel, file, configure } = await site('calagopus');
    expect((await configure('--flavour', 'calagopus', '--json')).json()).toMatchObject({
      file,
      flavour: 'calagopus',
      replaced: false,
    });
    const [call] = panel.callsTo('GET', /configuration$/);
    expect(call?.path).toBe(`/api/application/nodes/${NODE_ID}/configuration`);
    expect(call?.headers['authorization']).toBe(`Bearer ${panel.applicationKey}`);
  });

  test('replaces no config that is there, and asks the panel for nothing then', async () => {
    const { panel, file, configure } = await site();
    await writeFile(file, EXISTING);
    const ran = await configure();
    expect(ran.exitCode).toBe(1);
    expect(ran.stderr).toContain('--override');
    expect(await readFile(file, 'utf8')).toBe(EXISTING);
    expect(panel.calls).toEqual([]);
  });

  test('changes with --override what the panel decides, and keeps all else with its comments', async () => {
    const { panel, directory, file, configure } = await site();
    await writeFile(file, EXISTING, { mode: 0o644 });
    expect((await configure('--override')).exitCode).toBe(0);
    const text = await readFile(file, 'utf8');
    for (const kept of ['# Our node.', '# on the large disk', '# behind a proxy', 'a-secret-of-our-own-making']) {
      expect(text).toContain(kept);
    }
    const config = parseConfig(file, text, {});
    expect(config).toMatchObject({
      api: { host: '0.0.0.0', port: 8080 },
      stateDirectory: '/srv/roost',
      servers: { root: '/srv/servers' },
      limits: { perServer: 3 },
      panel: { flavour: 'pterodactyl', connection: { url: panel.url } },
    });
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(await readdir(directory)).toEqual(['config.yml']);
    // Once more: the flavour is the config's now.
    panel.rotate();
    expect((await configure('--override')).exitCode).toBe(0);
    expect(await readFile(file, 'utf8')).toContain(panel.node.token);
  });

  test('writes through a link to the file that it leads to', async () => {
    const { directory, file, configure } = await site();
    const real = join(directory, 'real.yml');
    await writeFile(real, EXISTING);
    await symlink(real, file);
    expect((await configure('--override')).exitCode).toBe(0);
    expect(await readFile(real, 'utf8')).toContain('pterodactyl');
  });

  test('leaves a config alone that could not be used', async () => {
    const { file, configure } = await site();
    await writeFile(file, 'api: { prot: 1 }\n');
    const ran = await configure('--override');
    expect([ran.exitCode, await readFile(file, 'utf8')]).toEqual([2, 'api: { prot: 1 }\n']);
    expect(ran.stderr).toContain(`Cannot use the configuration ${file}`);
  });

  test('finds the backups that the daemon before has left beside its servers', async () => {
    const { panel, directory, file, configure } = await site();
    await mkdir(join(directory, 'backups'));
    const configuration = { ...panel.nodeConfiguration(), system: { data: join(directory, 'volumes') } };
    panel.script = () => ({ status: 200, body: JSON.stringify(configuration) });
    expect((await configure()).stdout).toContain(join(directory, 'backups'));
    const { backupDirectories } = parseConfig(file, await readFile(file, 'utf8'), {}).panel;
    expect(backupDirectories).toEqual([join(directory, 'backups')]);
  });

  test('serves with the certificate that the panel names', async () => {
    const { panel, file, configure } = await site();
    const ssl = {
      enabled: true,
      cert: '/etc/letsencrypt/live/node/fullchain.pem',
      key: '/etc/letsencrypt/live/node/key.pem',
    };
    const configuration = { ...panel.nodeConfiguration(), api: { host: '::', port: 8443, ssl, upload_limit: 100 } };
    panel.script = () => ({ status: 200, body: JSON.stringify(configuration) });
    expect((await configure()).exitCode).toBe(0);
    const { api } = parseConfig(file, await readFile(file, 'utf8'), {});
    expect(api).toMatchObject({ host: '::', port: 8443, tls: { cert: ssl.cert, key: ssl.key } });
  });
});

describe('roost configure says what is wrong, and writes nothing:', () => {
  test.each([
    ['a key that the panel does not take', ['--token', 'ptla_wrong'], /does not take the key \(401\)/],
    ['a node that there is not', ['--node', '99'], /knows no node 99/],
    ['a node that leads elsewhere', ['--node', '../../client'], /is no id of a node/],
    ['an address that is none', ['--panel-url', 'panel.example.com'], /is no address of a panel/],
    ['a key that does not tell the panel', ['--token', 'abc'], /--flavour/],
  ])('%s', async (_, more, expected) => {
    const { directory, configure } = await site();
    const ran = await configure(...more);
    expect(ran.exitCode).toBe(1);
    expect(ran.stderr).toMatch(expected);
    expect(await readdir(directory)).toEqual([]);
  });

  test.each([
    ['refuse', /cannot be reached \(ECONNREFUSED\)/],
    ['reset', /cannot be reached/],
    ['gateway', /answered 502/],
    [500, /answered 500/],
  ] as const)('a panel that is away (%s)', async (outage, expected) => {
    const { panel, directory, configure } = await site();
    await panel.setOutage(outage);
    const ran = await configure();
    expect([ran.exitCode, await readdir(directory)]).toEqual([1, []]);
    expect(ran.stderr).toMatch(expected);
  });

  test.each([
    ['a page', '<html>Welcome</html>', /is no JSON/],
    ['another answer', '{"data":[]}', /token_id/],
    ['a token that is a reference to a file', { token: 'file:///etc/shadow' }, /token: has characters/],
    ['a token that is a variable', { token: '${HOME_OF_ROOST_TOKEN}' }, /token: has characters/],
    ['an answer without end', 'x'.repeat(2_000_000), /far too long/],
    ['servers that lie nowhere', { system: { data: 'volumes' } }, /system.data: is no absolute path/],
  ])('%s in the place of the configuration', async (_, answer, expected) => {
    const { panel, directory, configure } = await site();
    const body = typeof answer === 'string' ? answer : JSON.stringify({ ...panel.nodeConfiguration(), ...answer });
    panel.script = () => ({ status: 200, body });
    const ran = await configure();
    expect([ran.exitCode, await readdir(directory)]).toEqual([1, []]);
    expect(ran.stderr).toMatch(expected);
  });

  test('a panel that sends on to another place, which never sees the key', async () => {
    const { panel, configure } = await site();
    const seen: (string | undefined)[] = [];
    const other = createServer((request, response) => {
      seen.push(request.headers.authorization);
      response.end('{}');
    });
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void other.close());
    const to = `http://127.0.0.1:${(other.address() as AddressInfo).port}/login`;
    panel.script = () => ({ status: 302, body: '', headers: { Location: to } });
    const ran = await configure();
    expect([ran.exitCode, seen]).toEqual([1, []]);
    expect(ran.stderr).toContain(`sends on to ${to}`);
  });
});

describe('the key of the panel', () => {
  async function withKey(...key: string[]) {
    const { panel, directory, file } = await site();
    const path = join(directory, 'key');
    await writeFile(path, `${panel.applicationKey}\n`);
    const given = key.map((word) => word.replace('KEY', path));
    return {
      done: await run(['configure', '--panel-url', panel.url, '--node', NODE_ID, '--config', file, ...given]),
      file,
    };
  }

  test('comes from a file, where the list of processes does not show it', async () => {
    const { done, file } = await withKey('--token-file', 'KEY');
    expect(done.exitCode).toBe(0);
    expect(await readFile(file, 'utf8')).toContain('flavour: pterodactyl');
  });

  test.each([
    ['neither', []],
    ['both', ['--token', 'x', '--token-file', 'KEY']],
    ['a missing file', ['--token-file', '/nonexistent/key']],
    ['a file without a key', ['--token-file', '/dev/null']],
  ])('%s is refused before anything is asked', async (_, given) => {
    const { done } = await withKey(...given);
    expect(done.exitCode).toBe(1);
    expect(done.stderr).toContain('Cannot configure the node: ');
  });
});
