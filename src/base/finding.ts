/** The result of one check. */
export interface Finding {
  /** Stable name of the check, for programs. */
  readonly check: string;
  /** `warning`: works, but needs attention; `fault`: does not work, or will not. */
  readonly level: 'ok' | 'warning' | 'fault';
  readonly message: string;
  /** How to mend it. */
  readonly hint?: string;
}

/** A check that found nothing wrong. */
export function fine(check: string, message: string): Finding {
  return { check, level: 'ok', message };
}

/** A finding that endangers no backup yet. @param hint what to do. */
export function warning(check: string, message: string, hint: string): Finding {
  return { check, level: 'warning', message, hint };
}

/** A finding that keeps backups or restores from working. @param hint what to do. */
export function fault(check: string, message: string, hint?: string): Finding {
  return { check, level: 'fault', message, hint };
}
