/**
 * A configuration that changes while in use. A reload writes new values into the same objects, and their holders read
 * each value when needed. Values read once at start (addresses, directories, stores, programs, concurrency) are not
 * taken over; the reload lists them instead.
 */
import { createHash } from 'node:crypto';
import { Secret } from './secret.ts';
import type { Config } from './types.ts';

export interface LiveConfig {
  /**
   * Follows each reload in `jobs`, `limits`, `retention`, `verification`, `restore`, `notify`, `schedules`, and `backups`
   * except `engine` and `concurrent`.
   */
  readonly config: Config;
  /** @returns the changed keys that need a restart. */
  readonly reload: (next: Config) => readonly string[];
}

/** Sections whose values are all read at use. */
const SECTIONS = ['jobs', 'limits', 'retention', 'verification', 'restore', 'notify'] as const;

export function liveConfig(first: Config): LiveConfig {
  const sections: Pick<Config, (typeof SECTIONS)[number]> = {
    jobs: { ...first.jobs },
    limits: { ...first.limits },
    retention: { ...first.retention },
    verification: { ...first.verification },
    restore: { ...first.restore },
    notify: { ...first.notify },
  };
  const backups = { ...first.backups };
  const schedules = [...first.schedules];
  const config: Config = { ...first, ...sections, backups, schedules };
  return {
    config,
    reload(next) {
      for (const name of SECTIONS) Object.assign(sections[name], next[name]);
      Object.assign(backups, pick(next.backups));
      schedules.splice(0, schedules.length, ...next.schedules);
      renewSecrets(config, next);
      return differing(fixed(config), fixed(next));
    },
  };
}

/** Credentials that are revealed at each use: those of buckets, of Wings, and of panels that speak its protocol. */
function renewSecrets(config: Config, next: Config): void {
  const renew = (held: Secret | null | undefined, from: Secret | null | undefined): void => {
    if (held && from) held.renew(from);
  };
  for (const [name, store] of Object.entries(config.storage.stores)) {
    const other = next.storage.stores[name];
    if (store.type !== 's3' || other?.type !== 's3') continue;
    renew(store.accessKeyId, other.accessKeyId);
    renew(store.secretAccessKey, other.secretAccessKey);
    renew(store.sessionToken, other.sessionToken);
  }
  if (config.power.driver === 'wings' && next.power.driver === 'wings') renew(config.power.token, next.power.token);
  if (config.power.driver === 'rcon' && next.power.driver === 'rcon') {
    const renewed = new Map(next.power.servers.map(({ id, password }) => [id, password]));
    for (const { id, password } of config.power.servers) renew(password, renewed.get(id));
  }
  // The StellarStack dialects read their token only at the start.
  if (!config.panel.flavour.startsWith('stellar')) renew(config.panel.connection?.token, next.panel.connection?.token);
}

/** Keys of `backups` that are read at use; the others are read once. */
function pick({ engine: _engine, concurrent: _concurrent, ...followed }: Config['backups']) {
  return followed;
}

/** Keys of the file that a reload does not change. */
function fixed(config: Config): Readonly<Record<string, unknown>> {
  const { engine, concurrent } = config.backups;
  const { tls, ...api } = config.api;
  return {
    // The files of a certificate are read again, and may be others; whether TLS is spoken is not changed.
    api: { ...api, tls: tls !== null },
    state_directory: config.stateDirectory,
    servers: config.servers,
    storage: config.storage,
    'backups.engine': engine,
    'backups.concurrent': concurrent,
    power: config.power,
    panel: config.panel,
    'log.format': config.log.format,
  };
}

function differing(old: Readonly<Record<string, unknown>>, next: Readonly<Record<string, unknown>>): string[] {
  return Object.keys(old).filter((key) => fingerprint(old[key]) !== fingerprint(next[key]));
}

/** Equal for equal values, secrets included, without revealing them. */
export function fingerprint(value: unknown): string {
  const text = JSON.stringify(value, function hashed(this: Record<string, unknown>, key, plain: unknown) {
    // JSON.stringify has already replaced the Secret by text; its holder still has it.
    const held = this[key];
    return held instanceof Secret ? createHash('sha256').update(held.reveal()).digest('hex') : plain;
  });
  return text ?? 'undefined';
}
