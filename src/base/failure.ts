/**
 * The only error type thrown on purpose: a stable code for programs, a sentence for people ("Cannot store the archive:
 * 12 MB free, 340 MB needed"), facts, a cause, and a hint about what to do. Each dialect maps codes to its own status
 * and body in one place.
 */
export const FAILURE_CODES = [
  'invalid_request',
  'backup_not_ready',
  'backup_failed',
  'server_suspended',
  'too_many_backups',
  'unauthorized',
  'forbidden',
  'backup_locked',
  'server_not_found',
  'backup_not_found',
  'path_not_found',
  'job_not_found',
  'backup_exists',
  'server_busy',
  'preview_outdated',
  'not_running',
  'too_large',
  'archive_damaged',
  'draining',
  'store_unreachable',
  'insufficient_storage',
  'cancelled',
  'interrupted',
  'config_invalid',
  'internal',
] as const;

export type FailureCode = (typeof FAILURE_CODES)[number];

/** What code decides on, beyond the code. Stays within the process: neither rows nor threads carry it. */
export interface FailureDetail {
  /** The panel's answer had this HTTP status. */
  readonly httpStatus?: number;
  /** The request was understood and its values are of no use; some dialects answer 422. */
  readonly unprocessable?: boolean;
  /**
   * The further store in whose copy the damage was found, and when that copy was made; the backup's own archive may be
   * whole, and so may the copy that is there by now.
   */
  readonly inCopy?: { readonly store: string; readonly madeAt: number | null };
  /** SQLite's extended result code. */
  readonly sqliteCode?: number;
  /** What a collection of a vault had given back before it failed. */
  readonly gaveBack?: { readonly packs: number; readonly freedBytes: number; readonly movedBytes: number };
  /** What the answer of an error says beside its sentence: what was done all the same, and what else failed. */
  readonly report?: Readonly<Record<string, unknown>>;
}

export interface FailureDetails {
  readonly detail?: FailureDetail;
  /** Values behind the sentence, for logs and metrics; never secrets. */
  readonly facts?: Readonly<Record<string, unknown>>;
  /** Advice for the reader, shown after the message. */
  readonly hint?: string;
  readonly cause?: unknown;
  /** True when the same call may succeed later without any change. */
  readonly retry?: boolean;
}

export class Failure extends Error {
  readonly code: FailureCode;
  readonly facts: Readonly<Record<string, unknown>>;
  readonly detail: FailureDetail;
  readonly hint: string | undefined;
  readonly retry: boolean;

  constructor(code: FailureCode, message: string, details: FailureDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = 'Failure';
    this.code = code;
    this.facts = details.facts ?? {};
    this.detail = details.detail ?? {};
    this.hint = details.hint;
    this.retry = details.retry ?? false;
  }

  /** Plain data for threads and database rows; `Failure.revive` restores the error. */
  toJSON(): FailureRecord {
    return { code: this.code, message: this.message, facts: this.facts, hint: this.hint, retry: this.retry };
  }

  /** This failure with more beside it, which causes the new one. @param message in place of its own. */
  with(more: Pick<FailureDetails, 'facts' | 'detail'> & { readonly message?: string }): Failure {
    return new Failure(this.code, more.message ?? this.message, {
      facts: { ...this.facts, ...more.facts },
      detail: { ...this.detail, ...more.detail },
      retry: this.retry,
      cause: this,
      ...(this.hint === undefined ? {} : { hint: this.hint }),
    });
  }

  static revive(record: FailureRecord, cause?: unknown): Failure {
    return new Failure(record.code, record.message, {
      facts: record.facts,
      retry: record.retry,
      cause,
      hint: record.hint,
    });
  }
}

export interface FailureRecord {
  readonly code: FailureCode;
  readonly message: string;
  readonly facts: Readonly<Record<string, unknown>>;
  readonly hint?: string | undefined;
  readonly retry: boolean;
}

