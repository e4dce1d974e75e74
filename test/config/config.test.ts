import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { describe, expect, test } from 'vitest';
import { type Fault, loadConfig, parseConfig, Secret } from '../../src/config/config.ts';
import { failureOf, thrownBy } from '../support/rejection.ts';
import { scratchDirectory } from '../support/scratch.ts';

const EXAMPLE = join(import.meta.dirname, '../../config.example.yml');
const SERVER = '1b4e28ba-2fa1-4d3b-a3f5-ef19b5a7633b';
const OTHER = '2b4e28ba-2fa1-4d3b-a3f5-ef19b5a7633b';
const LONG = 'a-secret-of-enough-characters';

/** The faults of a text as `line:column key: problem (hint)`. */
function faultsOf(text: string, env: Record<string, string> = {}): string[] {
  const failure = thrownBy(() => parseConfig('c.yml', text, env), 'config_invalid');
  const [, ...lines] = failure.message.split('\n');
  expect(failure.facts['faults']).toHaveLength(lines.length);
  return lines.map((line) => line.replace(/^c\.yml:/, ''));
}

describe('the example', () => {
  test('loads as it is, with its one variable set', async () => {
    const config = await loadConfig(EXAMPLE, { ROOST_TOKEN: LONG });
    expect(config.tokens.map(({ id, permissions, servers }) => ({ id, permissions, servers }))).toEqual([
      { id: 'panel', permissions: ['*'], servers: ['*'] },
    ]);
    expect(config.tokens[0]?.secret.reveal()).toBe(LONG);
  });

  test('shows the defaults: apart from tokens, servers and the layout of its store it equals an empty file', async () => {
    const { tokens: _, servers: __, notes: ___, ...shown } = await loadConfig(EXAMPLE, { ROOST_TOKEN: LONG });
    const { tokens: ____, servers: _____, notes: ______, ...empty } = parseConfig('c.yml', '', {});
    const { local } = empty.storage.stores;
    expect(local).toMatchObject({ type: 'local', layout: 'plain' });
    const stores = { local: { ...local, layout: 'vault' } };
    expect(shown).toEqual({ ...empty, storage: { ...empty.storage, stores } });
  });

  test('loads with every commented key in force', async () => {
    const secret = join(await scratchDirectory(), 'secret');
    await writeFile(secret, `${LONG}-from-a-file\n`);
    const text = inForce(await readFile(EXAMPLE, 'utf8')).replace(/file:\/\/\/\S+/g, `file://${secret}`);
    const env = { ROOST_TOKEN: LONG, S3_KEY_ID: 'key-id', PANEL_TOKEN_ID: 'id', PANEL_TOKEN: 'token' };
    const config = parseConfig('c.yml', text, env);
    expect(config.api.publicUrl).toBe('https://node1.example.com:8090');
    expect(config.api.tls).toEqual({ cert: '/etc/roost/tls.crt', key: '/etc/roost/tls.key' });
    expect(config.servers.list).toEqual([{ id: SERVER, path: '/srv/minecraft', name: 'survival' }]);
    expect(config.tokens[1]?.secret.reveal()).toBe(`${LONG}-from-a-file`);
    expect(config.storage.stores['offsite']).toMatchObject({ type: 's3', prefix: 'node1/', bucket: 'game-backups' });
    expect(config.schedules).toHaveLength(2);
    expect(config.notify.channels.map(({ type }) => type)).toEqual(['discord', 'webhook', 'ntfy', 'healthchecks']);
    expect(config.panel.flavour).toBe('none');
    for (const driver of ['command', 'wings', 'rcon']) {
      const power = new RegExp(`^# power:\\n((?:#   .*\\n)*?#   driver: ${driver}.*\\n(?:#   .*\\n)*)`, 'm').exec(text);
      const section = `power:\n${(power?.[1] ?? '').replace(/^# {3}/gm, '  ')}`;
      const panel = 'panel: { flavour: pterodactyl, url: "https://p.test", token_id: x, token: y }';
      expect(parseConfig('c.yml', `${panel}\n${section}`, env).power).toMatchObject({ driver, timeoutSeconds: 120 });
    }
  });
});

