/**
 * The loaded configuration: defaults filled in, sizes in bytes, secrets resolved, absent values null. `schema.ts`
 * defines the file format.
 */
import type { StdoutLogOptions } from '../base/log/stdout.ts';
import type { ServerId } from '../base/ids.ts';
import type { NotifyConfig } from './notify.ts';
import type { Secret } from './secret.ts';

export type * from './notify.ts';

export interface Config {
  readonly api: ApiConfig;
  /** Absolute path of the directory of the catalogue and the spool. */
  readonly stateDirectory: string;
  /** True: the state directory may lie in a server, or a server in it. */
  readonly allowInside: boolean;
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
  /** null: Roost stands alone, or behind a proxy that chooses the paths. */
  readonly front: FrontConfig | null;
  readonly notify: NotifyConfig;
  readonly log: StdoutLogOptions;
  /** Warnings for the log at start and for `config check`. */
  readonly notes: readonly string[];
}

export interface ApiConfig {
  readonly host: string;
  /** 0 lets the system choose. */
  readonly port: number;
  /** Prefix of absolute URLs, without a trailing slash; null: the request's host. */
  readonly publicUrl: string | null;
  /** Absolute paths of PEM files; null: plain HTTP. */
  readonly tls: { readonly cert: string; readonly key: string } | null;
  /** IP addresses and CIDR blocks whose `X-Forwarded-*` headers are believed. */
  readonly trustedProxies: readonly string[];
}

export interface ServersConfig {
  /** Its UUID-named directories are servers; null: only `list` counts. */
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
  /** Limit for backups made with this token, besides the node's limits; null: none. */
  readonly limits: ServerLimits | null;
}

export interface StorageConfig {
  /** Receives new backups; always a key of `stores`. */
  readonly default: string;
  /** Receive a copy of each completed backup; keys of `stores`, never the default. */
  readonly copies: readonly string[];
  readonly stores: Readonly<Record<string, StoreConfig>>;
}

export type StoreConfig = LocalStoreConfig | S3StoreConfig;

export interface LocalStoreConfig {
  readonly type: 'local';
  /** Absolute. */
  readonly directory: string;
  /** True: it may lie in a server, or a server in it. */
  readonly allowInside: boolean;
  /** Id of a store of another node that this node takes over; null: it is refused. */
  readonly adopt: string | null;
  /** How new archives lie in it; archives that are there stay as they are. */
  readonly layout: 'plain' | 'vault';
  readonly vault: {
    /** Bytes: a shorter stretch that the archive before has is stored again. */
    readonly shortestRange: number;
    /** Per cent of dead bytes at which packs are merged. */
    readonly mergeAt: number;
  };
}

export interface S3StoreConfig {
  readonly type: 's3';
  /** http or https, without a slash at the end; null: the service of AWS in `region`. */
  readonly endpoint: string | null;
  readonly region: string;
  readonly bucket: string;
  /** '' or text that ends in a slash. One node, one prefix. */
  readonly prefix: string;
  /** Both or neither; without them the AWS SDK's default chain finds credentials. */
  readonly accessKeyId: Secret | null;
  readonly secretAccessKey: Secret | null;
  readonly sessionToken: Secret | null;
  /** True: bucket in the URL path; false: in the host name; null: in the path when an endpoint is set. */
  readonly pathStyle: boolean | null;
  /** Absolute path of a PEM file with the CA of the endpoint. */
  readonly caFile: string | null;
  /** Bytes of a multipart part; null: chosen from the archive size. */
  readonly partSize: number | null;
  readonly encryption: 'none' | 'AES256' | 'aws:kms';
  readonly kmsKeyId: string | null;
  /** null: the bucket's default. */
  readonly storageClass: string | null;
  readonly tags: Readonly<Record<string, string>>;
  /** Protection of locked backups inside the bucket. */
  readonly objectLock: 'none' | 'legal-hold' | 'governance' | 'compliance';
  /** Days that governance and compliance protect an object after its backup was locked. */
  readonly objectLockDays: number;
  /** Downloads go through the agent or to a presigned URL of the bucket. */
  readonly download: 'agent' | 'redirect';
  /** Id of a node whose prefix this node takes over; null: a prefix of another node is refused. */
  readonly adopt: string | null;
}

export interface BackupsConfig {
  readonly compression: 'none' | 'fast' | 'best';
  readonly engine: 'auto' | 'isal' | 'zlib';
  readonly workers: number | 'auto';
  /** Niceness of job threads above the daemon's own; unless it is given, 10 with a front and 0 without. */
  readonly nice: number;
  /** Jobs that run in parallel on this node. */
  readonly concurrent: number;
  /** MiB per second; 0 for none. */
  readonly readLimit: number;
  readonly writeLimit: number;
  readonly uploadLimit: number;
  /** Archives hold regular files only, for a stock Wings; other entries are stored beside them. */
  readonly wingsReadable: boolean;
  /** When a backup is suspect, in percent; 0: never. */
  readonly suspect: { readonly lostFiles: number; readonly lostBytes: number; readonly unreadable: number };
}

