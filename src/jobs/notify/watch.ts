/**
 * Watches what no job reports: servers without a good backup since their schedule's last time, servers without a
 * schedule, and stores that are away. The last notified state of each is kept as its condition, so that it is sent once,
 * also over restarts.
 */
import type { ServerId } from '../../base/ids.ts';
import type { Log } from '../../base/log/log.ts';
import type { Timers } from '../../base/timers.ts';
import { reasonOf, asFailure } from '../../base/failure.ts';
import type { Catalogue } from '../../catalogue/contract.ts';
import { isSuspect } from '../../catalogue/records.ts';
import type { Config } from '../../config/types.ts';
import { ageText } from '../../policy/health/protected.ts';
import {
  judgeProtection,
  type Protection,
  type ProtectionItem,
  ScheduleTimes,
} from '../../policy/health/protection.ts';
import type { Registry } from '../../servers/registry.ts';
import type { Store } from '../../storage/store.ts';
import type { StoreSet } from '../stored/stores.ts';
import { ageOf, type ComposeDeps, type NewNotice, writeNotices } from './compose.ts';

export interface WatchDeps extends ComposeDeps {
  readonly catalogue: Pick<Catalogue, 'backups' | 'jobs' | 'notices' | 'servers' | 'transaction'>;
  readonly config: Pick<Config, 'notify' | 'panel' | 'schedules'>;
  readonly registry: Pick<Registry, 'list'>;
  readonly stores: StoreSet;
}

/** More servers than these in one look share one message. */
const MOST_SINGLE = 3;
const SHOWN = 10;

/** Looks at every server that can be backed up. */
export async function watchServers(deps: WatchDeps): Promise<void> {
  const { catalogue, clock, config } = deps;
  const now = clock.now();
  const times = new ScheduleTimes(config.schedules, now);
  const changed: { readonly server: ServerId; readonly protection: Protection; readonly was: string | undefined }[] =
    [];
  const present = (await deps.registry.list()).filter(({ id }) => !catalogue.servers.get(id).suspended);
  catalogue.transaction(() => {
    for (const { id } of present) {
      const subject = ageOf(id);
      const known = catalogue.notices.condition(`seen:${id}`);
      if (known === undefined) catalogue.notices.setCondition(`seen:${id}`, 'yes');
      const was = catalogue.notices.condition(subject)?.state;
      const protection = judgeProtection(itemsOf(id, deps), times.of(id), now, known?.since ?? now);
      const state = conditionOf(protection, config.panel.connection !== null);
      if (state === (was ?? 'ok')) continue;
      catalogue.notices.setCondition(subject, state);
      changed.push({ server: id, protection, was });
    }
    const overdue = changed.filter(({ protection }) => protection.state === 'overdue');
    const unscheduled = changed.filter(({ protection }) => protection.state === 'unscheduled');
    const recovered = changed.filter(({ protection, was }) => was === 'overdue' && protection.state === 'ok');
    const age = ({ lastGood }: Protection): string =>
      lastGood === undefined ? 'there is none' : `the last good one is ${ageText(now - lastGood.createdAt)} old`;
    const notices: NewNotice[] = [
      ...gathered('server.overdue', overdue, deps, 'overdue', ({ protection }, name) => ({
        message: `${name} is overdue: its schedule passed without a good backup, and ${age(protection)}`,
        hint: protection.lastFailure?.failure?.message,
      })),
      ...gathered('server.unprotected', unscheduled, deps, 'without a schedule', (_, name) => ({
        message: `${name} has no schedule: nothing backs it up by itself`,
        hint: 'Name it under schedules in the config.',
      })),
      ...gathered('server.recovered', recovered, deps, 'protected again', (_, name) => ({
        message: `${name} has a good backup again`,
      })),
    ];
    for (const notice of notices) writeNotices(notice, deps);
  });
}

type Words = Pick<NewNotice, 'message' | 'hint'>;

function gathered<Item extends { readonly server: ServerId }>(
  event: NewNotice['event'],
  items: readonly Item[],
  { nameOf }: ComposeDeps,
  what: string,
  words: (item: Item, name: string) => Words,
): NewNotice[] {
  if (items.length <= MOST_SINGLE) {
    return items.map((item) => Object.assign({ event, server: item.server }, words(item, nameOf(item.server))));
  }
  const names = items.slice(0, SHOWN).map(({ server }) => nameOf(server));
  const more = items.length > SHOWN ? ` and ${items.length - SHOWN} more` : '';
  return [{ event, server: null, message: `${items.length} servers are ${what}: ${names.join(', ')}${more}` }];
}

