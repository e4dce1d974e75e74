/**
 * A catalogue that is damaged, or is to be rebuilt: the old file is set aside, never removed, and a new one takes its
 * place with whatever of the old one can still be read and is nowhere else:
 *
 *   keys      the stores' identities (so that a disk which is away is still not filled), the keys that links and sockets
 *             are signed with, the node's token as the panel changed it, and what the panel has denied
 *   used_tokens  links for one use that were used: what they are signed with stays
 *   servers   suspended or not, settings
 *   deliveries  reports that the panel is owed: it waits for them, and only this node can make them
 *   history   of attempts whose backups are gone
 *   notices     and what they are made of: no other place holds what was still to be sent
 *   plans     of restores that were not at their end, with their jobs: without them a half-swapped server stays so
 *
 * Backups are not copied: they come from their manifests (jobs/rebuild/rebuild.ts), which are as new and always complete.
 *
 *   1 -wal and -shm are moved    before the file itself: a log beside a new file would be played into that
 *   2 the file is moved          killed from here on: no catalogue, which the next start makes and fills like this one
 *   3 the new one is made
 */
import fs from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { Clock } from '../base/clock.ts';
import { asFailure, errnoOf, Failure } from '../base/failure.ts';
import type { Catalogue } from './contract.ts';
import { openCatalogue } from './catalogue.ts';
import { Database, type OnFull } from './sqlite/database.ts';
import type { Row } from './sqlite/row.ts';
import { insertInto } from './sqlite/sql.ts';
import { isDamaged } from './sqlite/sqlite-failure.ts';

export interface RecoveredCatalogue {
  readonly catalogue: Catalogue;
  /** Where the damaged file lies now; undefined when there was nothing wrong. */
  readonly setAside?: string;
  /** What was wrong with it. */
  readonly damage?: Failure;
}

/**
 * Opens the catalogue like `openCatalogue`, but for a damaged file: that is set aside, and a new one made.
 * The caller holds the lock of the state directory.
 *
 * @param onFull as `Database.open` takes it; not for a new one.
 * @throws Failure as `openCatalogue` does, damage aside.
 */
export function openOrRenewCatalogue(path: string, clock: Clock, onFull?: OnFull): RecoveredCatalogue {
  try {
    return { catalogue: openCatalogue(path, clock, undefined, onFull) };
  } catch (error) {
    if (!(error instanceof Failure) || !isDamaged(error)) throw error;
    return { ...renewCatalogue(path, clock), damage: error };
  }
}

/**
 * Sets the catalogue aside, whatever its state, and opens a new one.
 *
 * @throws Failure `internal`, `insufficient_storage`.
 */
export function renewCatalogue(path: string, clock: Clock): RecoveredCatalogue {
  const setAside = moveAside(path, clock);
  const catalogue = openCatalogue(path, clock);
  if (setAside === undefined) return { catalogue };
  salvage(setAside, path);
  return { catalogue, setAside };
}

function moveAside(path: string, clock: Clock): string | undefined {
  if (!fs.existsSync(path)) return undefined;
  const time = new Date(clock.now()).toISOString().replace(/[:.]/g, '-');
  const aside = `${path}.old-${time}`;
  try {
    for (const suffix of ['-wal', '-shm', '']) renameIfThere(path + suffix, aside + suffix);
    const directory = fs.openSync(dirname(path), 'r');
    try {
      fs.fsyncSync(directory);
    } finally {
      fs.closeSync(directory);
    }
    return aside;
  } catch (error) {
    throw asFailure(error, `Cannot set the catalogue ${path} aside`);
  }
}

function renameIfThere(from: string, to: string): void {
  try {
    fs.renameSync(from, to);
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
  }
}

/** Table by table: what is damaged in one takes nothing from the others. */
function salvage(from: string, to: string): void {
  const target = Database.open(to);
  try {
    const source = new DatabaseSync(from);
    try {
      const named = "name LIKE 'store:%' OR name LIKE 'panel-%' OR name IN ('download-token', 'socket-token')";
      copy(() => read(source, `SELECT * FROM keys WHERE ${named}`), 'keys', target);
      copy(() => read(source, 'SELECT * FROM used_tokens'), 'used_tokens', target);
      copy(() => read(source, 'SELECT * FROM servers'), 'servers', target);
      copy(() => read(source, 'SELECT * FROM deliveries ORDER BY id'), 'deliveries', target);
      copyPlans(source, target);
      copy(() => read(source, 'SELECT * FROM history'), 'history', target);
      for (const table of ['occurrences', 'conditions', 'notices']) {
        copy(() => read(source, `SELECT * FROM ${table}`), table, target);
      }
    } finally {
      source.close();
    }
  } catch {
    // Nothing of it can be read at all: the manifests are what is left.
  } finally {
    target.close();
  }
}

function copyPlans(source: DatabaseSync, target: Database): void {
  const jobs = 'SELECT * FROM jobs WHERE id IN (SELECT job FROM plans) ORDER BY seq';
  copy(() => read(source, jobs), 'jobs', target);
  copy(() => read(source, 'SELECT * FROM plans'), 'plans', target);
}

function read(source: DatabaseSync, sql: string): Row[] {
  return source.prepare(sql).all();
}

function copy(rows: () => Row[], table: string, target: Database): void {
  try {
    target.transaction(() => {
      for (const row of rows()) {
        const values = Object.fromEntries(Object.entries(row));
        target.run(insertInto(table, values).replace(/^INSERT/, 'INSERT OR REPLACE'), values);
      }
    });
  } catch {
    // Unreadable, or of an older form: as good as lost.
  }
}
