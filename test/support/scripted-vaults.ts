import type { VaultService } from '../../src/jobs/vault-contract.ts';

/** A node without vaults. */
export const noVaults: VaultService = {
  status: () => Promise.resolve([]),
  collect: () => Promise.resolve([]),
  verify: () => Promise.resolve([]),
  adopt: () => Promise.resolve([]),
  places: () => Promise.resolve({ storedBytes: 100, exclusiveBytes: 100 }),
};
