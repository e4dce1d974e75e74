/**
 * A vault that holds nights of a large server, without the bytes: recipes as a night's changes make them, and packs of the
 * right length, which the collection never reads. A test uses it too.
 */
import { randomUUID } from 'node:crypto';
import fs from 'node:fs';
import { join } from 'node:path';
import type { BackupId } from '../../src/base/ids.ts';
import { MEBIBYTE } from '../../src/base/sizes.ts';
import { RangeListBuilder } from '../../src/storage/vault/ranges.ts';
import { encodeRecipe } from '../../src/storage/vault/format/recipe.ts';
import { Random } from '../random.ts';

/** Bytes of a changed stretch. */
const STRETCH = 12 * 1024;
const STRETCHES_IN_PACK = Math.floor((1024 * MEBIBYTE) / STRETCH);

export interface LargeServer {
  /** Oldest first. */
  readonly backups: readonly BackupId[];
  /** Of the newest backup. */
  readonly ranges: number;
}

export interface LargeServerOptions {
  /** The server's directory in the store; it is made. */
  readonly directory: string;
  readonly nights: number;
  /** Bytes of an archive. */
  readonly size: number;
  /** The part of the archive that a night changes. */
  readonly changed: number;
  /** Packs are filled; without it they are holes of the right length. */
  readonly filled?: boolean;
}

/** Makes the server's directory, as so many nights leave it. */
export function makeLargeServer({ directory, nights, size, changed, filled }: LargeServerOptions): LargeServer {
  const fill = filled === true ? full : sparse;
  fs.mkdirSync(directory, { recursive: true, mode: 0o700 });
  const random = new Random(7);
  const count = Math.floor(size / STRETCH);
  /** Of each stretch of the archive, where it lies. */
  const [pack, start] = [new Uint32Array(count), new Float64Array(count)];
  const packs: string[] = [];
  const backups: BackupId[] = [];
  let ranges = 0;
  for (let night = 0; night < nights; night++) {
    const fresh = night === 0 ? count : Math.round(count * changed);
    const made: string[] = [];
    for (let index = 0; index < fresh; index++) {
      const stretch = night === 0 ? index : random.next() % count;
      const within = index % STRETCHES_IN_PACK;
      if (within === 0) made.push(randomUUID());
      pack[stretch] = packs.length + made.length - 1;
      start[stretch] = within * STRETCH;
    }
    for (const [number, id] of made.entries()) {
      const inPack = Math.min(STRETCHES_IN_PACK, fresh - number * STRETCHES_IN_PACK);
      fill(join(directory, `${id}.pack`), inPack * STRETCH);
    }
    packs.push(...made);
    const list = new RangeListBuilder();
    for (let stretch = 0; stretch < count; stretch++) {
      list.add(packs[pack[stretch] ?? 0] ?? '', start[stretch] ?? 0, STRETCH);
    }
    const id = randomUUID() as BackupId;
    const recipe = encodeRecipe(count * STRETCH, '00'.repeat(32), list.finish());
    fs.writeFileSync(join(directory, `${id}.recipe`), recipe);
    backups.push(id);
    ranges = list.count;
  }
  return { backups, ranges };
}

function sparse(path: string, length: number): void {
  fs.writeFileSync(path, '');
  fs.truncateSync(path, length);
}

function full(path: string, length: number): void {
  const bytes = Buffer.alloc(MEBIBYTE, 'pack');
  const file = fs.openSync(path, 'w');
  for (let at = 0; at < length; at += MEBIBYTE) fs.writeSync(file, bytes, 0, Math.min(MEBIBYTE, length - at));
  fs.closeSync(file);
}
