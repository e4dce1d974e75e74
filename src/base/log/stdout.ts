/** The log of a daemon, on stdout for journald, which no stalled reader of it holds up. */
import { fstatSync } from 'node:fs';
import { attempt } from '../failure.ts';
import { type LogFormat, type LogLevel, openLog, type RootLog } from './log.ts';
import { LogOutput, nonBlockingWriter } from './output.ts';

const STDOUT = 1;
/** How long the end, or a fatal line, waits for the reader. */
const LAST_MS = 500;

export interface StdoutLog {
  readonly log: RootLog;
  /** Writes what still waits, for a bounded time; lines after it are lost. */
  readonly close: () => void;
}

export interface StdoutLogOptions {
  readonly level: LogLevel;
  /** `auto`: text with priorities where stdout is the journal, else JSON. */
  readonly format: 'auto' | 'json' | 'text';
}

/** @param env with JOURNAL_STREAM where systemd started this process. */
export function openStdoutLog({ level, format }: StdoutLogOptions, env = process.env): StdoutLog {
  const writer = nonBlockingWriter(STDOUT);
  const output = new LogOutput(writer.write, {
    onDropped: (lines) => log.warn('Lines of the log were dropped: its reader had stalled', { lines }),
  });
  const flush = (): void => output.flush(LAST_MS);
  const log: RootLog = openLog(
    { level, format: formatFor(format, isJournal(STDOUT, env['JOURNAL_STREAM'])) },
    { write: (line) => output.write(line), flush },
  );
  process.once('exit', flush);
  return {
    log,
    close() {
      process.off('exit', flush);
      flush();
      output.end();
      writer.close();
    },
  };
}

function formatFor(format: StdoutLogOptions['format'], journal: boolean): LogFormat {
  if (format === 'json') return 'json';
  if (journal) return 'journal';
  return format === 'text' ? 'text' : 'json';
}

/**
 * True when the descriptor is what JOURNAL_STREAM names, as `device:inode` (systemd.exec(5)): the variable alone is
 * inherited by programs whose output goes elsewhere.
 */
export function isJournal(fd: number, stream: string | undefined): boolean {
  if (stream === undefined) return false;
  const stats = attempt(() => fstatSync(fd, { bigint: true }));
  return stats !== undefined && stream === `${stats.dev}:${stats.ino}`;
}
