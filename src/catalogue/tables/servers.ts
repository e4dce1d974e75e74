import type { Clock } from '../../base/clock.ts';
import type { ServerId } from '../../base/ids.ts';
import type { ServerTable } from '../contract.ts';
import type { Database } from '../sqlite/database.ts';
import type { ServerRecord, ServerSettings } from '../records.ts';
import { integer, json, type Row, text } from '../sqlite/row.ts';
import { readSettings } from './row-data.ts';

export class Servers implements ServerTable {
  readonly #database: Database;
  readonly #clock: Clock;

  constructor(database: Database, clock: Clock) {
    this.#database = database;
    this.#clock = clock;
  }

  get(id: ServerId): ServerRecord {
    const row = this.#database.one('SELECT * FROM servers WHERE id = :id', { id });
    return row === undefined ? { id, suspended: false, settings: {}, updatedAt: null } : serverOf(row);
  }

  list(): ServerRecord[] {
    return this.#database.all('SELECT * FROM servers ORDER BY id', {}).map(serverOf);
  }

  setSuspended(id: ServerId, suspended: boolean): ServerRecord {
    this.#database.run(
      `INSERT INTO servers (id, suspended, updated_at) VALUES (:id, :suspended, :now)
       ON CONFLICT (id) DO UPDATE SET suspended = :suspended, updated_at = :now`,
      { id, suspended: Number(suspended), now: this.#clock.now() },
    );
    return this.get(id);
  }

  setSettings(id: ServerId, settings: ServerSettings): ServerRecord {
    this.#database.run(
      `INSERT INTO servers (id, settings, updated_at) VALUES (:id, :settings, :now)
       ON CONFLICT (id) DO UPDATE SET settings = :settings, updated_at = :now`,
      { id, settings: JSON.stringify(settings), now: this.#clock.now() },
    );
    return this.get(id);
  }

  delete(id: ServerId): void {
    this.#database.run('DELETE FROM servers WHERE id = :id', { id });
  }
}

function serverOf(row: Row): ServerRecord {
  return {
    id: text(row, 'id') as ServerId,
    suspended: integer(row, 'suspended') === 1,
    settings: readSettings(json(row, 'settings')),
    updatedAt: integer(row, 'updated_at'),
  };
}
