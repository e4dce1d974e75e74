/** What a relay has passed, counted since the start; for metrics. */

export interface TrafficCounts {
  /** Answers of the other server, by the first digit of their status. */
  readonly answers: ReadonlyMap<string, number>;
  /** Requests that got no answer of the other server. */
  readonly unanswered: number;
  /** Bytes from clients, and to them, heads included. */
  readonly up: number;
  readonly down: number;
  /** Requests and sockets that are passed now. */
  readonly open: number;
  /** Whether the last request was answered; undefined before the first. */
  readonly reached: boolean | undefined;
}

export class Traffic {
  readonly #answers = new Map<string, number>();
  #unanswered = 0;
  #up = 0;
  #down = 0;
  #open = 0;
  #reached: boolean | undefined;

  /** @returns what is called once, with the bytes that went each way. */
  enter(): (bytes: { readonly up: number; readonly down: number }) => void {
    this.#open++;
    return ({ up, down }) => {
      this.#open--;
      this.#up += up;
      this.#down += down;
    };
  }

  answered(status: number): void {
    this.#reached = true;
    const kind = `${Math.floor(status / 100)}xx`;
    this.#answers.set(kind, (this.#answers.get(kind) ?? 0) + 1);
  }

  unanswered(): void {
    this.#reached = false;
    this.#unanswered++;
  }

  get counts(): TrafficCounts {
    const [unanswered, up, down, open] = [this.#unanswered, this.#up, this.#down, this.#open];
    return { answers: new Map(this.#answers), unanswered, up, down, open, reached: this.#reached };
  }
}
