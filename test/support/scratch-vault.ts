import { systemClock } from '../../src/base/clock.ts';
import type { Failure } from '../../src/base/failure.ts';
import type { BackupId, ServerId } from '../../src/base/ids.ts';
import { VaultStore, type VaultOptions } from '../../src/storage/vault/vault.ts';
import { scratchStore } from './scratch-store.ts';

export interface ScratchVault {
  readonly vault: VaultStore;
  /** Empty when the store was given. */
  readonly directory: string;
  /** Backups that the catalogue has, by server. */
  readonly known: Map<ServerId, Set<BackupId>>;
  readonly faults: Failure[];
}

/** A vault in a new directory, or in the given store. It collects after removals, and when asked. */
export async function scratchVault(options: Partial<VaultOptions> = {}): Promise<ScratchVault> {
  const { store, directory } = options.store ? { store: options.store, directory: '' } : await scratchStore();
  const known = new Map<ServerId, Set<BackupId>>();
  const faults: Failure[] = [];
  const vault = new VaultStore({
    writes: true,
    shortestRange: 256,
    mergeAt: 0.1,
    mergesHoles: true,
    known: (server) => Array.from(known.get(server) ?? []),
    clock: systemClock,
    ...options,
    store,
  });
  vault.listen({ onCollected: () => undefined, onFault: (_, fault) => void faults.push(fault) });
  return { vault, directory, known, faults };
}
