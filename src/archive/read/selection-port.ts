/** Asks the caller's thread which entries are wanted, many at a time: the selection is a function there. */
import type { MessagePort } from 'node:worker_threads';
import type { Entry, EntryKind } from '../entry.ts';
import type { SelectionAnswer, SelectionRequest } from './messages.ts';

export class SelectionPort {
  readonly #port: MessagePort;
  readonly #waiting = new Map<number, (wanted: readonly boolean[]) => void>();
  #nextId = 0;

  constructor(port: MessagePort) {
    this.#port = port;
  }

  /** Handles a message from the caller's side. */
  receive(message: { readonly type: string }): void {
    if (message.type !== 'selected') return;
    const { id, wanted } = message as SelectionAnswer;
    this.#waiting.get(id)?.(wanted);
    this.#waiting.delete(id);
  }

  /** The caller's side replies no more: selects nothing for every open question. */
  stop(): void {
    for (const answer of this.#waiting.values()) answer([]);
    this.#waiting.clear();
  }

  select(entries: readonly Entry[]): Promise<readonly boolean[]> {
    return this.#ask(entries.map(({ path, kind }) => [path, kind] as const));
  }

  async selects(path: string, kind: EntryKind): Promise<boolean> {
    return (await this.#ask([[path, kind]]))[0] === true;
  }

  #ask(entries: SelectionRequest['entries']): Promise<readonly boolean[]> {
    const id = this.#nextId++;
    return new Promise((resolve) => {
      this.#waiting.set(id, resolve);
      this.#port.postMessage({ type: 'select', id, entries } satisfies SelectionRequest);
    });
  }
}