export interface JobsConfig {
  /** Minutes without progress after which a running job is ended; 0: never. */
  readonly stalledMinutes: number;
  /** True: a backup interrupted by the end of the daemon runs again, once, at the next start. */
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
  /** Overrides for single servers; null: the value above. */
  readonly servers: Readonly<Record<string, { readonly [Limit in keyof ServerLimits]: number | null }>>;
  readonly reserveFree: number;
}

/** Backups kept by each rule; all 0: nothing is pruned. */
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
  /** Action at start when the time passed while the daemon was off. */
  readonly missed: 'run' | 'skip';
  /** gitignore lines; empty: the server's ignore file is used. */
  readonly ignore: readonly string[];
}

export interface VerificationConfig {
  /** Days between verifications of a completed backup; 0: never. */
  readonly everyDays: number;
}

export interface RestoreConfig {
  readonly setuid: 'strip' | 'keep';
  readonly owner: 'archive' | { readonly uid: number; readonly gid: number };
}

export type PowerConfig = { readonly driver: 'none' } | CommandPowerConfig | WingsPowerConfig | RconPowerConfig;

/**
 * Programs that stop and start a server: argument lists without a shell, in which `{server}` and `{path}` are replaced.
 */
export interface CommandPowerConfig {
  readonly driver: 'command';
  /** Exit 0: running, 1 or 3: stopped; null: taken as running, if there is a `stop`. */
  readonly status: readonly string[] | null;
  readonly stop: readonly string[] | null;
  /** Used when `stop` did not finish in time; null: the restore is refused. */
  readonly kill: readonly string[] | null;
  readonly start: readonly string[] | null;
  /** Run before a backup reads (such as `save-off`); `resume` always follows. */
  readonly prepare: readonly string[] | null;
  readonly resume: readonly string[] | null;
  readonly timeoutSeconds: number;
}

/** A Wings daemon on this host that owns the containers. */
export interface WingsPowerConfig {
  readonly driver: 'wings';
  readonly url: string;
  readonly token: Secret;
  /** Console lines sent to a running server before a backup reads (such as `save-off`) and after it. */
  readonly prepare: readonly string[];
  readonly resume: readonly string[];
  /** Text of the console line that ends the wait after `prepare`; null: a fixed time. */
  readonly saved: string | null;
  /** auto: games that are known are asked to keep still in their own words, where there are no lines of the config. */
  readonly quiesce: 'auto' | 'off';
  readonly timeoutSeconds: number;
}

/** Games with RCON; programs stop and start them, as with the driver `command`. */
export interface RconPowerConfig extends Omit<CommandPowerConfig, 'driver' | 'prepare' | 'resume'> {
  readonly driver: 'rcon';
  readonly servers: readonly RconServer[];
  readonly prepare: readonly string[];
  readonly resume: readonly string[];
  /** Text of an answer to `prepare`; null: none is expected. */
  readonly saved: string | null;
}

export interface RconServer {
  readonly id: ServerId;
  readonly host: string;
  readonly port: number;
  readonly password: Secret;
}

/** Roost stands before a running Wings and passes on what it does not serve. */
export interface FrontConfig {
  readonly listen: Pick<ApiConfig, 'host' | 'port' | 'tls'>;
  /** `http://address:port` of Wings. */
  readonly wings: string;
  /** Absolute path of Wings' own configuration; null: the panel section names what it would. */
  readonly wingsConfig: string | null;
  /** IP addresses and CIDR blocks before Roost whose `X-Forwarded-*` headers are believed. */
  readonly trustedProxies: readonly string[];
  /** Wings may be somewhere else than on a loopback address. */
  readonly remoteWings: boolean;
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
  /** Address and credentials of the panel; null when the flavour is `none`, or where Wings' configuration has them. */
  readonly connection: { readonly url: string; readonly tokenId: string; readonly token: Secret } | null;
  /** What the file says of it, also where that is not all; goes before what Wings' configuration says. */
  readonly given: { readonly url: string | null; readonly tokenId: string | null; readonly token: Secret | null };
  /** Origins that browsers may call from, or `*`. */
  readonly allowedOrigins: readonly string[];
  /** Host names, addresses and CIDR blocks that a restore may download from besides public addresses. */
  readonly restoreHostAllowlist: readonly string[];
  /** True when only Roost may ask the panel to end restores that the panel believes stuck. */
  readonly ownsReset: boolean;
  /** Backup directories of the former daemon, searched when the panel asks for an unknown backup. */
  readonly backupDirectories: readonly string[];
}
