/**
 * Wraps a store or a catalogue so that a test is asked at each call, numbered from 1 over all that one counter watches:
 * it may throw there (a fault) or never come back (the process died). `after` calls are asked once the call took effect.
 */
import type { Catalogue } from '../../src/catalogue/contract.ts';
import type { ObjectWriter, Store } from '../../src/storage/store.ts';

export class FaultPoints {
  calls = 0;
  readonly names: string[] = [];
  /** The fault: called with the call's number, before it or after it took effect. */
  at: (number: number, when: 'before' | 'after') => void | Promise<void> = () => undefined;

  store(inner: Store): Store {
    const create: Store['create'] = (key) =>
      this.#later(`create ${key}`, async () => this.#writer(await inner.create(key), key));
    return {
      name: inner.name,
      type: inner.type,
      create,
      open: (key) => this.#later(`open ${key}`, () => inner.open(key)),
      stat: (key) => this.#later(`stat ${key}`, () => inner.stat(key)),
      remove: (key) => this.#later(`remove ${key}`, () => inner.remove(key)),
      list: (prefix) => inner.list(prefix),
      freeSpace: () => this.#later('freeSpace', () => inner.freeSpace()),
      check: () => this.#later('check', () => inner.check()),
      close: () => inner.close(),
    };
  }

  /** Counts the changes of jobs and backups, and each transaction's commit. A fault must throw at once. */
  catalogue(inner: Catalogue): Catalogue {
    return {
      ...inner,
      jobs: this.#table('jobs', inner.jobs, ['insert', 'start', 'setPhase', 'finish']),
      backups: this.#table('backups', inner.backups, ['insert', 'complete', 'fail', 'delete', 'setLocked']),
      transaction: (work) => this.#now('commit', () => inner.transaction(work)),
      close: () => inner.close(),
    };
  }

  #writer(inner: ObjectWriter, key: string): ObjectWriter {
    return {
      write: (bytes) => this.#later(`write ${key}`, () => inner.write(bytes)),
      commit: () =>
        this.#later(`commit ${key}`, async () => {
          await inner.commit();
        }).catch(async (error: unknown) => {
          // The contract: a commit that rejects has left nothing of its attempt.
          await inner.abort();
          throw error;
        }),
      abort: () => this.#later(`abort ${key}`, () => inner.abort()),
    };
  }

  #table<Table extends object>(name: string, inner: Table, watched: readonly string[]): Table {
    return new Proxy(inner, {
      get: (target, property) => {
        const value: unknown = Reflect.get(target, property, target);
        if (typeof value !== 'function' || typeof property !== 'string') return value;
        const call = (...values: unknown[]): unknown => Reflect.apply(value, target, values);
        return watched.includes(property)
          ? (...values: unknown[]) => this.#now(`${name}.${property}`, () => call(...values))
          : call;
      },
    });
  }

  async #later<Result>(name: string, call: () => Promise<Result>): Promise<Result> {
    const number = this.#count(name);
    await this.at(number, 'before');
    const result = await call();
    await this.at(number, 'after');
    return result;
  }

  #now<Result>(name: string, call: () => Result): Result {
    const number = this.#count(name);
    void this.at(number, 'before');
    return call();
  }

  #count(name: string): number {
    this.names.push(name);
    return ++this.calls;
  }
}
