/**
 * The log: one JSON object or text line per event, on stdout for journald. Removes secrets from messages, facts and
 * errors, and prevents forged lines.
 */
import { pino } from 'pino';
import { formatJournalLine, formatLine, safeFacts } from './line.ts';
import { redact } from './redact.ts';

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export type LogFormat = 'json' | 'text' | 'journal';

export interface LogOptions {
  /** The lowest level that is written. */
  readonly level: LogLevel;
  /** `journal`: text with a priority for journald, without the time. */
  readonly format: LogFormat;
}

type LogFacts = Readonly<Record<string, unknown>>;

export interface Log {
  /** @param facts values behind the sentence; an error goes under `error`. */
  trace(message: string, facts?: LogFacts): void;
  debug(message: string, facts?: LogFacts): void;
  info(message: string, facts?: LogFacts): void;
  warn(message: string, facts?: LogFacts): void;
  error(message: string, facts?: LogFacts): void;
  fatal(message: string, facts?: LogFacts): void;
  /** A log that adds these facts, such as `requestId` or `job`, to every line. */
  child(facts: LogFacts): Log;
}

/** The root log; its level may change while in use and applies to all children. */
export interface RootLog extends Log {
  setLevel(level: LogLevel): void;
}

/** Called once per line, which ends in a newline. */
export interface LogStream {
  write(line: string): void;
  /** Called after a fatal line: what was written must not be lost with the process. */
  flush?(): void;
}

const FORMS: Readonly<Record<LogFormat, ((line: string) => string) | undefined>> = {
  json: undefined,
  text: formatLine,
  journal: formatJournalLine,
};

/** Opens a log that writes lines to `target`, without secrets. Its level and its secrets may change later. */
export function openLog(options: LogOptions, target: LogStream): RootLog {
  const form = FORMS[options.format];
  const lines = form === undefined ? target : { write: (line: string) => target.write(form(line)) };
  const logger = pino(
    {
      // Children share the threshold below.
      level: 'trace',
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: {},
    },
    lines,
  );
  const threshold = { rank: LOG_LEVELS.indexOf(options.level) };
  const log = wrap(logger, threshold);
  const fatal: Log['fatal'] = (message, facts) => {
    log.fatal(message, facts);
    target.flush?.();
  };
  return { ...log, fatal, setLevel: (level) => void (threshold.rank = LOG_LEVELS.indexOf(level)) };
}

/** A log that writes nothing. */
export function silentLog(): RootLog {
  return openLog({ level: 'silent', format: 'json' }, { write: () => undefined });
}

function wrap(logger: pino.Logger, threshold: { readonly rank: number }): Log {
  const write = (level: Exclude<LogLevel, 'silent'>) => (message: string, facts?: LogFacts) => {
    // Redacting walks every fact, so skip lines below the level.
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

/** Facts must not replace the log's own fields: JSON readers take the last of two equal names. */
function ownNames(facts: Record<string, unknown>): Record<string, unknown> {
  const fields = Object.entries(facts).map(([name, value]) => [RESERVED.has(name) ? `${name}_` : name, value] as const);
  return Object.fromEntries(fields);
}

const RESERVED = new Set(['level', 'time', 'msg']);
