/**
 * One at a time by name, first come first served: for the few writes beside a job that would otherwise overtake each
 * other (two changes of one manifest, a change and the backup's removal).
 */
export class KeyedMutex {
  readonly #last = new Map<string, Promise<void>>();

  /** Runs `work` once all earlier turns of that name have ended, however they ended. Settles as `work` does. */
  run<Result>(name: string, work: () => Promise<Result>): Promise<Result> {
    const turn = (this.#last.get(name) ?? Promise.resolve()).then(work);
    const over = turn.then(
      () => undefined,
      () => undefined,
    );
    this.#last.set(name, over);
    void over.then(() => {
      if (this.#last.get(name) === over) this.#last.delete(name);
    });
    return turn;
  }
}
