/**
 * The catalogue: what Roost knows, in one SQLite file. Backups and jobs, reports that a panel is owed, the plans of
 * restores, settings of servers, used tokens, and the node's own keys.
 *
 * It promises that a call that returned survives a power cut, that each state change happened once and from the state
 * that it names, and that a file which is damaged or too new is refused, never repaired by guessing. It holds no
 * archive's bytes and decides nothing: what the records mean is the jobs' business. What it knows of completed backups
 * is also in their manifests (manifest.ts), from which it can be made again.
 */
import { randomBytes } from 'node:crypto';
import type { Clock } from '../base/clock.ts';
import { Backups } from './tables/backups.ts';
import type { Catalogue } from './contract.ts';
import { Copies } from './tables/copies.ts';
import { Database, type OnFull } from './sqlite/database.ts';
import { Deliveries } from './tables/deliveries.ts';
import { History } from './tables/history.ts';
import { Jobs } from './tables/jobs.ts';
import { Keys } from './tables/keys.ts';
import { Notices } from './tables/notices.ts';
import { migrate } from './sqlite/migrate.ts';
import { Plans } from './tables/plans.ts';
import { Servers } from './tables/servers.ts';
import { Sessions } from './tables/sessions.ts';
import { UsedTokens } from './tables/used-tokens.ts';

export type { Catalogue } from './contract.ts';

/** The key under `keys` that signs download tokens: 32 random bytes, made at the first opening. */
export const DOWNLOAD_TOKEN_KEY = 'download-token';

/**
 * Opens the database, making and migrating it as needed.
 *
 * @param path of the SQLite file; its directory is made when it is missing.
 * @param random so many random bytes.
 * @param onFull as `Database.open` takes it.
 * @throws Failure `internal` with a hint when it is damaged, newer than this program, or cannot be read;
 * `insufficient_storage` when the disk is full.
 */
export function openCatalogue(
  path: string,
  clock: Clock,
  random: (length: number) => Uint8Array = randomBytes,
  onFull?: OnFull,
): Catalogue {
  const database = Database.open(path, onFull);
  try {
    migrate(database, clock);
    const keys = new Keys(database);
    keys.ensure(DOWNLOAD_TOKEN_KEY, () => random(32));
    const history = new History(database, clock);
    return {
      servers: new Servers(database, clock),
      backups: new Backups(database, clock, history),
      history,
      copies: new Copies(database, clock),
      deliveries: new Deliveries(database, clock),
      jobs: new Jobs(database, clock),
      plans: new Plans(database, clock),
      sessions: new Sessions(database),
      notices: new Notices(database, clock),
      usedTokens: new UsedTokens(database, clock),
      keys,
      transaction: (work) => database.transaction(work),
      revision: () => database.revision(),
      close: () => database.close(),
    };
  } catch (error) {
    database.close();
    throw error;
  }
}
