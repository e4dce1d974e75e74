/**
 * The log: one JSON object (or one line of text) for each event, on stdout for journald. Secrets are taken out of
 * messages, facts and errors on the way, so that no caller has to think of it; names from outside cannot forge a line.
 */
import { pino } from 'pino';
import { formatLine, safeFacts } from './log-line.ts';
import { redact } from './redact.ts';

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export interface LogOptions {
  /** The lowest level that is written. */
  readonly level: LogLevel;
  readonly format: 'json' | 'text';
}

type LogFacts = Readonly<Record<string, unknown>>;

export interface Log {
  /** @param facts numbers and names behind the sentence; an error goes under `error`. */
  trace(message: string, facts?: LogFacts): void;
  debug(message: string, facts?: LogFacts): void;
  info(message: string, facts?: LogFacts): void;
  warn(message: string, facts?: LogFacts): void;
  error(message: string, facts?: LogFacts): void;
  fatal(message: string, facts?: LogFacts): void;
  /** A log whose every line carries these facts too, such as `requestId` or `job`. */
  child(facts: LogFacts): Log;
}

/** The log that was opened, whose level may be changed while it is in use: its children follow. */
export interface RootLog extends Log {
  setLevel(level: LogLevel): void;
}

/** Where lines go: called once per line, which ends in a newline. */
export interface LogStream {
  write(line: string): void;
}

/**
 * @param stream stdout without it, written synchronously: the last lines before a crash are the ones that matter.
 */
export function openLog(options: LogOptions, stream?: LogStream): RootLog {
  const target = stream ?? pino.destination({ fd: 1, sync: true });
  const lines = options.format === 'text' ? { write: (line: string) => target.write(formatLine(line)) } : target;
  const logger = pino(
    {
      // Everything passes here: the threshold is below, where children share it.
      level: 'trace',
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: {},
    },
    lines,
  );
  const threshold = { rank: LOG_LEVELS.indexOf(options.level) };
  return { ...wrap(logger, threshold), setLevel: (level) => void (threshold.rank = LOG_LEVELS.indexOf(level)) };
}

/** A log that writes nothing. */
export function silentLog(): RootLog {
  return openLog({ level: 'silent', format: 'json' }, { write: () => undefined });
}

function wrap(logger: pino.Logger, threshold: { readonly rank: number }): Log {
  const write = (level: Exclude<LogLevel, 'silent'>) => (message: string, facts?: LogFacts) => {
    // Redacting walks every fact: not for lines that nobody will see.
    if (LOG_LEVELS.indexOf(level) < threshold.rank) return;
    if (facts === undefined) logger[level](redact(message));
    else logger[level](ownNames(safeFacts(facts)), redact(message));
  };
  return {
    trace: write('trace'),
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
    fatal: write('fatal'),
    child: (facts) => wrap(logger.child(ownNames(safeFacts(facts))), threshold),
  };
}

/** Facts may not pose as what the log itself writes: JSON readers take the last of two fields of one name. */
function ownNames(facts: Record<string, unknown>): Record<string, unknown> {
  const fields = Object.entries(facts).map(([name, value]) => [RESERVED.has(name) ? `${name}_` : name, value] as const);
  return Object.fromEntries(fields);
}

const RESERVED = new Set(['level', 'time', 'msg']);
