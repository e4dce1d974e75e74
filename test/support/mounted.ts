import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { join } from 'node:path';
import { onTestFinished, type TestContext } from 'vitest';

/** Mounts a small file system of its own on a directory; skips the test where none may be mounted. */
export function mountTmpfs(context: TestContext, directory: string, options = 'size=8m'): () => void {
  const run = (program: string, words: readonly string[]): void => {
    execFileSync(program, words, { stdio: 'pipe' });
  };
  try {
    run('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', directory]);
  } catch (error) {
    context.skip(true, `no file system may be mounted here: ${String(error)}`);
  }
  return unmounting(directory);
}

/** Unmounts once, when it is called or when the test has ended. */
function unmounting(...directories: readonly string[]): () => void {
  let mounted = true;
  const unmount = (): void => {
    if (!mounted) return;
    mounted = false;
    for (const directory of directories) execFileSync('umount', ['--lazy', directory], { stdio: 'pipe' });
  };
  onTestFinished(unmount);
  return unmount;
}

/**
 * Mounts an overlay on a directory, over what is in it: that becomes the lower layer, whose directories a rename refuses
 * with EXDEV.
 *
 * @param layers an existing, empty directory for the upper layer.
 */
export function mountOverlay(context: TestContext, directory: string, layers: string): () => void {
  const unmountLayers = mountTmpfs(context, layers);
  const [upper, work] = [join(layers, 'upper'), join(layers, 'work')];
  for (const made of [upper, work]) fs.mkdirSync(made);
  const options = `lowerdir=${directory},upperdir=${upper},workdir=${work}`;
  try {
    execFileSync('mount', ['-t', 'overlay', '-o', options, 'overlay', directory], { stdio: 'pipe' });
  } catch (error) {
    context.skip(true, `no overlay may be mounted here: ${String(error)}`);
  }
  const unmount = unmounting(directory);
  return () => {
    unmount();
    unmountLayers();
  };
}

/**
 * Puts what lies in a directory of servers onto a btrfs of its own, with one of the directories as a subvolume, into and
 * out of which a rename says EXDEV.
 *
 * @param image a path for the file that holds the file system.
 */
export function mountSubvolume(context: TestContext, servers: string, path: string, image: string): () => void {
  const run = (program: string, ...words: readonly string[]): void => {
    execFileSync(program, words, { stdio: 'pipe' });
  };
  const aside = `${image}.aside`;
  try {
    fs.writeFileSync(image, '');
    fs.truncateSync(image, 120 * 1024 * 1024);
    run('mkfs.btrfs', '-q', image);
    run('cp', '-aT', servers, aside);
    run('mount', '-o', 'loop', image, servers);
  } catch (error) {
    context.skip(true, `no btrfs may be mounted here: ${String(error)}`);
  }
  const unmount = unmounting(servers);
  const made = join(servers, path);
  fs.mkdirSync(join(made, '..'), { recursive: true });
  run('btrfs', '-q', 'subvolume', 'create', made);
  run('cp', '-aT', aside, servers);
  return unmount;
}

/** Sets an attribute such as `+i` until the test has ended; skips the test where that is not possible. */
export function changeAttribute(context: TestContext, path: string, attribute: '+i' | '+a'): void {
  try {
    execFileSync('chattr', [attribute, path], { stdio: 'pipe' });
  } catch (error) {
    context.skip(true, `no attribute may be set here: ${String(error)}`);
  }
  onTestFinished(() => clearAttributes(path));
}

/** Clears immutable and append-only from all that is left below. */
export function clearAttributes(path: string): void {
  if (fs.existsSync(path)) execFileSync('chattr', ['-R', '-f', '-i', '-a', path], { stdio: 'pipe' });
}