/** The stored condition of a server. One that was never backed up is `ok` until it is overdue. */
function conditionOf({ state }: Protection, panel: boolean): string {
  if (state === 'overdue') return 'overdue';
  return state === 'unscheduled' && !panel ? 'unprotected' : 'ok';
}

function itemsOf(server: ServerId, { catalogue }: WatchDeps): ProtectionItem[] {
  const good = catalogue.backups.newestGood(server);
  const [newest] = catalogue.backups.list({ server, limit: 1 });
  return [good, newest?.id === good?.id ? undefined : newest].flatMap((record) => {
    if (record === undefined) return [];
    const { status, createdAt, sequence, error } = record;
    // Of one whose deletion failed half-way, part may be gone.
    const damaged = record.damagedAt !== null || record.removing;
    const failure = error === null || error.code === 'cancelled' ? {} : { failure: error };
    return [{ status, createdAt, sequence, damaged, suspect: isSuspect(record), ...failure }];
  });
}

/** Looks at stores: one that does not answer twice in a row is away. */
export class StoreWatch {
  readonly #deps: WatchDeps;
  readonly #failed = new Set<string>();

  constructor(deps: WatchDeps) {
    this.#deps = deps;
  }

  async look(): Promise<void> {
    await Promise.all(this.#deps.stores.all().map((store) => this.#check(store)));
  }

  async #check(store: Store): Promise<void> {
    const { catalogue } = this.#deps;
    const subject = `store:${store.name}`;
    const was = catalogue.notices.condition(subject)?.state ?? 'up';
    const failure = await store.check().then(
      () => undefined,
      (error: unknown) => asFailure(error, `Cannot use the store "${store.name}"`),
    );
    if (failure === undefined) {
      this.#failed.delete(store.name);
      if (was === 'up') return;
      this.#change(subject, 'up', {
        event: 'store.back',
        server: null,
        message: `The store "${store.name}" answers again`,
      });
    } else if (!this.#failed.has(store.name)) this.#failed.add(store.name);
    else if (was === 'up') {
      const message = `The store "${store.name}" is away: ${reasonOf(failure)}`;
      this.#change(subject, 'away', { event: 'store.away', server: null, message, hint: failure.hint });
    }
  }

  #change(subject: string, state: string, notice: NewNotice): void {
    const { catalogue } = this.#deps;
    catalogue.transaction(() => {
      catalogue.notices.setCondition(subject, state);
      writeNotices(notice, this.#deps);
    });
  }
}

const LOOK_EVERY_MS = 60_000;

/** Looks every minute, while there is a channel to tell. */
export class NoticeWatch {
  readonly #deps: WatchDeps & { readonly timers: Timers; readonly log: Log; readonly wake: () => void };
  readonly #stores: StoreWatch;
  #stopped = false;
  #cancelTimer: () => void = () => undefined;
  #looking: Promise<void> = Promise.resolve();

  /** @param deps `wake` is called after each look, so that new notifications are sent. */
  constructor(deps: WatchDeps & { readonly timers: Timers; readonly log: Log; readonly wake: () => void }) {
    this.#deps = deps;
    this.#stores = new StoreWatch(deps);
  }

  start(): void {
    this.#looking = this.#look().finally(() => {
      if (!this.#stopped) this.#cancelTimer = this.#deps.timers.after(LOOK_EVERY_MS, () => this.start());
    });
  }

  /** Resolves when the look that has begun is over. */
  async close(): Promise<void> {
    this.#stopped = true;
    this.#cancelTimer();
    await this.#looking;
  }

  /** Resolves when the look that has begun is over. */
  settled(): Promise<void> {
    return this.#looking;
  }

  async #look(): Promise<void> {
    if (this.#deps.config.notify.channels.length === 0) return;
    try {
      await watchServers(this.#deps);
      await this.#stores.look();
    } catch (error) {
      this.#deps.log.error('Cannot watch over servers and stores', { error });
    }
    this.#deps.wake();
  }
}
