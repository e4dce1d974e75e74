/** A daemon's request to a panel, and what the answers of all three need. */
import type { PanelFlavour } from './flavours.ts';
import type { PanelBackup, PanelRows, PanelServer } from './rows.ts';
import type { PanelUploads } from './uploads.ts';

/** One request of a daemon, as it came. */
export interface PanelCall {
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** JSON when it is; else the text. */
  readonly body: unknown;
  /** Milliseconds on the panel's clock. */
  readonly at: number;
  /** What was answered; 0 when the connection was cut or nothing was said. */
  status: number;
  /** True when the panel has done what it was asked to. */
  effective: boolean;
}

export interface PanelAnswer {
  readonly status: number;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface RemoteParts {
  readonly flavour: PanelFlavour;
  readonly rows: PanelRows;
  readonly node: { readonly tokenId: string; readonly token: string };
  readonly uploads: PanelUploads | undefined;
  readonly partSize: () => number;
  readonly now: () => number;
}

export function keyOf({ server, uuid }: PanelBackup): string {
  return `${server.uuid}/${uuid}.tar.gz`;
}

/** What a daemon learns of a server, as far as backups need it. */
export function configurationOf({ uuid, name, suspended, diskSpace, denylist }: PanelServer) {
  const limits = { memory_limit: 1024, swap: 0, io_weight: 500, cpu_limit: 0, threads: null, oom_disabled: true };
  return {
    settings: {
      uuid,
      meta: { name, description: '' },
      suspended,
      environment: {},
      invocation: 'true',
      skip_egg_scripts: false,
      build: { ...limits, disk_space: diskSpace },
      container: { image: 'none', oom_disabled: true, requires_rebuild: false },
      allocations: { force_outgoing_ip: false, default: { ip: '127.0.0.1', port: 25565 }, mappings: {} },
      mounts: [],
      egg: { id: uuid, file_denylist: denylist },
    },
    process_configuration: { startup: { done: [], user_interaction: [], strip_ansi: false }, stop: {}, configs: [] },
  };
}
