/** Asks the caller's thread which entries are wanted, many at a time: the selection is a function there. */
import type { MessagePort } from 'node:worker_threads';
import type { Entry, EntryKind } from '../entry.ts';
import type { SelectionAnswer, SelectionRequest } from './messages.ts';
import { stopped } from './source-port.ts';

export class SelectionPort {
  readonly #port: MessagePort;
  readonly #waiting = new Map<number, PromiseWithResolvers<readonly boolean[]>>();
  #nextId = 0;
  #isStopped = false;

  constructor(port: MessagePort) {
    this.#port = port;
  }

  /** Handles a message from the caller's side. */
  receive(message: { readonly type: string }): void {
    if (message.type !== 'selected') return;
    const { id, wanted } = message as SelectionAnswer;
    this.#waiting.get(id)?.resolve(wanted);
    this.#waiting.delete(id);
  }

  /** The caller's side replies no more: open questions fail, and so do later ones. */
  stop(): void {
    this.#isStopped = true;
    for (const { reject } of this.#waiting.values()) reject(stopped());
    this.#waiting.clear();
  }

  /** @throws Failure `cancelled` after `stop`. */
  select(entries: readonly Entry[]): Promise<readonly boolean[]> {
    return this.#ask(entries.map(({ path, kind }) => [path, kind] as const));
  }

  /** @throws Failure `cancelled` after `stop`. */
  async selects(path: string, kind: EntryKind): Promise<boolean> {
    return (await this.#ask([[path, kind]]))[0] === true;
  }

  async #ask(entries: SelectionRequest['entries']): Promise<readonly boolean[]> {
    if (this.#isStopped) throw stopped();
    const id = this.#nextId++;
    const answer = Promise.withResolvers<readonly boolean[]>();
    this.#waiting.set(id, answer);
    this.#port.postMessage({ type: 'select', id, entries } satisfies SelectionRequest);
    return answer.promise;
  }
}