/** The errno name (`ENOENT`) of a system error anywhere in a chain of causes, or undefined. */
export function errnoOf(error: unknown): string | undefined {
  for (let at: unknown = error, depth = 0; at instanceof Error && depth < 8; at = at.cause, depth++) {
    const code = (at as NodeJS.ErrnoException).code;
    if (typeof code === 'string' && typeof (at as NodeJS.ErrnoException).errno === 'number') return code;
    // One error for each address of a name: the first is as good as any.
    const first: unknown = at instanceof AggregateError ? at.errors[0] : undefined;
    if (first instanceof Error && errnoOf(first) !== undefined) return errnoOf(first);
  }
  return undefined;
}

/**
 * Why something was thrown, never empty: its message, else those that it gathers or that caused it, else its code or
 * name. Node fails with an empty message when a name has several addresses and none of them answers.
 */
export function reasonOf(error: unknown): string {
  for (let at: unknown = error, depth = 0; at instanceof Error && depth < 8; at = at.cause, depth++) {
    if (at.message.trim() !== '') return at.message;
    const gathered = at instanceof AggregateError ? at.errors.slice(0, 4).map((each: unknown) => ownReason(each)) : [];
    const reasons = [...new Set(gathered)].filter((reason) => reason !== '');
    if (reasons.length > 0) return reasons.join(', ');
    if (at.cause === undefined) return (at as NodeJS.ErrnoException).code ?? at.name;
  }
  const text = error instanceof Error ? error.name : String(error);
  return text.trim() === '' ? 'no reason was given' : text;
}

function ownReason(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.message === '' ? ((error as NodeJS.ErrnoException).code ?? error.name) : error.message;
}

const OUT_OF_SPACE = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);

/**
 * Wraps any thrown value in a `Failure` with that cause. A full disk or quota becomes `insufficient_storage`, an abort
 * `cancelled`, all else `internal`.
 *
 * @param doing the start of the sentence, such as "Cannot store the archive".
 */
export function asFailure(error: unknown, doing: string): Failure {
  if (error instanceof Failure) return error;
  const errno = errnoOf(error);
  const reason = reasonOf(error);
  if (error instanceof Error && error.name === 'AbortError') {
    return new Failure('cancelled', `${doing}: it was cancelled`, { cause: error });
  }
  if (errno !== undefined && OUT_OF_SPACE.has(errno)) {
    return new Failure('insufficient_storage', `${doing}: no space left (${errno})`, {
      cause: error,
      facts: { errno },
      hint: 'Free some space on that disk (or raise its quota), then try again.',
      retry: true,
    });
  }
  return new Failure('internal', `${doing}: ${reason}`, { cause: error, facts: errno === undefined ? {} : { errno } });
}

/** The result of the call, or undefined when it throws: for data whose absence does no harm. */
export function attempt<T>(call: () => T): T | undefined {
  try {
    return call();
  } catch {
    return undefined;
  }
}

/** What `fetch` says before it has tried to connect: fetch.spec.whatwg.org, "port blocking". */
const BAD_PORT = 'bad port';

/** The reason of a rejected `fetch`, which is hidden in its cause. */
export function fetchReason(error: unknown): string {
  const cause: unknown = error instanceof Error ? (error.cause ?? error) : error;
  const reason = reasonOf(cause);
  return reason === BAD_PORT ? 'HTTP clients refuse its port, which belongs to another protocol' : reason;
}

/** Throws `cancelled` after an abort, or the signal's own reason when that is a Failure. */
export function throwIfAborted(signal: AbortSignal | undefined, doing: string): void {
  if (!signal?.aborted) return;
  if (signal.reason instanceof Failure) throw signal.reason;
  throw new Failure('cancelled', `${doing}: it was cancelled`, { cause: signal.reason });
}

/** Resolves as `work` does, or rejects on abort; the abandoned work runs to its end. */
export async function unlessAborted<Result>(
  work: Promise<Result>,
  signal: AbortSignal | undefined,
  doing: string,
): Promise<Result> {
  if (signal === undefined) return work;
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = (): void => {
    try {
      throwIfAborted(signal, doing);
    } catch (error) {
      reject(error);
    }
  };
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
