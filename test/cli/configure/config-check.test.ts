import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ensureFirstRun, requireInPlace } from '../../../src/cli/first-run/first-run.ts';
import { loadConfig } from '../../../src/config/config.ts';
import { thrownBy } from '../../support/rejection.ts';
import { run } from '../run.ts';

let directory: string;
let file: string;
beforeEach(() => {
  directory = fs.mkdtempSync(join(tmpdir(), 'roost-config-'));
  file = ensureFirstRun(join(directory, '.roost'), 8090);
});
afterEach(() => {
  fs.rmSync(directory, { recursive: true });
});

describe('roost config check', () => {
  it('is content with the config of a first run', async () => {
    const ran = await run(['config', 'check', '--config', file]);
    expect(ran).toMatchObject({ exitCode: 0, stdout: `${file} is in order\n` });
    expect(ran.stderr).toMatch(/^note: power\.driver is none: [^\n]*\n$/);
  });

  it('names all faults at once and exits 2', async () => {
    fs.appendFileSync(file, 'storge: {}\nlimits: { per_server: many }\n');
    const ran = await run(['config', 'check', '--config', file]);
    expect(ran).toMatchObject({ exitCode: 2, stdout: '' });
    expect(ran.stderr).toContain('storge');
    expect(ran.stderr).toContain('per_server');
    expect(ran.stderr.split('\n').length).toBeGreaterThan(2);
  });

  it('gives the faults one by one with --json', async () => {
    fs.appendFileSync(file, 'storge: {}\nlimits: { per_server: many }\n');
    const ran = await run(['config', 'check', '--config', file, '--json']);
    expect(ran.exitCode).toBe(2);
    expect(ran.json()).toMatchObject({
      code: 'config_invalid',
      faults: [{ key: 'storge' }, { key: 'limits.per_server' }],
    });
  });

  it('notes what is allowed but may surprise, and is content all the same', async () => {
    fs.chmodSync(file, 0o644);
    const ran = await run(['config', 'check', '--config', file]);
    expect(ran.exitCode).toBe(0);
    expect(ran.stderr).toContain('note: Others than its owner may read');
  });

  it('notes certificates that cannot be read, and schedules of servers that are not there', async () => {
    const server = fs.readdirSync(join(directory, '.roost/servers'))[0] ?? '';
    const text = fs.readFileSync(file, 'utf8').replace('api: {', 'api: { tls: { cert: /none.crt, key: /dev/null },');
    const other = '11111111-1111-4111-8111-111111111111';
    const schedules = [server, other].map((id) => `{ server: ${id}, cron: "0 4 * * *" }`).join(', ');
    fs.writeFileSync(file, `${text}schedules: [${schedules}]\n`);
    const { exitCode, stderr } = await run(['config', 'check', '--config', file]);
    expect(exitCode).toBe(0);
    expect(stderr).toContain('note: api.tls.cert: /none.crt cannot be read (ENOENT)');
    expect(stderr).not.toContain('/dev/null');
    expect(stderr).toContain(`note: A schedule names the server ${other}, which is neither in`);
    expect(stderr).not.toContain(`names the server ${server}`);
  });

  it('notes the files of a front that cannot be read, and misses no panel', async () => {
    const front = `front: { wings: "http://127.0.0.1:18080", wings_config: /none.yml,
      listen: { tls: { cert: /none.crt, key: /dev/null } } }`;
    const other = join(directory, 'front.yml');
    fs.writeFileSync(other, `panel: { flavour: pterodactyl }\n${front}\n`, { mode: 0o600 });
    const { exitCode, stderr } = await run(['config', 'check', '--config', other]);
    expect(exitCode).toBe(0);
    expect(stderr).toContain('note: front.listen.tls.cert: /none.crt cannot be read (ENOENT)');
    expect(stderr).toContain('note: front.wings_config: /none.yml cannot be read (ENOENT)');
    expect(stderr).not.toMatch(/dev.null|no panel/);
  });

  it('notes that restores stop no server, until a driver does', async () => {
    expect((await run(['config', 'check', '--config', file])).stderr).toContain('note: power.driver is none');
    fs.appendFileSync(
      file,
      'power: { driver: command, status: [/bin/false], stop: [/bin/true], start: [/bin/true] }\n',
    );
    const ran = await run(['config', 'check', '--config', file]);
    expect(ran.exitCode).toBe(0);
    expect(ran.stderr).not.toContain('power.driver');
  });

  it('exits 2 when there is no such file', async () => {
    expect((await run(['config', 'check', '--config', join(directory, 'missing.yml')])).exitCode).toBe(2);
  });
});

