import fs from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { dropIn } from '../../../src/cli/setup/drop-in.ts';
import { hidingSteps } from '../../../src/cli/setup/hiding.ts';
import { installation, type Installation } from '../../../src/cli/setup/installation.ts';
import { version } from '../../../src/cli/version.ts';
import { parseConfig } from '../../../src/config/config.ts';
import { scratchDirectory } from '../../support/scratch.ts';
import { run } from '../run.ts';

const asRoot = it.skipIf(process.getuid?.() !== 0);
const CONFIG = 'etc/roost/config.yml';
const TOKEN = 'etc/roost/token';
const DROP_IN = 'etc/systemd/system/roost.service.d/paths.conf';

interface Told {
  readonly steps: readonly { readonly what: string; readonly state: string }[];
}

async function host() {
  const root = await scratchDirectory();
  fs.mkdirSync(join(root, 'etc'));
  return {
    root,
    setup: (...words: string[]) => run(['setup', '--root', root, ...words]),
    read: (name: string) => fs.readFileSync(join(root, name), 'utf8'),
    mode: (name: string) => fs.statSync(join(root, name)).mode & 0o777,
  };
}

const EMPTY = 'tokens: [{ id: t, secret: a-token-of-sixteen-characters, permissions: ["*"], servers: ["*"] }]\n';

describe('roost setup --dry-run', () => {
  it('says all that it would do, and does nothing', async () => {
    const { root, setup } = await host();
    const ran = await setup('--dry-run', '--json');
    expect(ran.exitCode).toBe(0);
    const { steps } = ran.json() as Told;
    expect(new Set(steps.map(({ state }) => state))).toEqual(new Set(['would be made']));
    expect(steps.map(({ what }) => what)).toEqual(
      expect.arrayContaining(['user roost', `/${TOKEN}`, `/${CONFIG}`, `/${DROP_IN}`]),
    );
    expect(fs.readdirSync(root, { recursive: true })).toEqual(['etc']);
  });

  it('names the faults of a config that is there, and exits 2', async () => {
    const { root, setup } = await host();
    fs.mkdirSync(join(root, 'etc/roost'));
    fs.writeFileSync(join(root, CONFIG), 'storge: {}\n');
    const ran = await setup('--dry-run');
    expect(ran).toMatchObject({ exitCode: 2, stdout: '' });
    expect(ran.stderr).toContain('storge');
  });

  it('refuses directories for a config that is there, and directories that are not absolute', async () => {
    const { root, setup } = await host();
    expect((await setup('--dry-run', '--servers', 'servers')).stderr).toContain('no absolute path');
    fs.mkdirSync(join(root, 'etc/roost'));
    fs.writeFileSync(join(root, CONFIG), EMPTY);
    const ran = await setup('--dry-run', '--servers', '/srv');
    expect(ran.exitCode).toBe(1);
    expect(ran.stderr).toContain('there is a config already');
  });
});

describe('roost setup (skipped unless root)', () => {
  asRoot('makes user, private token, config and unit, and changes nothing when run again', async () => {
    const { root, setup, read, mode } = await host();
    const first = await setup('--servers', '/srv/my "servers"', '--backups', '/mnt/100%');
    expect(first).toMatchObject({ exitCode: 0, stderr: '' });
    expect(read(TOKEN)).toMatch(/^[0-9a-f]{64}\n$/);
    expect(first.stdout).not.toContain(read(TOKEN).trim());
    expect([mode(TOKEN), mode(CONFIG), mode('etc/roost'), mode('var/lib/roost'), mode('var/lib')]).toEqual([
      0o600, 0o600, 0o700, 0o700, 0o755,
    ]);
    expect(read('etc/passwd')).toMatch(/^roost:x:\d+:\d+:/m);
    const config = parseConfig('c', read(CONFIG).replace('file:///etc/roost/token', read(TOKEN).trim()), {});
    expect(config.servers.root).toBe('/srv/my "servers"');
    expect(config.storage.stores).toMatchObject({ local: { directory: '/mnt/100%' } });
    expect(read(DROP_IN).split('\n').slice(2)).toEqual([
      '[Service]',
      'ReadWritePaths="-/mnt/100%%"',
      String.raw`ReadWritePaths="-/srv/my \"servers\""`,
      '',
    ]);

    const files = () => fs.readdirSync(root, { recursive: true, withFileTypes: true });
    const inodes = () => files().map(({ parentPath, name }) => [name, fs.lstatSync(join(parentPath, name)).ino]);
    const before = inodes();
    const again = (await setup('--json')).json() as Told;
    expect(new Set(again.steps.map(({ state }) => state))).toEqual(new Set(['is there']));
    expect(inodes()).toEqual(before);
  });

  asRoot('writes the drop-in again after the directories of the config changed, and keeps the token', async () => {
    const { root, setup, read } = await host();
    await setup();
    const token = read(TOKEN);
    fs.writeFileSync(join(root, CONFIG), read(CONFIG).replace('/var/lib/pterodactyl/volumes', '/home/games'));
    const { steps } = (await setup('--json')).json() as Told;
    expect(steps.filter(({ state }) => state !== 'is there')).toEqual([
      expect.objectContaining({ what: `/${DROP_IN}`, state: 'changed' }),
    ]);
    expect(read(DROP_IN)).toContain('ReadWritePaths="-/home/games"\nProtectHome=no\n');
    expect(read(TOKEN)).toBe(token);
  });

  asRoot('takes away the rights of others on a token that is there', async () => {
    const { root, setup, mode, read } = await host();
    fs.mkdirSync(join(root, 'etc/roost'));
    fs.writeFileSync(join(root, TOKEN), 'a-token-of-sixteen-characters\n', { mode: 0o644 });
    expect((await setup()).stdout).toContain(`changed: /${TOKEN}`);
    expect([mode(TOKEN), read(TOKEN)]).toEqual([0o600, 'a-token-of-sixteen-characters\n']);
  });

  asRoot('makes no token that the config does not name', async () => {
    const { root, setup } = await host();
    fs.mkdirSync(join(root, 'etc/roost'));
    fs.writeFileSync(join(root, CONFIG), EMPTY, { mode: 0o600 });
    expect((await setup()).exitCode).toBe(0);
    expect(fs.existsSync(join(root, TOKEN))).toBe(false);
  });
});

