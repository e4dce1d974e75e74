import type { BackupService } from '../../src/jobs/contract.ts';
import type { VaultService } from '../../src/jobs/vault-contract.ts';

/** A node without vaults, whose backups are those of a service. */
export function noVaults(service: Pick<BackupService, 'backup'>): VaultService {
  return {
    status: () => Promise.resolve([]),
    collect: () => Promise.resolve([]),
    verify: () => Promise.resolve([]),
    adopt: () => Promise.resolve([]),
    places: async (server, id) => {
      const { size } = await service.backup(server, id);
      return { storedBytes: size, exclusiveBytes: size };
    },
  };
}
