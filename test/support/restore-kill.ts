/** Runs a restore in a process of its own that dies at a chosen step, and says what it left. */
import { execFile } from 'node:child_process';
import fs from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { RestoreJobRequest } from '../../src/catalogue/records.ts';
import type { Tree } from './tree.ts';

export const CHILD = fileURLToPath(new URL('restore-child.ts', import.meta.url));

export interface ChildRun {
  /** undefined when it died. */
  readonly outcome: string | undefined;
  readonly steps: readonly string[];
  readonly signal: string | null;
}

/** When the child dies, and what goes wrong before; steps are counted from 0. */
export interface Fate {
  readonly dieAt?: number;
  readonly refuseAt?: number;
  /** The ignore list of the archive. */
  readonly ignore?: readonly string[];
}

export async function runChild(
  root: string,
  archive: Tree,
  request: RestoreJobRequest | null,
  fate: Fate = {},
): Promise<ChildRun> {
  const orders = ordersOf(root, archive, request, fate);
  return new Promise((resolve, reject) => {
    execFile(process.execPath, [CHILD, orders], (error, stdout, stderr) => {
      if (error === null) {
        resolve({ ...(JSON.parse(stdout) as { outcome: string; steps: string[] }), signal: null });
      } else if (error.signal === 'SIGKILL') resolve({ outcome: undefined, steps: [], signal: error.signal });
      else reject(new Error(`the child failed: ${stderr}`));
    });
  });
}

/** The argument that the child is started with. */
export function ordersOf(
  root: string,
  archive: Tree,
  request: RestoreJobRequest | null,
  { dieAt, refuseAt, ignore = [] }: Fate = {},
): string {
  return JSON.stringify({
    root,
    archive: [...archive],
    request,
    dieAt: dieAt ?? null,
    refuseAt: refuseAt ?? null,
    ignore,
  });
}

/** What the child asked of the server's power, in order. */
export function powerCalls(root: string): string[] {
  const note = join(root, 'power.log');
  return fs.existsSync(note) ? fs.readFileSync(note, 'utf8').trim().split('\n') : [];
}