describe('what hides the files of a Debian package', () => {
  const PACKAGED = { directory: '/usr/lib/roost/1', base: '/usr/lib/roost/current', packaged: true, byNpm: false };
  const UNIT = 'etc/systemd/system/roost.service';
  const COMMAND = 'usr/local/bin/roost';

  async function looked(put: (at: (path: string) => string) => void, installed: Installation = PACKAGED) {
    const root = await scratchDirectory();
    const at = (path: string): string => join(root, path);
    fs.mkdirSync(at('etc/systemd/system'), { recursive: true });
    fs.mkdirSync(at('usr/local/bin'), { recursive: true });
    put(at);
    const steps = hidingSteps(installed, at);
    for (const step of steps) await step.run();
    const left = fs.readdirSync(root, { recursive: true, withFileTypes: true }).filter((entry) => !entry.isDirectory());
    return { steps: steps.map(({ what, todo }) => [what, todo]), left: left.map(({ name }) => name).sort() };
  }

  const earlier = (at: (path: string) => string): void => {
    fs.writeFileSync(
      at(UNIT),
      '[Service]\nExecStart=/opt/roost/node_modules/.bin/node /opt/roost/dist/main.js serve\n',
    );
    fs.writeFileSync(at(COMMAND), '#!/bin/sh\nexec /opt/roost/node_modules/.bin/node /opt/roost/dist/main.js "$@"\n');
  };

  it('is set aside when an earlier installation left it, and what was set aside before stays', async () => {
    const found = await looked((at) => {
      earlier(at);
      fs.writeFileSync(at(`${UNIT}.old`), 'older');
    });
    expect(found).toEqual({
      steps: [
        [`/${COMMAND}`, 'aside'],
        [`/${UNIT}`, 'aside'],
      ],
      left: ['roost.old', 'roost.service.old', 'roost.service.old2'],
    });
    expect((await looked((at) => fs.symlinkSync('/opt/roost/current/systemd/roost', at(COMMAND)))).left).toEqual([
      'roost.old',
    ]);
  });

  it.each([
    ['a unit that was masked', UNIT, (path: string) => fs.symlinkSync('/dev/null', path)],
    [
      "a changed copy of the package's unit",
      UNIT,
      (path: string) => fs.writeFileSync(path, 'ExecStart=/usr/lib/roost/current/node_modules/.bin/node x\n'),
    ],
    ['a command of another program', COMMAND, (path: string) => fs.writeFileSync(path, '#!/bin/sh\necho roost\n')],
  ])('stays when it is %s', async (_, name, put) => {
    const found = await looked((at) => put(at(name)));
    expect(found.steps).toEqual([]);
    expect(found.left).toHaveLength(1);
  });

  it('stays for an installation whose own files these are', async () => {
    const found = await looked(earlier, { directory: '/opt/roost', base: '/opt/roost', packaged: false, byNpm: false });
    expect(found).toEqual({ steps: [], left: ['roost', 'roost.service'] });
  });
});

describe('the drop-in', () => {
  const of = (text: string) => dropIn(parseConfig('c', `${EMPTY}${text}`, {}));

  it('names servers, listed servers and stores once, and what the unit allows already not at all', () => {
    const list = '{ id: 1b4e28ba-2fa1-4d3b-a3f5-ef19b5a7633b, path: /srv/one }';
    const text = of(`servers: { root: /srv/all, list: [${list}] }
storage: { default: a, stores: { a: { type: local, directory: /mnt/a }, b: { type: local, directory: /var/lib/roost/b } } }
panel: { backup_directories: [/srv/former, /mnt/a] }`);
    const paths = text.split('\n').filter((line) => line.startsWith('ReadWritePaths='));
    expect(paths).toEqual(['/mnt/a', '/srv/all', '/srv/former', '/srv/one'].map((path) => `ReadWritePaths="-${path}"`));
  });

  it('is refused for a name that would begin a setting of its own', () => {
    expect(() => of('servers: { root: "/srv/a\\nUser=root" }')).toThrow('Cannot let the service write');
  });
});

describe('the place of an installation', () => {
  it('is a link beside the directory of the version, as the system that is set up will see it', () => {
    const directory = `/image/opt/roost/${version()}`;
    expect(installation('/image', directory)).toEqual({
      directory,
      base: '/opt/roost/current',
      current: { path: '/image/opt/roost/current', target: version() },
      packaged: false,
      byNpm: false,
    });
  });

  it('is where npm put it, with the command that npm made', () => {
    const directory = '/usr/local/lib/node_modules/roost';
    expect(installation('/', directory)).toEqual({ directory, base: directory, packaged: false, byNpm: true });
  });

  it('is the checkout itself, or what a Debian package made', () => {
    expect(installation('/', '/srv/checkout')).toMatchObject({ base: '/srv/checkout', packaged: false });
    expect(installation('/', `/usr/lib/roost/${version()}`)).toMatchObject({
      base: '/usr/lib/roost/current',
      packaged: true,
    });
  });
});
