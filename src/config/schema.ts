/**
 * One zod schema per section of the file, with defaults. Unknown keys are faults, so a mistyped key is never ignored.
 */
import { z } from 'zod';
import { LOG_LEVELS } from '../base/log/log.ts';
import { notifySchema } from './notify.ts';
import { type Environment, resolvedText, secret } from './secret-source.ts';
import { PANEL_FLAVOURS, PERMISSIONS } from './types.ts';
import * as value from './values.ts';

/** Shorter secrets could be guessed. */
const TOKEN_SECRET_LENGTH = 16;

const TOKEN_ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;

export function configSchema(environment: Environment) {
  return section({
    api: api.prefault({}),
    state_directory: value.absolutePath.prefault('/var/lib/roost'),
    allow_inside: z.boolean().default(false),
    servers: servers.prefault({}),
    tokens: z.array(token(environment)).default([]),
    storage: storage(environment).prefault({}),
    backups: backups.prefault({}),
    jobs: jobs.prefault({}),
    limits: limits.prefault({}),
    retention: retention.prefault({}),
    schedules: z.array(schedule).default([]),
    verification: section({ every_days: value.count.default(30) }).prefault({}),
    restore: restore.prefault({}),
    power: power(environment).prefault({ driver: 'none' }),
    panel: panel(environment).prefault({}),
    front: front.nullable().default(null),
    notify: notifySchema(environment).prefault({}),
    log: log.prefault({}),
  });
}

/** An object with exactly these keys, returned in camelCase. */
function section<Shape extends z.ZodRawShape>(shape: Shape) {
  return z.strictObject(shape).transform(camelKeys);
}

const api = section({
  host: value.text.default('127.0.0.1'),
  port: z.int().min(0).max(65535).default(8090),
  public_url: value.httpUrl.nullable().default(null),
  tls: section({ cert: value.absolutePath, key: value.absolutePath }).nullable().default(null),
  trusted_proxies: z.array(value.addressBlock).default([]),
});

const servers = section({
  root: value.absolutePath.nullable().default(null),
  list: z
    .array(section({ id: value.serverId, path: value.absolutePath, name: value.text.nullable().default(null) }))
    .default([]),
});

const token = (environment: Environment) =>
  section({
    id: z.string().regex(TOKEN_ID, 'must be a short name of letters, digits, dots and hyphens'),
    secret: secret(environment, TOKEN_SECRET_LENGTH),
    permissions: z.array(z.enum([...PERMISSIONS, '*'])),
    servers: z.array(value.anyServer),
    limits: section({
      per_server: value.count.default(0),
      max_size: value.size.prefault(0),
      server_bytes: value.size.prefault(0),
    })
      .nullable()
      .default(null),
  });

const percent = z.number('must be a number from 0 to 100').min(0).max(100);

const storage = (environment: Environment) =>
  section({
    default: value.text.default('local'),
    copies: z.array(value.text).default([]),
    stores: z
      .record(z.string(), z.discriminatedUnion('type', [localStore, s3Store(environment)]).transform(camelKeysOfStore))
      .prefault({ local: { type: 'local', directory: '/var/lib/roost/backups' } }),
  });

const localStore = z.strictObject({
  type: z.literal('local'),
  directory: value.absolutePath,
  allow_inside: z.boolean().default(false),
  adopt: value.text.nullable().default(null),
  layout: z.enum(['plain', 'vault']).default('plain'),
  vault: section({
    shortest_range: value.size.prefault(256),
    merge_at: percent.default(10),
  }).prefault({}),
});

const s3Store = (environment: Environment) =>
  z.strictObject({
    type: z.literal('s3'),
    endpoint: value.httpUrl.nullable().default(null),
    region: value.text.default('us-east-1'),
    bucket: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{1,62}$/, 'must be a bucket name'),
    prefix: z.string().default('').transform(asPrefix),
    access_key_id: secret(environment).nullable().default(null),
    secret_access_key: secret(environment).nullable().default(null),
    session_token: secret(environment).nullable().default(null),
    path_style: z.boolean().nullable().default(null),
    ca_file: value.absolutePath.nullable().default(null),
    part_size: value.partSize.nullable().default(null),
    encryption: z.enum(['none', 'AES256', 'aws:kms']).default('none'),
    kms_key_id: value.text.nullable().default(null),
    storage_class: value.text.nullable().default(null),
    tags: z.record(value.text, z.string()).default({}),
    object_lock: z.enum(['none', 'legal-hold', 'governance', 'compliance']).default('none'),
    object_lock_days: z.int().min(1).max(36500).default(30),
    download: z.enum(['agent', 'redirect']).default('agent'),
    adopt: value.text.nullable().default(null),
  });

type StoreInput = z.output<typeof localStore> | z.output<ReturnType<typeof s3Store>>;

function camelKeysOfStore(store: StoreInput) {
  return store.type === 'local' ? camelKeys(store) : camelKeys(store);
}

/** No slash at the start, one at the end: object keys are appended directly. */
function asPrefix(written: string): string {
  const bare = written.replace(/^\/+|\/+$/g, '');
  return bare === '' ? '' : `${bare}/`;
}

