/** The log of a daemon, on stdout for journald, which no stalled reader of it holds up. */
import { type LogOptions, openLog, type RootLog } from './log.ts';
import { LogOutput, nonBlockingWriter } from './output.ts';

const STDOUT = 1;
/** How long the end, or a fatal line, waits for the reader. */
const LAST_MS = 500;

export interface StdoutLog {
  readonly log: RootLog;
  /** Writes what still waits, for a bounded time; lines after it are lost. */
  readonly close: () => void;
}

export function openStdoutLog(options: LogOptions): StdoutLog {
  const writer = nonBlockingWriter(STDOUT);
  const output = new LogOutput(writer.write, {
    onDropped: (lines) => log.warn('Lines of the log were dropped: its reader had stalled', { lines }),
  });
  const flush = (): void => output.flush(LAST_MS);
  const log: RootLog = openLog(options, { write: (line) => output.write(line), flush });
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
