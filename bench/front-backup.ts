/** Backups that the daemon makes while what it passes on is measured. */

export class BackingUp {
  readonly #backups: string;
  readonly #headers: Readonly<Record<string, string>>;

  /** @param api the address of the daemon's own API. */
  constructor(api: string, token: string, server: string) {
    this.#backups = `${api}/api/servers/${server}/backups`;
    this.#headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  }

  /**
   * Does something while one backup is made after another; none copies from an earlier one.
   *
   * @param work asks whether the first of them is still being made, and ends after it.
   * @returns its result, and how many backups were made.
   */
  async during<Result>(work: (isBusy: () => boolean) => Promise<Result>): Promise<readonly [Result, number]> {
    const state = { isDone: false, made: 0 };
    const making = (async () => {
      while (!state.isDone) {
        await this.#make();
        state.made++;
      }
    })();
    const result = await work(() => state.made === 0);
    state.isDone = true;
    await making;
    return [result, state.made];
  }

  async #make(): Promise<void> {
    const { id } = (await this.#ask(this.#backups, 'POST')) as { readonly id: string };
    await this.#ask(`${this.#backups}/delete?id=${id}`, 'DELETE');
  }

  async #ask(url: string, method: string): Promise<unknown> {
    const answer = await fetch(url, { method, headers: this.#headers, ...(method === 'POST' ? { body: '{}' } : {}) });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${url} answered ${answer.status}: ${text}`);
    return JSON.parse(text);
  }
}

/**
 * Asks each way in turn, so that what else goes on meets all alike.
 *
 * @param count times at least each, and as long as `isBusy`.
 * @returns milliseconds of each way.
 */
export async function byTurns<Way>(
  ways: readonly Way[],
  ask: (way: Way) => Promise<number>,
  count: number,
  isBusy: () => boolean = () => false,
): Promise<number[][]> {
  const times: number[][] = ways.map(() => []);
  for (let asked = 0; asked < count || isBusy(); asked++) {
    for (const [at, way] of ways.entries()) times[at]?.push(await ask(way));
  }
  return times;
}
