import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { StoreFiles } from '../../src/storage/local/files.ts';
import type { StoreIdentity } from '../../src/storage/identity.ts';
import { type LocalStore, type OpenedLocalStore, openLocalStore } from '../../src/storage/local/local.ts';
import { scratchDirectory } from './scratch.ts';

/** What a node remembers of a store, in memory. */
export class MemoryIdentity implements StoreIdentity {
  id: string | undefined;

  load(): string | undefined {
    return this.id;
  }

  save(id: string): void {
    this.id = id;
  }
}

export interface ScratchStore extends OpenedLocalStore {
  readonly store: LocalStore;
  readonly directory: string;
  readonly identity: MemoryIdentity;
}

/** A local store in a new directory (or the given one) that goes when the test ends. */
export async function scratchStore(
  options: {
    readonly directory?: string;
    readonly identity?: MemoryIdentity;
    readonly node?: string;
    readonly adopt?: string | undefined;
    readonly files?: StoreFiles;
  } = {},
): Promise<ScratchStore> {
  const directory = options.directory ?? join(await scratchDirectory(), 'store');
  const identity = options.identity ?? new MemoryIdentity();
  const { files, node, adopt = null } = options;
  const opened = await openLocalStore({
    name: 'local',
    directory,
    identity,
    node,
    adopt,
    ...(files === undefined ? {} : { files }),
  });
  // Its lock is a held file.
  if (node !== undefined) onTestFinished(() => opened.store.close());
  return { ...opened, directory, identity };
}
