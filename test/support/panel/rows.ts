/** What a panel keeps: its rows of servers and backups, and which of them other requests can see yet. */
import type { Clock } from '../../../src/base/clock.ts';

export interface PanelServer {
  readonly uuid: string;
  name: string;
  /** null is a server in order. */
  status: null | 'installing' | 'restoring_backup' | 'restore_failed';
  suspended: boolean;
  /** MiB; 0 is unlimited. */
  diskSpace: number;
  denylist: string[];
  /** Of a server on another node of the same panel. */
  readonly elsewhere: boolean;
}

export interface PanelBackup {
  readonly uuid: string;
  readonly server: PanelServer;
  readonly disk: 'wings' | 's3';
  readonly ignored: string;
  readonly name: string;
  successful: boolean;
  locked: boolean;
  /** `type:hex`. */
  checksum: string | null;
  bytes: number;
  completedAt: number | null;
  uploadId: string | null;
  /** Calagopus waits for the report of the deletion that it asked for, and counts those of its failure. */
  deleting: boolean;
  deletionRetries: number;
}

/**
 * A panel calls its daemon inside the transaction that writes the row: a daemon that reports at once reports what no
 * other request of the panel can see yet.
 */
export class PanelRows {
  readonly servers = new Map<string, PanelServer>();
  readonly backups = new Map<string, PanelBackup>();
  /** Of Calagopus, which remembers them. */
  readonly deleted = new Map<string, PanelBackup>();
  readonly #clock: Clock;
  readonly #commitAfter: number;
  readonly #open = new Set<Transaction>();

  /** @param commitAfter milliseconds; Infinity commits by `commit()` alone. */
  constructor(clock: Clock, commitAfter: number) {
    this.#clock = clock;
    this.#commitAfter = commitAfter;
  }

  addServer(uuid: string, more: Partial<PanelServer> = {}): PanelServer {
    const server: PanelServer = {
      name: `Server ${uuid.slice(0, 8)}`,
      status: null,
      suspended: false,
      diskSpace: 0,
      denylist: [],
      elsewhere: false,
      ...more,
      uuid,
    };
    this.servers.set(uuid, server);
    return server;
  }

  /** A row as it is in the database of a panel that has been running for long. */
  addBackup(backup: Pick<PanelBackup, 'uuid' | 'server'> & Partial<PanelBackup>): PanelBackup {
    const row: PanelBackup = {
      disk: 'wings',
      ignored: '',
      name: 'Backup',
      successful: false,
      locked: false,
      checksum: null,
      bytes: 0,
      completedAt: null,
      uploadId: null,
      deleting: false,
      deletionRetries: 0,
      ...backup,
    };
    this.backups.set(row.uuid, row);
    return row;
  }

  begin(): Transaction {
    const transaction = new Transaction(this.#clock.now() + this.#commitAfter, () => this.#open.delete(transaction));
    this.#open.add(transaction);
    return transaction;
  }

  /** Lets everybody see what was written so far. */
  commit(): void {
    for (const transaction of this.#open) transaction.commit();
  }

  /** To be called before anything is looked up: commits what is old enough. */
  settle(): void {
    const now = this.#clock.now();
    for (const transaction of this.#open) if (now >= transaction.dueAt) transaction.commit();
  }
}

export class Transaction {
  readonly dueAt: number;
  readonly #writes: (() => void)[] = [];
  readonly #ended: () => void;

  constructor(dueAt: number, ended: () => void) {
    this.dueAt = dueAt;
    this.#ended = ended;
  }

  write(change: () => void): void {
    this.#writes.push(change);
  }

  commit(): void {
    this.#ended();
    for (const change of this.#writes.splice(0)) change();
  }

  rollBack(): void {
    this.#ended();
    this.#writes.length = 0;
  }
}
