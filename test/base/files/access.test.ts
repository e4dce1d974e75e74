import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { requireAccess } from '../../../src/base/files/access.ts';
import { scratchDirectory } from '../../support/scratch.ts';

const { R_OK, W_OK, X_OK } = fs.constants;
const MODULE = new URL('../../../src/base/files/access.ts', import.meta.url).href;
/** A user that owns nothing here, as the one of the unit. */
const OTHER = '65534';

function asOther(path: string, ...powers: string[]): string {
  const script = `const { requireAccess } = await import(${JSON.stringify(MODULE)});
    console.log(await requireAccess(process.argv[1], ${R_OK | W_OK | X_OK}).then(() => 'granted', (error) => error.code));`;
  const user = ['--reuid', OTHER, '--regid', OTHER, '--clear-groups', ...powers];
  const node = [process.execPath, '--input-type=module', '--eval', script, path];
  const { stdout, stderr } = spawnSync('setpriv', [...user, ...node], { encoding: 'utf8' });
  return `${stdout}${stderr}`.trim();
}

/** The other user reads this checkout, too. */
const canTry =
  process.getuid?.() === 0 &&
  spawnSync('setpriv', ['--reuid', OTHER, '--clear-groups', 'test', '-r', fileURLToPath(MODULE)]).status === 0;

test.skipIf(!canTry)(
  "counts a process's capabilities, as open(2) does (skipped unless root, and where others read the checkout)",
  async () => {
    const directory = await scratchDirectory();
    fs.chmodSync(directory, 0o755);
    const path = join(directory, 'of-root');
    fs.mkdirSync(path, { mode: 0o755 });
    const powers = ['--inh-caps', '+dac_override', '--ambient-caps', '+dac_override'];
    expect([asOther(path), asOther(path, ...powers)]).toEqual(['EACCES', 'granted']);
  },
);

test('throws the error of the system for what is not there', async () => {
  const path = join(await scratchDirectory(), 'missing');
  await expect(requireAccess(path, R_OK)).rejects.toMatchObject({ code: 'ENOENT' });
});
