/** Counts failures to sign in by address, so that secrets cannot be tried by the thousand. */
import { isIP } from 'node:net';
import type { Clock } from '../../../base/clock.ts';
import { Failure } from '../../../base/failure.ts';

const MOST_FAILURES = 10;
const WINDOW_MS = 60_000;
/** The most addresses that are counted; beyond, the one whose failure is oldest is forgotten. */
const MOST_ADDRESSES = 10_000;

export class SignInFailures {
  readonly #now: () => number;
  readonly #failures = new Map<string, { since: number; count: number }>();

  constructor(clock: Pick<Clock, 'monotonic'>) {
    this.#now = () => clock.monotonic();
  }

  /** @throws Failure `server_busy` (429) for an address with ten failures within a minute. */
  admit(address: string): void {
    const known = this.#failures.get(networkOf(address));
    if (known === undefined || this.#now() - known.since >= WINDOW_MS || known.count < MOST_FAILURES) return;
    throw new Failure('server_busy', 'Cannot sign in: too many failures from this address within a minute', {
      facts: { tooMany: true },
      hint: 'Wait a minute, then try again.',
    });
  }

  note(address: string): void {
    const name = networkOf(address);
    const now = this.#now();
    const known = this.#failures.get(name);
    const open = known !== undefined && now - known.since < WINDOW_MS ? known : { since: now, count: 0 };
    open.count++;
    // Behind all others: the order of the map is that of the last failure.
    this.#failures.delete(name);
    this.#failures.set(name, open);
    const [oldest] = this.#failures.keys();
    if (this.#failures.size > MOST_ADDRESSES && oldest !== undefined) this.#failures.delete(oldest);
  }
}

/** One host usually has all IPv6 addresses that begin with the same 64 bits. */
function networkOf(address: string): string {
  if (isIP(address) !== 6) return address;
  // The URL parser writes an address in its shortest form (RFC 5952), brackets around it.
  const host = new URL(`http://[${address.split('%')[0]}]`).hostname.slice(1, -1);
  const [head = '', tail = ''] = host.split('::');
  const groups = [head, tail].map((part) => (part === '' ? [] : part.split(':')));
  const zeros = Array<string>(Math.max(0, 8 - groups.flat().length)).fill('0');
  return [...(groups[0] ?? []), ...zeros, ...(groups[1] ?? [])].slice(0, 4).join(':');
}
