/** Where commands look for the config that they need, and what they say when it is not to be had. */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { run } from '../run.ts';
import { scratchDirectory } from '../../support/scratch.ts';

const MODULE = new URL('../../../src/cli/client/connection.ts', import.meta.url);
/** Another user where this one is root, whom no directory is closed to. */
const AS_OTHER = process.getuid?.() === 0 ? ['setpriv', '--reuid', '65534', '--clear-groups'] : [];
const canTry = spawnSync('env', [...AS_OTHER, 'test', '-r', fileURLToPath(MODULE)]).status === 0;

/** What a command without --config is told, whose host keeps its config in that directory. */
function told(hostDirectory: string, cwd: string): string {
  const script = `const { findConfigFile } = await import(${JSON.stringify(MODULE.href)});
    try { console.log(findConfigFile(process.argv[1])); } catch (error) { console.log(error.message + '\\n' + error.hint); }`;
  const words = [...AS_OTHER, process.execPath, '--input-type=module', '--eval', script, hostDirectory];
  const { stdout, stderr } = spawnSync('env', words, { cwd, encoding: 'utf8' });
  return `${stdout}${stderr}`.trim();
}

test.skipIf(!canTry)(
  'a config that only root may see is called that, not missing (skipped where no other user reads the checkout)',
  async () => {
    const directory = await scratchDirectory();
    fs.chmodSync(directory, 0o755);
    const host = join(directory, 'etc');
    fs.mkdirSync(host, { mode: 0o755 });
    fs.writeFileSync(join(host, 'config.yml'), '');
    expect(told(host, directory)).toBe(join(host, 'config.yml'));
    fs.chmodSync(host, 0o000);
    expect(told(host, directory)).toMatch(/^Cannot read \S+config\.yml: \S+etc is closed to this user\n.*sudo/);
    fs.chmodSync(host, 0o700);
    fs.rmSync(join(host, 'config.yml'));
    fs.chmodSync(host, 0o755);
    expect(told(host, directory)).toMatch(/^Cannot find a config: there is no \S+config\.yml and no \S+config\.yml\n/);
  },
);

test
  .skipIf(fs.existsSync('/etc/roost/config.yml'))
  .each(['config check', 'serve', 'doctor', 'catalogue rebuild', 'adopt /tmp'])(
  'roost %s without a config misses a config, and is not sent to an address that would not help',
  async (words) => {
    const before = process.cwd();
    process.chdir(await scratchDirectory());
    try {
      const { stdout, stderr, exitCode } = await run(words.split(' '), { env: {} });
      expect(exitCode).toBe(words === 'doctor' ? 1 : 2);
      expect(stdout + stderr).toContain('Cannot find a config: there is no /etc/roost/config.yml and no ');
      expect(stdout + stderr).not.toContain('ROOST_URL');
    } finally {
      process.chdir(before);
    }
  },
);
