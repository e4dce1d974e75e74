import { createHash } from 'node:crypto';
import type { Clock } from '../../base/clock.ts';
import type { UsedTokenTable } from '../contract.ts';
import type { Database } from '../sqlite/database.ts';

export class UsedTokens implements UsedTokenTable {
  readonly #database: Database;
  readonly #clock: Clock;

  constructor(database: Database, clock: Clock) {
    this.#database = database;
    this.#clock = clock;
  }

  use(token: string, expiresAt: number): boolean {
    const sql = 'INSERT INTO used_tokens (hash, expires_at) VALUES (:hash, :expiresAt) ON CONFLICT DO NOTHING';
    return this.#database.run(sql, { hash: hashOf(token), expiresAt }) === 1;
  }

  isUsed(token: string): boolean {
    return (
      this.#database.one('SELECT 1 AS used FROM used_tokens WHERE hash = :hash', { hash: hashOf(token) }) !== undefined
    );
  }

  sweep(): number {
    return this.#database.run('DELETE FROM used_tokens WHERE expires_at < :now', { now: this.#clock.now() });
  }
}

/** Only the hash is kept, so that a reader of the database cannot use a token. */
function hashOf(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}
