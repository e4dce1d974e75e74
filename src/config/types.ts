/**
 * The configuration as the rooms above see it: defaults filled in, sizes in bytes, secrets resolved. `schema.ts` says
 * how the file spells it. Absent values are null, never undefined.
 */
import type { LogOptions } from '../base/log.ts';
import type { ServerId } from '../base/ids.ts';
import type { Secret } from './secret.ts';

export interface Config {
  readonly api: ApiConfig;
  /** Absolute path of the directory of the catalogue and the spool. */
  readonly stateDirectory: string;
  readonly servers: ServersConfig;
  readonly tokens: readonly TokenConfig[];
  readonly storage: StorageConfig;
  readonly backups: BackupsConfig;
  readonly jobs: JobsConfig;
  readonly limits: LimitsConfig;
  readonly retention: RetentionConfig;
  readonly schedules: readonly ScheduleConfig[];
  readonly verification: VerificationConfig;
  readonly restore: RestoreConfig;
  readonly power: PowerConfig;
  readonly panel: PanelConfig;
  readonly log: LogOptions;
  /** Sentences about what is allowed but may surprise; to be logged at start and shown by `config check`. */
  readonly notes: readonly string[];
}

export interface ApiConfig {
  readonly host: string;
  /** 0 lets the system choose. */
  readonly port: number;
  /** What absolute URLs start with, without a slash at the end; null: the request's own host. */
  readonly publicUrl: string | null;
  /** Absolute paths of PEM files; null: plain HTTP. */
  readonly tls: { readonly cert: string; readonly key: string } | null;
  /** IP addresses and CIDR blocks whose `X-Forwarded-*` headers are believed. */
  readonly trustedProxies: readonly string[];
}

export interface ServersConfig {
  /** Each directory in it that is named by a UUID is a server; null: only the list counts. */
  readonly root: string | null;
  readonly list: readonly ListedServer[];
}

export interface ListedServer {
  readonly id: ServerId;
  /** Absolute. */
  readonly path: string;
  /** null: the first eight characters of the id. */
  readonly name: string | null;
}

export const PERMISSIONS = [
  'backup.read',
  'backup.create',
  'backup.download',
  'backup.restore',
  'backup.delete',
  'node.read',
  'node.manage',
] as const;

export type Permission = (typeof PERMISSIONS)[number];

export interface TokenConfig {
  readonly id: string;
  /** At least 16 characters. */
  readonly secret: Secret;
  readonly permissions: readonly (Permission | '*')[];
  readonly servers: readonly (ServerId | '*')[];
  /** What backups made with it may take up besides the limits of the node; null: nothing further. */
  readonly limits: ServerLimits | null;
}

export interface StorageConfig {
  /** The store that new backups go to; always a key of `stores`. */
  readonly default: string;
  /** Stores that get a copy of each completed backup; keys of `stores`, never the default one. */
  readonly copies: readonly string[];
  readonly stores: Readonly<Record<string, StoreConfig>>;
}

export type StoreConfig = LocalStoreConfig | S3StoreConfig;

export interface LocalStoreConfig {
  readonly type: 'local';
  /** Absolute. */
  readonly directory: string;
}

export interface S3StoreConfig {
  readonly type: 's3';
  /** http or https, without a slash at the end; null: the service of AWS in `region`. */
  readonly endpoint: string | null;
  readonly region: string;
  readonly bucket: string;
  /** '' or text that ends in a slash. One node, one prefix. */
  readonly prefix: string;
  /** Both, or neither: then the default chain of the AWS SDK finds credentials. */
  readonly accessKeyId: Secret | null;
  readonly secretAccessKey: Secret | null;
  readonly sessionToken: Secret | null;
  /** True: the bucket in the path of URLs, false: in the host name; null: in the path where an endpoint is named. */
  readonly pathStyle: boolean | null;
  /** Absolute path of a PEM file with the authority that signed the endpoint's certificate. */
  readonly caFile: string | null;
  /** Bytes of a multipart part; null: chosen from the size of the archive. */
  readonly partSize: number | null;
  readonly encryption: 'none' | 'AES256' | 'aws:kms';
  readonly kmsKeyId: string | null;
  /** null: the bucket's own. */
  readonly storageClass: string | null;
  readonly tags: Readonly<Record<string, string>>;
  /** What keeps the objects of a locked backup from being deleted in the bucket itself. */
  readonly objectLock: 'none' | 'legal-hold' | 'governance' | 'compliance';
  /** Days that governance and compliance keep an object from the moment its backup was locked. */
  readonly objectLockDays: number;
  /** How an archive is downloaded: through the agent, or by a presigned URL of the bucket. */
  readonly download: 'agent' | 'redirect';
  /** The id of a node whose prefix this one takes over; null: a prefix of another node is refused. */
  readonly adopt: string | null;
}

