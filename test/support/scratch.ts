import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { onTestFinished } from 'vitest';

/** A new directory that goes when the test ends. */
export async function scratchDirectory(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'roost-test-'));
  onTestFinished(() => removeTree(path));
  return path;
}

/** Removes a directory, though directories in it may be read-only: what lies in those only root removes just so. */
async function removeTree(path: string): Promise<void> {
  try {
    await rm(path, { recursive: true, force: true });
  } catch {
    // What `rm` had begun goes on beside this, and names vanish under it: the second `rm` tells whether that matters.
    await promisify(execFile)('chmod', ['-R', 'u+rwX', path]).catch(() => undefined);
    await rm(path, { recursive: true, force: true });
  }
}
