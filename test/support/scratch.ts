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
    await promisify(execFile)('chmod', ['-R', 'u+rwX', path]);
    await rm(path, { recursive: true, force: true });
  }
}