export interface BackupsConfig {
  readonly compression: 'none' | 'fast' | 'best';
  readonly engine: 'auto' | 'isal' | 'zlib';
  readonly workers: number | 'auto';
  /** Steps by which the threads of jobs are nicer than the daemon itself. */
  readonly nice: number;
  /** Jobs that may run at the same time on this node. */
  readonly concurrent: number;
  /** MiB per second; 0 for none. */
  readonly readLimit: number;
  readonly writeLimit: number;
  readonly uploadLimit: number;
  /** Archives hold regular files alone, as a stock Wings reads them; the rest lies beside them. */
  readonly wingsReadable: boolean;
}

export interface JobsConfig {
  /** A running job that has come no further for so many minutes is ended; 0: never. */
  readonly stalledMinutes: number;
  /** True: a backup that the end of the daemon interrupted is begun again at the next start, once. */
  readonly rerunInterrupted: boolean;
}

/** 0 means no limit everywhere here; sizes in bytes. */
export interface ServerLimits {
  readonly perServer: number;
  /** Of one archive. */
  readonly maxSize: number;
  /** Of all archives of a server together. */
  readonly serverBytes: number;
}

export interface LimitsConfig extends ServerLimits {
  /** For single servers in place of the ones above; null: as above. */
  readonly servers: Readonly<Record<string, { readonly [Limit in keyof ServerLimits]: number | null }>>;
  readonly reserveFree: number;
}

/** How many backups are kept by each rule; all 0: nothing is ever pruned. */
export interface RetentionConfig {
  readonly keepLast: number;
  readonly keepDays: number;
  readonly keepDaily: number;
  readonly keepWeekly: number;
  readonly keepMonthly: number;
}

export interface ScheduleConfig {
  readonly server: ServerId | '*';
  /** Five or six fields, or a nickname such as `@daily`. */
  readonly cron: string;
  /** IANA name; null: the zone of the host. */
  readonly timezone: string | null;
  /** What happens once when its time passed while the daemon was off. */
  readonly missed: 'run' | 'skip';
  /** gitignore lines; empty: the server's own ignore file counts. */
  readonly ignore: readonly string[];
}

export interface VerificationConfig {
  /** A completed backup is verified again after this many days; 0: never by itself. */
  readonly everyDays: number;
}

export interface RestoreConfig {
  readonly setuid: 'strip' | 'keep';
  readonly owner: 'archive' | { readonly uid: number; readonly gid: number };
}

export type PowerConfig = { readonly driver: 'none' } | CommandPowerConfig | WingsPowerConfig;

/**
 * Programs that stop and start a server. Each is an argument list (no shell); `{server}` and `{path}` in an argument
 * stand for the server's id and directory.
 */
export interface CommandPowerConfig {
  readonly driver: 'command';
  /** Exit 0: running, 1 or 3: stopped; null: taken as running, if there is a `stop`. */
  readonly status: readonly string[] | null;
  readonly stop: readonly string[] | null;
  /** Ends a server that `stop` did not end in time; null: the restore is refused instead. */
  readonly kill: readonly string[] | null;
  readonly start: readonly string[] | null;
  /** Run before a backup reads (such as `save-off`), and always undone by `resume`. */
  readonly prepare: readonly string[] | null;
  readonly resume: readonly string[] | null;
  readonly timeoutSeconds: number;
}

/** A Wings daemon on this host that owns the containers. */
export interface WingsPowerConfig {
  readonly driver: 'wings';
  readonly url: string;
  readonly token: Secret;
  /** Console lines that a running server gets before a backup reads (such as `save-off`), and right after. */
  readonly prepare: readonly string[];
  readonly resume: readonly string[];
  readonly timeoutSeconds: number;
}

export const PANEL_FLAVOURS = [
  'none',
  'pterodactyl',
  'pelican',
  'calagopus',
  'stellarstack',
  'stellarstack-oss',
] as const;

export type PanelFlavour = (typeof PANEL_FLAVOURS)[number];

export interface PanelConfig {
  readonly flavour: PanelFlavour;
  /** Where the panel is and how Roost proves itself to it; null exactly when the flavour is `none`. */
  readonly connection: { readonly url: string; readonly tokenId: string; readonly token: Secret } | null;
  /** Origins that browsers may call from, or `*`. */
  readonly allowedOrigins: readonly string[];
  /** Host names, addresses and CIDR blocks that a restore may download from besides public addresses. */
  readonly restoreHostAllowlist: readonly string[];
  /** True when Roost, and no other daemon of this node, has the panel end restores that it believes to be stuck. */
  readonly ownsReset: boolean;
  /** Where the panel's former daemon left its backups: looked up when the panel asks for one that is not known. */
  readonly backupDirectories: readonly string[];
}