describe('the files of a first run', () => {
  it('are durable before they have their names, and the names then', () => {
    const steps: string[] = [];
    const [sync, rename] = [fs.fsyncSync.bind(fs), fs.renameSync.bind(fs)];
    const nameOf = (handle: number): string => basename(fs.readlinkSync(`/proc/self/fd/${handle}`));
    vi.spyOn(fs, 'fsyncSync').mockImplementation((handle) => (steps.push(`flush ${nameOf(handle)}`), sync(handle)));
    vi.spyOn(fs, 'renameSync').mockImplementation((from, to) => {
      steps.push(`name ${basename(String(to))}`);
      rename(from, to);
    });
    ensureFirstRun(join(directory, 'another'), 8090);
    vi.restoreAllMocks();
    expect(steps.slice(-3)).toEqual(['flush config.yml.partial', 'name config.yml', 'flush another']);
  });

  it('are left alone by the next start', () => {
    const config = fs.readFileSync(file, 'utf8');
    const servers = fs.readdirSync(join(directory, '.roost/servers'));
    expect(ensureFirstRun(join(directory, '.roost'), 9000)).toBe(file);
    expect(fs.readFileSync(file, 'utf8')).toBe(config);
    expect(fs.readdirSync(join(directory, '.roost/servers'))).toEqual(servers);
  });

  it('are completed when the first attempt did not come to its end', () => {
    const servers = join(directory, 'cut-short/servers');
    fs.mkdirSync(join(servers, 'sample.partial'), { recursive: true });
    fs.writeFileSync(join(servers, 'sample.partial/half'), '');
    ensureFirstRun(join(directory, 'cut-short'), 8090);
    const names = fs.readdirSync(servers);
    expect(names).toHaveLength(1);
    expect(fs.readdirSync(join(servers, names[0] ?? ''))).not.toContain('half');
  });

  it('keep every server when somebody removes the config to get a new token', () => {
    const servers = join(directory, '.roost/servers');
    const [id = ''] = fs.readdirSync(servers);
    fs.writeFileSync(join(servers, id, 'mine'), 'precious');
    fs.rmSync(file);
    ensureFirstRun(join(directory, '.roost'), 8090);
    expect(fs.readdirSync(servers)).toEqual([id]);
    expect(fs.readFileSync(join(servers, id, 'mine'), 'utf8')).toBe('precious');
    expect(fs.existsSync(file)).toBe(true);
  });

  it('hold another token each time', () => {
    const other = ensureFirstRun(join(directory, 'other'), 8090);
    const secretOf = (path: string) => /secret: (\S+),/.exec(fs.readFileSync(path, 'utf8'))?.[1];
    expect(secretOf(file)).toMatch(/^\S{32}$/);
    expect(secretOf(other)).not.toBe(secretOf(file));
  });
});

describe('roost start', () => {
  const placed = async (place: string) => {
    const config = await loadConfig(join(place, 'config.yml'), {});
    return () => requireInPlace(place, config);
  };

  it('refuses a first run that was moved along with its absolute paths, and says how to mend them', async () => {
    expect(await placed(join(directory, '.roost'))).not.toThrow();
    fs.renameSync(join(directory, '.roost'), join(directory, 'moved'));
    const failure = thrownBy(await placed(join(directory, 'moved')), 'config_invalid');
    expect(failure.message).toContain(`is of ${join(directory, '.roost')}`);
    execFileSync('sh', ['-c', /sed .*$/.exec(failure.hint ?? '')?.[0] ?? 'false']);
    expect(await placed(join(directory, 'moved'))).not.toThrow();
    fs.renameSync(join(directory, 'moved'), join(directory, '.roost'));
  });

  it('takes paths that its owner has chosen', async () => {
    const text = fs.readFileSync(file, 'utf8').replace(/root: .*/, 'root: "/srv"');
    fs.writeFileSync(file, text.replace(/state_directory: .*/, 'state_directory: "/var/lib/other"'));
    expect(await placed(join(directory, '.roost'))).not.toThrow();
  });

  it.skipIf(process.getuid?.() === 0)('says that it may not write where it is (skipped for root)', () => {
    const closed = join(directory, 'closed');
    fs.mkdirSync(closed, { mode: 0o500 });
    expect(thrownBy(() => ensureFirstRun(join(closed, '.roost'), 8090), 'invalid_request').hint).toContain(
      'of your own',
    );
  });
});
