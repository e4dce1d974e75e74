/** What the doctor says about one thing. */
export interface Finding {
  /** What was looked at: a stable word for programs. */
  readonly check: string;
  /** `warning`: it works, but look at it; `fault`: something does not work, or will not. */
  readonly level: 'ok' | 'warning' | 'fault';
  readonly message: string;
  /** How to mend it. */
  readonly hint?: string;
}

export function fine(check: string, message: string): Finding {
  return { check, level: 'ok', message };
}

export function warning(check: string, message: string, hint: string): Finding {
  return { check, level: 'warning', message, hint };
}

export function fault(check: string, message: string, hint?: string): Finding {
  return { check, level: 'fault', message, hint };
}