/** The example with its indented, commented keys and items in force, and the empty lists before such items gone. */
function inForce(text: string): string {
  return text
    .replace(/^( *(?:list|schedules|channels): )\[\]/gm, '$1')
    .replace(/^( *)#( +- \{ .*)$/gm, '$1$2')
    .replace(/^( +)# (( *)(- )?[a-z0-9_]+:( .*)?)$/gm, '$1$2');
}

describe('faults', () => {
  test('all of them are told at once, each with its place, in the order of the file', () => {
    const faults = faultsOf(
      [
        'api:',
        '  prot: 1',
        '  port: "x"',
        '  tls: { cert: relative }',
        'tokens:',
        '  - { id: a, secret: short, permissions: [bakup.read], servers: [nobody] }',
        'limits: { max_size: 12 parsecs, per_server: -1 }',
        'log: { level: inof }',
      ].join('\n'),
    );
    expect(faults).toEqual([
      '2:3 api.prot: is no known key (Did you mean "port"?)',
      '3:3 api.port: must be a number, not text',
      '4:3 api.tls.key: is required',
      '4:10 api.tls.cert: must be an absolute path (Begin it with a slash.)',
      '6:14 tokens[0].secret: has 5 characters, at least 16 are needed (Make one with: openssl rand -hex 32)',
      expect.stringContaining('6:43 tokens[0].permissions[0]: must be one of backup.read,'),
      '6:66 tokens[0].servers[0]: must be a UUID, or "*" for every server',
      '7:11 limits.max_size: is no size (Write a number with a unit, such as 500MiB or 10GiB.)',
      '7:33 limits.per_server: must be at least 0',
      '8:8 log.level: must be one of trace, debug, info, warn, error, fatal, silent (Did you mean "info"?)',
    ]);
  });

  test('facts.faults has the same as data', () => {
    const failure = thrownBy(() => parseConfig('c.yml', 'apis: {}', {}), 'config_invalid');
    const expected: Fault = {
      file: 'c.yml',
      line: 1,
      column: 1,
      key: 'apis',
      problem: 'is no known key',
      hint: 'Did you mean "api"?',
    };
    expect(failure.facts['faults']).toEqual([expected]);
  });

  test.each([
    ['backups: { readLimit: 3 }', '1:12 backups.readLimit: is no known key (Did you mean "read_limit"?)'],
    ['backups: { compresion: best }', '1:12 backups.compresion: is no known key (Did you mean "compression"?)'],
    ['storage: { stroes: {} }', '1:12 storage.stroes: is no known key (Did you mean "stores"?)'],
    ['verification: { often: 1 }', '1:17 verification.often: is no known key (Known here: every_days.)'],
    [
      'restore: { owner: root }',
      '1:12 restore.owner: must be "archive", or numbers as UID:GID (Such as "988:988", in quotes.)',
    ],
    ['restore: { owner: "4294967295:0" }', expect.stringContaining('restore.owner: must be "archive"')],
    ['api: { trusted_proxies: [10.0.0.0/33] }', expect.stringContaining('must be an IP address or block')],
    ['panel: { restore_host_allowlist: [10.0.0.0/33] }', expect.stringContaining('must be a host name, an IP address')],
    ['panel: { restore_host_allowlist: ["minio.lan:9000"] }', expect.stringContaining('must be a host name')],
    ['panel: { restore_host_allowlist: ["*.lan"] }', expect.stringContaining('must be a host name')],
    ['api: { public_url: "ftp://x" }', expect.stringContaining('api.public_url: must be a URL')],
    ['api: { public_url: "https://a:b@x" }', expect.stringContaining('must not hold credentials')],
    [
      'schedules: [ { server: "*", cron: "every day" } ]',
      expect.stringContaining('schedules[0].cron: must be a cron expression'),
    ],
    [
      'schedules: [ { server: "*", cron: "0 25 * * *" } ]',
      expect.stringContaining('schedules[0].cron: must be a cron expression'),
    ],
    [
      'schedules: [ { server: "*", cron: "0 4 * * *", timezone: Europe/Atlantis } ]',
      expect.stringContaining('schedules[0].timezone: must be a time zone'),
    ],
    ['schedules: [ { cron: "0 4 * * *" } ]', '1:14 schedules[0].server: is required'],
    ['power: { driver: win }', '1:10 power.driver: must be one of none, command, wings, rcon'],
    [
      'power: { drivr: none }',
      '1:1 power.driver: is required: one of none, command, wings, rcon (Did you mean it by "drivr"?)',
    ],
    ['state_directory: var/lib', expect.stringContaining('state_directory: must be an absolute path')],
    ['servers: { list: [ { id: x, path: /a } ] }', expect.stringContaining('servers.list[0].id: must be a UUID')],
    ['backups: { workers: many }', expect.stringContaining('must be "auto", or a number from 1 to 64')],
    ['just text', '1:1 the file: must be a section of keys, not text'],
    ['api: [1]', '1:1 api: must be a section of keys, not a list'],
    ['tokens: { id: a }', '1:1 tokens: must be a list, not a section of keys'],
  ])('%s', (text, expected) => {
    expect(faultsOf(text)).toEqual([expected]);
  });

  test('an unquoted secret of digits is told to need quotes, and not shown', () => {
    const faults = faultsOf(`tokens: [ { id: a, secret: 12345678901234567890, permissions: ["*"], servers: ["*"] } ]`);
    expect(faults).toEqual(['1:20 tokens[0].secret: must be text, not a number (Put it in quotes.)']);
  });

  test('YAML that does not parse is a fault with a place, and its line is not shown', () => {
    const faults = faultsOf('api:\n  port: 1\n  port: 2\ntokens: [{ secret: hunter2hunter2: }');
    expect(faults[0]).toBe('3:3 the file: has the key "port" twice in one section');
    expect(faults.join('\n')).not.toContain('hunter2');
  });

  test('what follows from one fault of YAML is not told, and a tab is told to be one', () => {
    expect(faultsOf('tokens:\n  - { id: a, secret: ${FOO}, permissions: ["*"], servers: ["*"] }\n')).toEqual([
      expect.stringMatching(/^2:\d+ the file: is not valid YAML: .* go in quotes\.\)$/),
    ]);
    expect(faultsOf('api:\n\tport: 1\n')).toEqual([expect.stringMatching(/^2:1 .* \(Indent with spaces\.\)$/)]);
  });

  test('an alias bomb is refused quickly', () => {
    const levels = Array.from({ length: 12 }, (_, level) =>
      level === 0
        ? 'a0: &a0 [x, x, x, x, x, x, x, x, x]'
        : `a${level}: &a${level} [${Array(9)
            .fill(`*a${level - 1}`)
            .join(', ')}]`,
    );
    expect(faultsOf(levels.join('\n'))[0]).toContain('is not valid YAML');
  });

  test('a key with control characters cannot forge a line', () => {
    const failure = thrownBy(() => parseConfig('c.yml', '"a\\nb: fine\\e[2J": 1', {}), 'config_invalid');
    expect(failure.message.split('\n')).toHaveLength(2);
    expect(failure.message).toContain('a\\nb: fine\\x1b[2J: is no known key');
  });

  test('a missing file is a fault with a hint', async () => {
    const failure = await failureOf(loadConfig('/nonexistent/config.yml', {}), 'config_invalid');
    expect(failure.message).toBe('Cannot read the configuration /nonexistent/config.yml: there is no such file');
    expect(failure.hint).toContain('--config');
  });
});

describe('faults between keys', () => {
  const token = (id: string, secret = `${LONG}-${id}`): string =>
    `{ id: ${id}, secret: ${secret}, permissions: ["*"], servers: ["*"] }`;

  test('two tokens with one id, or with one secret', () => {
    expect(faultsOf(`tokens: [ ${token('a')}, ${token('a', `${LONG}-b`)} ]`)).toEqual([
      expect.stringContaining('tokens[1].id: is the id of another token too (See tokens[0].id.)'),
    ]);
    expect(faultsOf(`tokens: [ ${token('a', LONG)}, ${token('b', LONG)} ]`)).toEqual([
      expect.stringContaining('tokens[1].secret: is the secret of another token too'),
    ]);
  });

  test('a default store that is not there', () => {
    expect(faultsOf('storage: { default: locl, stores: { local: { type: local, directory: /b } } }')).toEqual([
      '1:12 storage.default: names no store (local) (Did you mean "local"?)',
    ]);
    expect(faultsOf('storage: { stores: { main: { type: local, directory: /b } } }')).toEqual([
      '1:1 storage.default: is required: no store is named "local"',
    ]);
    expect(faultsOf('storage: { default: offsite }')).toHaveLength(1);
  });

  test('two stores in one directory, a store with a bad name', () => {
    const stores = '{ local: { type: local, directory: /b }, Two: { type: local, directory: /b/../b/ } }';
    expect(faultsOf(`storage: { stores: ${stores} }`)).toEqual([
      expect.stringContaining('storage.stores.Two: must have a short name'),
      expect.stringContaining('storage.stores.Two.directory: is the directory of the store local too'),
    ]);
  });

  test('two servers with one id or one path', () => {
    const list = [`{ id: ${SERVER}, path: /srv/a }`, `{ id: ${SERVER.toUpperCase()}, path: /srv/a/ }`];
    expect(faultsOf(`servers: { list: [ ${list.join(', ')} ] }`)).toEqual([
      expect.stringContaining('servers.list[1].id: is the id of another server too'),
      expect.stringContaining('servers.list[1].path: is the path of another server too'),
    ]);
  });

  test('a directory of the root listed under another id', () => {
    expect(faultsOf(`servers: { root: /v, list: [ { id: ${SERVER}, path: /v/${OTHER} } ] }`)).toEqual([
      expect.stringContaining(`is the server ${OTHER} of servers.root already`),
    ]);
    expect(
      parseConfig('c', `servers: { root: /v, list: [ { id: ${OTHER}, path: /v/${OTHER} } ] }`, {}).servers.list,
    ).toHaveLength(1);
  });

  test('a panel flavour without the connection that it needs', () => {
    expect(faultsOf('panel: { flavour: pelican, url: https://p.example }')).toEqual([
      '1:1 panel.token_id: is required with the flavour pelican',
      '1:1 panel.token: is required with the flavour pelican',
    ]);
  });
});

describe('values', () => {
  test('sections, lists and strings arrive in the spelling of the program', () => {
    const config = parseConfig(
      'c.yml',
      [
        'api: { public_url: "https://node.example/roost/", trusted_proxies: ["10.0.0.0/8", "::1"] }',
        'backups: { workers: 3, read_limit: 12.5 }',
        'limits: { max_size: 1.5GiB, reserve_free: 1000 }',
        'restore: { setuid: keep, owner: "988:989" }',
        `servers: { root: /v/, list: [ { id: ${SERVER.toUpperCase()}, path: /srv//mc/ } ] }`,
        'schedules: [ { server: "*", cron: "@daily" } ]',
        'panel: { flavour: pelican, url: "https://p.example/", token_id: "${ID}", token: "${TOKEN}", owns_reset: true,',
        '  restore_host_allowlist: [minio.lan, "10.0.0.0/8", "::1"] }',
        'power: { driver: command, stop: [stop, "{server}"] }',
      ].join('\n'),
      { ID: 'the-id', TOKEN: 'the-token' },
    );
    expect(config.api.publicUrl).toBe('https://node.example/roost');
    expect(config.backups).toMatchObject({ workers: 3, readLimit: 12.5, writeLimit: 0 });
    expect(config.limits).toEqual({
      perServer: 20,
      maxSize: 1.5 * 2 ** 30,
      serverBytes: 0,
      servers: {},
      reserveFree: 1000,
    });
    expect(config.restore).toEqual({ setuid: 'keep', owner: { uid: 988, gid: 989 } });
    expect(config.servers).toEqual({ root: '/v', list: [{ id: SERVER, path: '/srv/mc', name: null }] });
    expect(config.panel).toMatchObject({
      ownsReset: true,
      restoreHostAllowlist: ['minio.lan', '10.0.0.0/8', '::1'],
      connection: { url: 'https://p.example', tokenId: 'the-id' },
    });
    expect(config.panel.connection?.token.reveal()).toBe('the-token');
    expect(config.power).toEqual({
      driver: 'command',
      status: null,
      stop: ['stop', '{server}'],
      kill: null,
      start: null,
      prepare: null,
      resume: null,
      timeoutSeconds: 120,
    });
  });

  test('a section whose keys are all commented out counts as absent', () => {
    expect(parseConfig('c.yml', 'panel:\n  # flavour: pelican\napi:\n  port:\n', {}).api.port).toBe(8090);
  });

  test('secrets come from the environment and from files, without the line end', async () => {
    const directory = await scratchDirectory();
    await writeFile(join(directory, 'token'), `${LONG}-file\n`);
    const tokens = [
      `{ id: a, secret: "\${A}", permissions: [backup.read], servers: ["${SERVER}"] }`,
      `{ id: b, secret: file://${directory}/token, permissions: [], servers: [] }`,
    ];
    const config = parseConfig('c.yml', `tokens: [ ${tokens.join(', ')} ]`, { A: `${LONG}-env` });
    expect(config.tokens.map(({ secret }) => secret.reveal())).toEqual([`${LONG}-env`, `${LONG}-file`]);
  });

  test('a secret that cannot be found is a fault that names the place, not a token without protection', async () => {
    const empty = join(await scratchDirectory(), 'empty');
    await writeFile(empty, '\n');
    const secretOf = (secret: string): string[] =>
      faultsOf(`tokens: [ { id: a, secret: "${secret}", permissions: [], servers: [] } ]`, { EMPTY: '' });
    expect(secretOf('${NOPE}')).toEqual([expect.stringContaining('the environment variable NOPE is not set')]);
    expect(secretOf('${EMPTY}')).toEqual([expect.stringContaining('the environment variable EMPTY is empty')]);
    expect(secretOf('file:///nonexistent')).toEqual([expect.stringContaining('/nonexistent cannot be read (ENOENT)')]);
    expect(secretOf(`file://${empty}`)).toEqual([expect.stringContaining('is empty')]);
    expect(secretOf('file://host/x')).toEqual([expect.stringContaining('is no file URL')]);
  });

  test('no way of showing a configuration shows a secret', () => {
    const text = `tokens: [ { id: a, secret: ${LONG}, permissions: [], servers: [] } ]`;
    const config = parseConfig('c.yml', text, {});
    const shown = [
      JSON.stringify(config),
      inspect(config, { depth: 9, showHidden: true }),
      String(config.tokens[0]?.secret),
    ];
    for (const words of shown) expect(words).not.toContain(LONG);
    expect(JSON.stringify(new Secret(LONG))).toBe('"[secret]"');
    expect(String(new Secret(LONG))).toBe('[secret]');
  });
});

describe('notes', () => {
  const notesOf = (text: string): readonly string[] => parseConfig('c.yml', text, {}).notes;

  test('schedules that reach the limit of backups, and ones that never come', () => {
    const scheduled = 'schedules: [ { server: "*", cron: "0 4 * * *" } ]\n';
    expect(notesOf(scheduled)).toContainEqual(
      expect.stringContaining('after 20 backups of a server (limits.per_server)'),
    );
    expect(notesOf(`${scheduled}retention: { keep_daily: 20 }`)).toContainEqual(
      expect.stringContaining('retention keeps 20 backups of a server and limits.per_server allows 20'),
    );
    for (const fine of ['retention: { keep_last: 7 }', 'limits: { per_server: 0 }']) {
      expect(notesOf(scheduled + fine).filter((note) => note.includes('per_server'))).toEqual([]);
    }
    expect(notesOf('schedules: [ { server: "*", cron: "0 4 31 2 *" } ]')).toContainEqual(
      'The schedule "0 4 31 2 *" never comes: there is no such day.',
    );
  });

  test('backups inside a server are allowed and said', () => {
    const storage = 'storage: { stores: { local: { type: local, directory: /srv/mc/backups } } }';
    const notes = notesOf(`servers: { list: [ { id: ${SERVER}, path: /srv/mc } ] }\n${storage}`);
    expect(notes).toContainEqual(expect.stringContaining('(/srv/mc/backups) lies inside /srv/mc'));
  });

  test('a directory that only begins alike is not inside', () => {
    const storage = 'storage: { stores: { local: { type: local, directory: /srv/mc-backups } } }';
    const notes = notesOf(`servers: { list: [ { id: ${SERVER}, path: /srv/mc } ] }\n${storage}`);
    expect(notes.filter((note) => note.includes('lies inside'))).toEqual([]);
  });

  test('an open address without TLS, servers within servers, and nobody to use it', () => {
    expect(notesOf('api: { host: 0.0.0.0 }')).toContainEqual(expect.stringContaining('without TLS'));
    expect(notesOf('')).toContainEqual(expect.stringContaining('the API cannot be used'));
    const list = [`{ id: ${SERVER}, path: /srv/mc }`, `{ id: ${OTHER}, path: /srv/mc/inner }`];
    expect(notesOf(`servers: { list: [ ${list.join(', ')} ] }`)).toContainEqual(
      expect.stringContaining('of the outer leave it out'),
    );
  });

  test('a file that others may read', async () => {
    const path = join(await scratchDirectory(), 'c.yml');
    await writeFile(path, '');
    await chmod(path, 0o644);
    expect((await loadConfig(path, {})).notes).toContainEqual(expect.stringContaining('chmod 600'));
    await chmod(path, 0o600);
    expect((await loadConfig(path, {})).notes.filter((note) => note.includes('chmod'))).toEqual([]);
  });
});
