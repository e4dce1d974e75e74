/**
 * The operation that estimates, in a thread of its own: the walk is synchronous, and a million files take seconds. Ignored directories
 * are walked too, since the estimate says what they would have cost.
 */
import fs from 'node:fs';
import { attempt } from '../../base/failure.ts';
import { openDirectory, readDirectory, statChild } from '../../base/files/handles.ts';
import { Control } from '../threads/control.ts';
import type { TreeEstimate } from '../contract.ts';
import { compileIgnore } from '../ignore/ignore.ts';
import { Walk } from './walk.ts';

export interface EstimateData {
  readonly root: string;
  readonly ignore: readonly string[];
  readonly exclude: readonly string[];
  readonly control: SharedArrayBuffer;
}

const LARGEST = 20;
/** Levels below an ignored directory that are summed. */
const MAX_IGNORED_DEPTH = 64;

/** Counts what a backup would archive. Never yields to the event loop, because its thread has no other work. */
export function estimateOperation(data: EstimateData): Promise<TreeEstimate> {
  const { checkStop } = new Control(data.control);
  const totals = { files: 0, directories: 0, bytes: 0, ignoredFiles: 0, ignoredBytes: 0 };
  let holes = 0;
  const ignored: { path: string; bytes: number }[] = [];
  const walk = new Walk({
    ...data,
    ignore: compileIgnore(data.ignore),
    warn: () => undefined,
    checkAbort: checkStop,
    onIgnored: (path, directory, parent, name) => {
      const sum = directory ? sumDirectory(parent, name, 0, checkStop) : sumFile(parent, name);
      totals.ignoredFiles += sum.files;
      totals.ignoredBytes += sum.bytes;
      if (directory) keepLargest(ignored, { path, bytes: sum.bytes });
    },
  });
  for (const entry of walk.entries()) {
    if (entry.kind === 'directory') totals.directories++;
    if (entry.kind === 'file' || entry.kind === 'hardlink') totals.files++;
    totals.bytes += entry.size;
    holes += entry.holes ?? 0;
  }
  return Promise.resolve({ ...totals, ...(holes > 0 ? { holes } : {}), largestIgnored: ignored });
}

function keepLargest(kept: { path: string; bytes: number }[], item: { path: string; bytes: number }): void {
  kept.push(item);
  kept.sort((a, b) => b.bytes - a.bytes);
  kept.length = Math.min(kept.length, LARGEST);
}

function sumFile(parent: number, name: string): { files: number; bytes: number } {
  const stat = attempt(() => statChild(parent, name));
  return stat?.isFile() === true ? { files: 1, bytes: stat.size } : { files: 0, bytes: 0 };
}

function sumDirectory(
  parent: number,
  name: string,
  depth: number,
  checkStop: () => void,
): { files: number; bytes: number } {
  checkStop();
  const sum = { files: 0, bytes: 0 };
  const handle = depth > MAX_IGNORED_DEPTH ? undefined : attempt(() => openDirectory(parent, name));
  if (handle === undefined) return sum;
  try {
    for (const item of attempt(() => readDirectory(handle)) ?? []) {
      const added = item.directory ? sumDirectory(handle, item.name, depth + 1, checkStop) : sumFile(handle, item.name);
      sum.files += added.files;
      sum.bytes += added.bytes;
    }
  } finally {
    fs.closeSync(handle);
  }
  return sum;
}
