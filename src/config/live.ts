/**
 * A configuration that can change while it is in use. Rooms hold it, or one of its sections, and read a value when they
 * need it; a reload writes the new values into the same objects. What rooms read once (addresses, directories, stores,
 * programs, the number of jobs at a time) is not taken over, but named.
 */
import { createHash } from 'node:crypto';
import { Secret } from './secret.ts';
import type { Config } from './types.ts';

export interface LiveConfig {
  /** Its `jobs`, `limits`, `retention`, `verification` and `restore`, and all of `backups` but `engine` and `concurrent`, follow each reload. */
  readonly config: Config;
  /** @returns the keys that differ from what is in force, and count only after a restart. */
  readonly reload: (next: Config) => readonly string[];
}

/** Sections of which every value is asked for when it is needed. */
const SECTIONS = ['jobs', 'limits', 'retention', 'verification', 'restore'] as const;

export function liveConfig(first: Config): LiveConfig {
  const sections: Pick<Config, (typeof SECTIONS)[number]> = {
    jobs: { ...first.jobs },
    limits: { ...first.limits },
    retention: { ...first.retention },
    verification: { ...first.verification },
    restore: { ...first.restore },
  };
  const backups = { ...first.backups };
  const config: Config = { ...first, ...sections, backups };
  return {
    config,
    reload(next) {
      for (const name of SECTIONS) Object.assign(sections[name], next[name]);
      Object.assign(backups, pick(next.backups));
      return differing(fixed(config), fixed(next));
    },
  };
}

/** Of `backups`; the others are read once, at the start. */
function pick({ engine: _engine, concurrent: _concurrent, ...followed }: Config['backups']) {
  return followed;
}

/** What a reload does not change, by the keys of the file. */
function fixed(config: Config): Readonly<Record<string, unknown>> {
  const { engine, concurrent } = config.backups;
  return {
    api: config.api,
    state_directory: config.stateDirectory,
    servers: config.servers,
    storage: config.storage,
    'backups.engine': engine,
    'backups.concurrent': concurrent,
    schedules: config.schedules,
    power: config.power,
    panel: config.panel,
    'log.format': config.log.format,
  };
}

function differing(old: Readonly<Record<string, unknown>>, next: Readonly<Record<string, unknown>>): string[] {
  return Object.keys(old).filter((key) => fingerprint(old[key]) !== fingerprint(next[key]));
}

/** The same for the same values, secrets included, and without any of them. */
export function fingerprint(value: unknown): string {
  const text = JSON.stringify(value, function hashed(this: Record<string, unknown>, key, plain: unknown) {
    // A Secret has turned itself into a word by now; its holder still has it.
    const held = this[key];
    return held instanceof Secret ? createHash('sha256').update(held.reveal()).digest('hex') : plain;
  });
  return text ?? 'undefined';
}
