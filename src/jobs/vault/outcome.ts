/** Work on many parts of vaults: it goes on behind one that fails, and tells what was done and all that failed. */
import { asFailure, type Failure } from '../../base/failure.ts';
import type { VaultFailure, VaultOutcome } from '../vault-contract.ts';

/** Told in full; the rest is counted. */
const MOST_TOLD = 20;

type Part = Omit<VaultFailure, 'failure'>;

export class OutcomeNotes<Done> {
  readonly #done: Done[] = [];
  readonly #failures: VaultFailure[] = [];
  #failureCount = 0;

  add(done: Done): void {
    this.#done.push(done);
  }

  /** @param doing the start of the message, for an error that is no Failure. @returns the Failure that the outcome names. */
  fail(part: Part, error: unknown, doing: string): Failure {
    const failure = asFailure(error, doing);
    this.#failureCount++;
    if (this.#failures.length < MOST_TOLD) this.#failures.push({ ...part, failure });
    return failure;
  }

  get outcome(): VaultOutcome<Done> {
    return { done: this.#done, failures: this.#failures, failureCount: this.#failureCount };
  }
}
