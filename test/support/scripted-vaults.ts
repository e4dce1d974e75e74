import type { BackupService } from '../../src/jobs/contract.ts';
import type { VaultService } from '../../src/jobs/vault-contract.ts';

/** A node without vaults, whose backups are those of a service. */
export function noVaults(service: Pick<BackupService, 'backup'>): VaultService {
  const nothing = { done: [], failures: [], failureCount: 0 };
  return {
    status: () => Promise.resolve(nothing),
    collect: () => Promise.resolve(nothing),
    verify: () => Promise.resolve(nothing),
    adopt: () => Promise.resolve({ ...nothing, servers: [] }),
    places: async (server, id) => {
      const { size } = await service.backup(server, id);
      return { storedBytes: size, exclusiveBytes: size };
    },
  };
}
