/** A CompareService in memory: it finds nothing, keeps the contract's rules on ids, and records what it was asked. */
import { Failure } from '../../src/base/failure.ts';
import type { BackupId, ServerId } from '../../src/base/ids.ts';
import type * as compared from '../../src/jobs/compare-contract.ts';
import type * as contract from '../../src/jobs/contract.ts';
import type { ScriptedService } from './scripted-service.ts';

const NONE = { files: 0, directories: 0, bytes: 0 };
const TOTALS = { added: NONE, changed: NONE, deleted: NONE, same: NONE, kept: NONE };

export class ScriptedComparisons implements compared.CompareService {
  readonly asked: (readonly unknown[])[] = [];
  readonly #service: Pick<ScriptedService, 'backup' | 'server' | 'restore'>;
  view: compared.ComparisonView = { id: 'kept', totals: TOTALS, folders: [], missing: [], changes: [] };

  constructor(service: Pick<ScriptedService, 'backup' | 'server' | 'restore'>) {
    this.#service = service;
  }

  async preview(request: contract.RestoreBackup): Promise<compared.ComparisonView> {
    await this.#service.backup(request.server, request.backup);
    this.asked.push(['preview', request]);
    return this.view;
  }

  async compare(server: ServerId, backup: BackupId, to: BackupId | 'live'): Promise<compared.ComparisonView> {
    await this.#service.backup(server, backup);
    this.asked.push(['compare', backup, to]);
    return this.view;
  }

  changes(server: ServerId, id: string, page: { readonly limit: number }): compared.ChangePage {
    this.asked.push(['changes', server, id, page]);
    if (id !== this.view.id) throw new Failure('path_not_found', 'There is no such comparison');
    return { changes: this.view.changes };
  }

  async restorePreviewed(
    request: Pick<contract.RestoreBackup, 'server' | 'backup' | 'origin' | 'force' | 'keepPreviousHours'>,
    preview: string,
    _signal: AbortSignal,
    { backupFirst }: { readonly backupFirst: boolean },
  ): Promise<contract.AcceptedRestore> {
    this.asked.push(['restore', preview, backupFirst]);
    return this.#service.restore({ truncate: false, ...request });
  }

  async find(server: ServerId, backup: BackupId, query: object): Promise<compared.FoundPage> {
    await this.#service.backup(server, backup);
    this.asked.push(['find', query]);
    return { entries: [{ path: 'world/level.dat', kind: 'file', size: 3, mtime: 0 }], cursor: 'next' };
  }

  async findVersions(server: ServerId, query: object): Promise<compared.FoundVersions> {
    await this.#service.server(server);
    this.asked.push(['versions', query]);
    return { paths: [], searched: [], cut: [] };
  }

  async levelFacts(
    _server: ServerId,
    _backup: BackupId,
    entries: readonly contract.DirectoryItem[],
    wanted: object,
  ): Promise<ReadonlyMap<contract.DirectoryItem, compared.LevelFacts>> {
    this.asked.push(['level', wanted]);
    const facts = { files: 2, bytes: 7, live: 'same' } as const;
    return new Map(entries.filter(({ name }) => name === 'region').map((entry) => [entry, facts]));
  }
}
