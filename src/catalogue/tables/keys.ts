import type { KeyTable } from '../contract.ts';
import type { Database } from '../sqlite/database.ts';
import { bytes } from '../sqlite/row.ts';

export class Keys implements KeyTable {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  get(name: string): Uint8Array | undefined {
    const row = this.#database.one('SELECT value FROM keys WHERE name = :name', { name });
    return row === undefined ? undefined : bytes(row, 'value');
  }

  set(name: string, value: Uint8Array): void {
    const sql = 'INSERT INTO keys (name, value) VALUES (:name, :value) ON CONFLICT (name) DO UPDATE SET value = :value';
    this.#database.run(sql, { name, value });
  }

  ensure(name: string, make: () => Uint8Array): Uint8Array {
    // In one transaction: two processes that start together must end up with the same key.
    return this.#database.transaction(() => {
      const known = this.get(name);
      if (known !== undefined) return known;
      const made = make();
      this.set(name, made);
      return made;
    });
  }

  getText(name: string): string | undefined {
    const value = this.get(name);
    return value === undefined ? undefined : Buffer.from(value).toString('utf8');
  }

  setText(name: string, value: string): void {
    this.set(name, Buffer.from(value, 'utf8'));
  }
}
