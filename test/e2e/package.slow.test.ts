/** The packages, and the lines of README.md by which a host is set up, in a bare Debian without network. */
import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { tmpdir } from 'node:os';
import { earlierVersion } from '../support/earlier-version.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
/** A Debian with systemd that does not run; made once, which takes a minute and the network. */
const DEBIAN = process.env['ROOST_TEST_DEBIAN'] ?? '/var/cache/roost-test/bookworm';

function hasPrograms(...names: string[]): boolean {
  const env = { PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin` };
  return names.every((name) => spawnSync(name, ['--version'], { stdio: 'ignore', env }).error === undefined);
}

function hasDebian(): boolean {
  if (process.getuid?.() !== 0 || process.arch !== 'x64' || !hasPrograms('unshare', 'mount', 'chroot')) return false;
  if (fs.existsSync(join(DEBIAN, 'etc/debian_version'))) return true;
  if (!hasPrograms('debootstrap')) return false;
  fs.mkdirSync(join(DEBIAN, '..'), { recursive: true });
  const half = fs.mkdtempSync(`${DEBIAN}.`);
  const words = ['--variant=minbase', '--include=systemd', 'bookworm', half];
  const made = spawnSync('debootstrap', words, { stdio: 'ignore', timeout: 600_000 }).status === 0;
  if (made) fs.renameSync(half, DEBIAN);
  else fs.rmSync(half, { recursive: true, force: true });
  return made;
}

/** A running Docker, and the image that the Dockerfile begins with: it is never fetched by a test. */
function hasDocker(): boolean {
  return spawnSync('docker', ['image', 'inspect', 'debian:bookworm-slim'], { stdio: 'ignore' }).status === 0;
}

const packaging = hasPrograms('git', 'dpkg-deb', 'tar', 'gzip') && fs.existsSync(join(ROOT, '.git'));

describe.skipIf(!packaging)('packages (skipped without git and dpkg-deb)', () => {
  let scratch: string;
  let names: readonly string[];
  let version: string;
  const first = () => join(scratch, 'first');

  function build(output: string, umask: string): void {
    const line = `umask ${umask}; exec npm run --silent package -- --cpu x64 --output "$0"`;
    execFileSync('sh', ['-c', line, output], { cwd: ROOT, stdio: ['ignore', 'ignore', 'inherit'] });
  }

  beforeAll(() => {
    scratch = fs.mkdtempSync(join(tmpdir(), 'roost-package-'));
    build(first(), '022');
    names = fs.readdirSync(first());
    version = /^roost-(.*)-linux-x64\.tar\.gz$/.exec(names.find((name) => name.endsWith('.tar.gz')) ?? '')?.[1] ?? '';
  }, 600_000);
  afterAll(() => {
    fs.rmSync(scratch, { recursive: true, force: true });
  });

  test('are a .deb, a .tar.gz and a list of what is in them, with checksums that hold', () => {
    expect([...names].sort()).toEqual(
      [
        `roost-${version}-linux-x64.tar.gz`,
        `roost-${version}.cdx.json`,
        `roost_${version}_amd64.deb`,
        'Dockerfile',
        'SHA256SUMS',
      ].sort(),
    );
    execFileSync('sha256sum', ['--check', '--quiet', 'SHA256SUMS'], { cwd: first() });
    const bom = JSON.parse(fs.readFileSync(join(first(), `roost-${version}.cdx.json`), 'utf8')) as {
      readonly bomFormat: string;
      readonly metadata: { readonly component: unknown };
      readonly components: readonly { readonly name: string; readonly 'bom-ref': string }[];
      readonly dependencies: readonly { readonly dependsOn: readonly string[] }[];
    };
    expect(bom).toMatchObject({ bomFormat: 'CycloneDX', metadata: { component: { name: 'roost', version } } });
    expect(bom.components.map(({ name }) => name)).toEqual(expect.arrayContaining(['koffi', 'hono', 'tar']));
    // Bundled into the page, with what that needs, and taken over as files.
    const ofPage = ['@preact/signals', '@preact/signals-core', 'lucide', 'openapi-fetch', 'uplot', 'swagger-ui-dist'];
    expect(bom.components.map(({ name }) => name)).toEqual(expect.arrayContaining(ofPage));
    for (const build of ['vitest', 'vite', 'rolldown', 'typescript', 'playwright-core']) {
      expect(bom.components.map(({ name }) => name)).not.toContain(build);
    }
    const named = new Set(bom.components.map((each) => each['bom-ref']));
    expect(bom.dependencies.flatMap(({ dependsOn }) => dependsOn).filter((ref) => !named.has(ref))).toEqual([]);
  });

  test('are the same bytes when the commit is built again, by a user with another umask', () => {
    const second = join(scratch, 'second');
    build(second, '077');
    expect(fs.readFileSync(join(second, 'SHA256SUMS'), 'utf8')).toBe(
      fs.readFileSync(join(first(), 'SHA256SUMS'), 'utf8'),
    );
  });

  test.skipIf(!hasDocker())(
    'make an image that serves, is healthy, and backs up and restores (skipped without Docker and debian:bookworm-slim)',
    () => {
      const docker = (...words: string[]): string =>
        execFileSync('docker', words, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] }).trim();
      const tag = `roost-test:${process.pid}`;
      docker('build', '--quiet', '--network', 'host', '--tag', tag, first());
      const server = '1b4e28ba-2fa1-4d3b-a3f5-ef19b5a7633b';
      const config = `servers: { root: /srv }
tokens: [{ id: test, secret: file:///etc/roost/token, permissions: ['*'], servers: ['*'] }]
`;
      const secret = 'a-token-of-more-than-sixteen-characters';
      const host = fs.mkdtempSync(join(scratch, 'image-'));
      fs.mkdirSync(join(host, 'servers', server), { recursive: true });
      fs.writeFileSync(join(host, 'servers', server, 'level.dat'), 'level');
      fs.mkdirSync(join(host, 'etc'));
      fs.writeFileSync(join(host, 'etc/config.yml'), config, { mode: 0o600 });
      fs.writeFileSync(join(host, 'etc/token'), secret, { mode: 0o600 });
      const mounts = [`${host}/etc:/etc/roost:ro`, `${host}/servers:/srv`].flatMap((each) => ['--volume', each]);
      const powers = ['DAC_OVERRIDE', 'CHOWN', 'FOWNER', 'FSETID'].flatMap((each) => ['--cap-add', each]);
      const container = docker('run', '--detach', '--network', 'none', '--cap-drop', 'ALL', ...powers, ...mounts, tag);
      try {
        const inside = (...words: string[]): string => docker('exec', container, ...words);
        // The first thing that answers; `docker exec` fails until then.
        while (spawnSync('docker', ['exec', container, 'roost', 'servers', '--json']).stdout.length === 0) {
          expect(docker('inspect', '--format', '{{.State.Running}}', container)).toBe('true');
        }
        expect(inside('roost', '--version')).toBe(version);
        inside('roost', 'backup', 'create', server);
        fs.writeFileSync(join(host, 'servers', server, 'level.dat'), 'changed');
        inside('roost', 'backup', 'restore', server, 'latest');
        expect(fs.readFileSync(join(host, 'servers', server, 'level.dat'), 'utf8')).toBe('level');
        const check = JSON.parse(docker('inspect', '--format', '{{json .Config.Healthcheck.Test}}', tag)) as string[];
        inside(...check.slice(1));
        docker('stop', '--time', '70', container);
        expect(docker('inspect', '--format', '{{.State.ExitCode}}', container)).toBe('0');
      } finally {
        docker('rm', '--force', '--volumes', container);
        docker('rmi', tag);
      }
    },
  );

  describe.skipIf(!hasDebian())('on a bare Debian (skipped unless root on amd64, with debootstrap)', () => {
    /** The same package under a later version. */
    function makeNewer(file: string): void {
      const tree = join(scratch, 'newer');
      execFileSync('dpkg-deb', ['-R', join(first(), `roost_${version}_amd64.deb`), tree]);
      for (const name of ['DEBIAN/control', 'DEBIAN/postinst', 'usr/lib/roost/package/package.json']) {
        const path = join(tree, name);
        const { mode } = fs.statSync(path);
        fs.writeFileSync(path, fs.readFileSync(path, 'utf8').replaceAll(version, '9.9.9'), { mode });
      }
      execFileSync('dpkg-deb', ['--build', '-Znone', tree, file], { stdio: 'ignore' });
      fs.rmSync(tree, { recursive: true });
    }

    /** Runs a script of this folder there, which finds the packages and what `prepare` adds. */
    function onBareHost(kind: 'deb' | 'tarball', script: string, prepare: (extra: string) => void): string[] {
      const place = fs.mkdtempSync(join(scratch, `${kind}-`));
      const extra = join(place, 'extra');
      fs.cpSync(first(), join(extra, 'packages'), { recursive: true });
      fs.mkdirSync(join(extra, 'usr/local/sbin'), { recursive: true });
      fs.copyFileSync(new URL('bare-systemctl.sh', import.meta.url), join(extra, 'usr/local/sbin/systemctl'));
      fs.chmodSync(join(extra, 'usr/local/sbin/systemctl'), 0o755);
      fs.copyFileSync(new URL(script, import.meta.url), join(extra, 'test.sh'));
      prepare(extra);
      for (const name of ['upper', 'work', 'root']) fs.mkdirSync(join(place, name));
      // All mounts and processes go with the namespaces.
      const line = `set -e; cd "$1"
        mount -t overlay overlay -o "lowerdir=$1/extra:$2,upperdir=$1/upper,workdir=$1/work" root
        mount -t proc proc root/proc
        mount --bind /dev root/dev
        mount -t tmpfs tmpfs root/tmp
        exec chroot root /bin/sh /test.sh "$3"`;
      const namespaces = ['--mount', '--net', '--pid', '--fork', '--kill-child', '--propagation', 'private'];
      const { status, stdout, stderr } = spawnSync(
        'unshare',
        [...namespaces, 'sh', '-c', `ip link set lo up 2>/dev/null || true; ${line}`, 'sh', place, DEBIAN, kind],
        {
          encoding: 'utf8',
          timeout: 300_000,
          env: { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' },
        },
      );
      expect({ status, stderr: status === 0 ? '' : stderr, stdout: status === 0 ? '' : stdout }).toEqual({
        status: 0,
        stderr: '',
        stdout: '',
      });
      return stdout.split('\n').filter((text) => /^(?:[\w ]+=|roost: )/.test(text));
    }

    function setUpByReadme(kind: 'deb' | 'tarball'): string[] {
      return onBareHost(kind, 'bare-host.sh', (extra) => {
        if (kind === 'deb') makeNewer(join(extra, 'packages/newer.deb'));
        fs.writeFileSync(join(extra, 'readme.sh'), readmeLines(kind).replaceAll('VERSION', version));
      });
    }

    /** Beside a daemon of 0.1.0 that was built in /opt/roost and makes backups all the time. */
    function upgraded(kind: 'deb' | 'tarball', { directory }: { readonly directory: string }): string[] {
      return onBareHost(kind, 'bare-upgrade.sh', (extra) => {
        fs.mkdirSync(join(extra, 'opt'));
        execFileSync('cp', ['-a', directory, join(extra, 'opt/roost')]);
      });
    }

    /** A newly set up host lacks a schedule and a backup, which doctor warns of. */
    const SET_UP = [
      'readme=3',
      'owner=roost:700 token=root:600',
      'backup=made',
      'restored=level',
      'completed=undo',
      'reloaded=yes',
      'refused=yes',
    ];

    test('three lines of README.md set up a host by the .deb; upgrade, downgrade and purge keep what runs and what is data', () => {
      expect(setUpByReadme('deb')).toEqual([
        'roost: "roost setup" makes the config and its token.',
        ...SET_UP,
        'running=kept',
        'during=made by 9.9.9',
        'upgraded=yes',
        'downgraded=yes',
        'roost: nothing of /etc/roost and /var/lib/roost was removed. When no backup is wanted any more:',
        'left=config.yml token 2',
      ]);
    });

    test('three lines of README.md set up a host by the tarball', () => {
      expect(setUpByReadme('tarball')).toEqual([...SET_UP, 'left=config.yml token 1']);
    });

    const earlier = earlierVersion();
    const takenOver = (unit: string): readonly string[] => [
      'during=0.1.0',
      `after=${version}`,
      'states=COMPLETED',
      'verified=yes',
      'restored=first',
      `enabled=${unit}`,
      // No schedule.
      'doctor=3',
      // Of the catalogue, before its migration.
      'copy=1',
    ];

    describe.skipIf('missing' in earlier)(`beside 0.1.0${'missing' in earlier ? ` (${earlier.missing})` : ''}`, () => {
      test('the .deb takes over from a checkout whose backups run meanwhile, and none is lost', () => {
        expect(upgraded('deb', earlier as { readonly directory: string })).toEqual([
          'before=0.1.0',
          'roost: /etc/systemd/system/roost.service is of an earlier installation and hides this one. To go over to this one:',
          'made=/etc/systemd/system/roost.service.d/paths.conf',
          'set aside=/etc/systemd/system/roost.service',
          'set aside=/usr/local/bin/roost',
          ...takenOver('/usr/lib/systemd/system/roost.service'),
        ]);
      });

      test('the tarball takes over from a checkout whose backups run meanwhile, and none is lost', () => {
        expect(upgraded('tarball', earlier as { readonly directory: string })).toEqual([
          'before=0.1.0',
          'changed=/etc/systemd/system/roost.service',
          'changed=/usr/local/bin/roost',
          'made=/etc/systemd/system/roost.service.d/paths.conf',
          'made=/etc/systemd/system/roost.socket',
          'made=/opt/roost/current',
          ...takenOver('/etc/systemd/system/roost.service'),
        ]);
      });
    });
  });
});

/** The block of README.md's "On a host" that installs this kind of package. */
function readmeLines(kind: 'deb' | 'tarball'): string {
  const section = /^## On a host\n(.*?)^## /ms.exec(fs.readFileSync(join(ROOT, 'README.md'), 'utf8'))?.[1] ?? '';
  const blocks = [...section.matchAll(/^```sh\n(.*?)^```/gms)].map(([, lines = '']) => lines);
  const block = blocks.find((lines) => lines.startsWith(kind === 'deb' ? 'apt-get' : 'tar ')) ?? '';
  expect(block.trim().split('\n')).toHaveLength(3);
  return block;
}