const backups = section({
  compression: z.enum(['none', 'fast', 'best']).default('fast'),
  engine: z.enum(['auto', 'isal', 'zlib']).default('auto'),
  workers: z
    .union([z.literal('auto'), z.int().min(1).max(64)], 'must be "auto", or a number from 1 to 64')
    .default('auto'),
  nice: z.int().min(0).max(19).nullable().default(null),
  concurrent: z.int().min(1).max(64).default(2),
  read_limit: value.rate.default(0),
  write_limit: value.rate.default(0),
  upload_limit: value.rate.default(0),
  wings_readable: z.boolean().default(false),
  suspect: section({
    lost_files: percent.default(50),
    lost_bytes: percent.default(50),
    unreadable: percent.default(10),
  }).prefault({}),
});

const jobs = section({
  stalled_minutes: value.count.default(30),
  rerun_interrupted: z.boolean().default(false),
});

const limits = section({
  per_server: value.count.default(20),
  max_size: value.size.prefault('10GiB'),
  server_bytes: value.size.prefault(0),
  servers: z
    .record(
      value.serverId,
      section({
        per_server: value.count.nullable().default(null),
        max_size: value.size.nullable().default(null),
        server_bytes: value.size.nullable().default(null),
      }),
    )
    .default({}),
  reserve_free: value.size.prefault('2GiB'),
});

const retention = section({
  keep_last: value.count.default(0),
  keep_days: value.count.default(0),
  keep_daily: value.count.default(0),
  keep_weekly: value.count.default(0),
  keep_monthly: value.count.default(0),
});

const schedule = section({
  server: value.anyServer,
  cron: value.cron,
  timezone: value.timeZone.nullable().default(null),
  missed: z.enum(['run', 'skip']).default('run'),
  ignore: z.array(z.string()).default([]),
});

const restore = section({
  setuid: z.enum(['strip', 'keep']).default('strip'),
  owner: value.uidGid.prefault('archive'),
});

const timeout = z.int().min(1).max(3600).default(120);
const optionalCommand = value.command.nullable().default(null);

const power = (environment: Environment) =>
  z.discriminatedUnion('driver', [
    section({ driver: z.literal('none') }),
    section({
      driver: z.literal('command'),
      status: optionalCommand,
      stop: optionalCommand,
      kill: optionalCommand,
      start: optionalCommand,
      prepare: optionalCommand,
      resume: optionalCommand,
      timeout_seconds: timeout,
    }),
    section({
      driver: z.literal('wings'),
      url: value.httpUrl.nullable().default(null),
      token: secret(environment).nullable().default(null),
      prepare: z.array(value.text).default([]),
      resume: z.array(value.text).default([]),
      saved: value.text.nullable().default(null),
      quiesce: z.enum(['auto', 'off']).nullable().default(null),
      timeout_seconds: timeout,
    }),
    section({
      driver: z.literal('rcon'),
      servers: z.array(rconServer(environment)).min(1, 'must name at least one server'),
      prepare: z.array(value.text).default(['save-off', 'save-all flush']),
      resume: z.array(value.text).default(['save-on']),
      saved: value.text.nullable().default('Saved the '),
      status: optionalCommand,
      stop: optionalCommand,
      kill: optionalCommand,
      start: optionalCommand,
      timeout_seconds: timeout,
    }),
  ]);

const rconServer = (environment: Environment) =>
  section({
    id: value.serverId,
    host: value.text.default('127.0.0.1'),
    port: z.int().min(1).max(65535).default(25575),
    password: secret(environment),
  });

const panel = (environment: Environment) =>
  section({
    flavour: z.enum(PANEL_FLAVOURS).default('none'),
    url: value.httpUrl.nullable().default(null),
    token_id: resolvedText(environment).nullable().default(null),
    token: secret(environment).nullable().default(null),
    allowed_origins: z.array(z.string().regex(/^(\*|https?:\/\/[^\s/?#]+)$/, 'must be an origin')).default([]),
    restore_host_allowlist: z.array(value.hostOrBlock).default([]),
    owns_reset: z.boolean().default(false),
    backup_directories: z.array(value.absolutePath).default([]),
  });

const front = section({
  listen: section({
    host: value.text.default('0.0.0.0'),
    port: z.int().min(0).max(65535).default(8080),
    tls: section({ cert: value.absolutePath, key: value.absolutePath }).nullable().default(null),
  }).prefault({}),
  wings: value.bareHttpUrl,
  wings_config: value.absolutePath.nullable().default(null),
  trusted_proxies: z.array(value.addressBlock).default([]),
  remote_wings: z.boolean().default(false),
});

const log = section({
  level: z.enum(LOG_LEVELS).default('info'),
  format: z.enum(['auto', 'json', 'text']).default('auto'),
});

/** Converts `read_limit` to `readLimit`, in values and types. */
type Camel<Name extends string> = Name extends `${infer Head}_${infer Tail}`
  ? `${Head}${Capitalize<Camel<Tail>>}`
  : Name;

type CamelKeys<Section> = { [Key in keyof Section as Key extends string ? Camel<Key> : Key]: Section[Key] };

function camelKeys<Section extends object>(section: Section): CamelKeys<Section> {
  const fields = Object.entries(section).map(([name, value]) => [camel(name), value as unknown] as const);
  return Object.fromEntries(fields) as CamelKeys<Section>;
}

function camel(name: string): string {
  return name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
