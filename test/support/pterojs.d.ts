/** What the tests use of this library, whose own declarations its package does not export to modules. */
declare module '@devnote-dev/pterojs' {
  interface Backup {
    readonly uuid: string;
    readonly name: string;
    readonly ignoredFiles: string[];
    readonly successful: boolean | null;
    readonly locked: boolean;
    readonly completedAt: Date | null;
  }

  interface BackupManager {
    fetch(id: string, options?: { force?: boolean }): Promise<Backup>;
    fetch(options?: { page?: number; perPage?: number }): Promise<Map<string, Backup>>;
    create(options?: { name?: string; ignored?: string; is_locked?: boolean }): Promise<Backup>;
    toggleLock(id: string): Promise<Backup>;
    getDownloadURL(id: string): Promise<string>;
    restore(id: string): Promise<void>;
    delete(id: string): Promise<void>;
  }

  interface ClientServer {
    readonly uuid: string;
    readonly identifier: string;
    readonly suspended: boolean;
    readonly status: string | undefined;
    readonly backups: BackupManager;
  }

  interface Shard {
    on(event: string, listener: (value: never) => void): this;
    connect(): Promise<void>;
    refresh(): Promise<void>;
    disconnect(): void;
  }

  export class PteroClient {
    constructor(domain: string, auth: string);
    readonly ws: { useOrigin: boolean; createShard(id: string): Shard };
    readonly servers: { fetch(id: string, options?: { force?: boolean }): Promise<ClientServer> };
  }
}
