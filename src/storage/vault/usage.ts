/** What servers take, between two collections that measure it. */
import type { VaultUsage } from '../vault-port.ts';
import type { Written } from './writer.ts';

/** The sum, with the oldest `collectedAt`; undefined of none. */
export function totalUsage(all: readonly VaultUsage[]): VaultUsage | undefined {
  if (all.length === 0) return undefined;
  return all.reduce((sum, each) => ({
    packs: sum.packs + each.packs,
    storedBytes: sum.storedBytes + each.storedBytes,
    liveBytes: sum.liveBytes + each.liveBytes,
    collectedAt: Math.min(sum.collectedAt, each.collectedAt),
  }));
}

/** With what was written since it was measured, all of which is needed. */
export function addWritten(usage: VaultUsage, { packs, bytes }: Written): VaultUsage {
  return {
    ...usage,
    packs: usage.packs + packs,
    storedBytes: usage.storedBytes + bytes,
    liveBytes: usage.liveBytes + bytes,
  };
}
