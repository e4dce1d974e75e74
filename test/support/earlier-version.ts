/** Version 0.1.0, built from this repository's history as its own lines built it on a host. */
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const COMMIT = 'e3f6320';
/** Goes with the next `npm ci`. */
const PLACE = join(ROOT, 'node_modules/.cache', `roost-${COMMIT}`);

/**
 * The directory of its checkout, with `dist/` and the packages that it needs to run. Made once; that takes npm's registry or
 * its cache, and some ten seconds of CPU time.
 *
 * @returns why there is none, where the history lacks the commit or npm cannot install.
 */
export function earlierVersion(): { readonly directory: string } | { readonly missing: string } {
  if (fs.existsSync(PLACE)) return { directory: PLACE };
  let half: string | undefined;
  try {
    fs.mkdirSync(join(PLACE, '..'), { recursive: true });
    half = fs.mkdtempSync(`${PLACE}.`);
    const run = (program: string, words: readonly string[], input?: Buffer): Buffer =>
      execFileSync(program, words, {
        cwd: half,
        timeout: 240_000,
        maxBuffer: 2 ** 28,
        stdio: 'pipe',
        ...(input && { input }),
      });
    run('tar', ['-x'], run('git', ['--git-dir', gitDirectory(), 'archive', COMMIT]));
    run('npm', ['ci', '--omit=dev', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']);
    // What its own `npm run build` writes, byte for byte; its types were checked when it was made.
    const types = join(ROOT, 'node_modules/@types');
    const compiler = join(ROOT, 'node_modules/typescript/bin/tsc');
    run(process.execPath, [compiler, '--noCheck', '--types', 'node', '--typeRoots', types, '--outDir', 'dist']);
    fs.chmodSync(half, 0o755);
    fs.renameSync(half, PLACE);
    return { directory: PLACE };
  } catch (error) {
    if (half !== undefined) fs.rmSync(half, { recursive: true, force: true });
    // Another test file made it meanwhile.
    if (fs.existsSync(PLACE)) return { directory: PLACE };
    return { missing: `no build of ${COMMIT}: ${(error as Error).message.split('\n')[0] ?? ''}` };
  }
}

function gitDirectory(): string {
  return execFileSync('git', ['rev-parse', '--absolute-git-dir'], {
    cwd: ROOT,
    encoding: 'utf8',
    stdio: 'pipe',
  }).trim();
}
