/** A terminal for tests: what was written to each stream, as text. */
import { Writable } from 'node:stream';
import { Terminal } from '../../src/cli/terminal/terminal.ts';

export class RecordedStream extends Writable {
  text = '';
  readonly isTTY: boolean;
  columns: number | undefined;

  constructor(columns?: number) {
    super();
    this.isTTY = columns !== undefined;
    this.columns = columns;
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    this.text += chunk.toString('utf8');
    done();
  }
}

/** @param columns of a terminal; without them both streams are pipes. */
export function recordingTerminal(
  columns?: number,
  colour = false,
): {
  terminal: Terminal;
  stdout: RecordedStream;
  stderr: RecordedStream;
} {
  const [stdout, stderr] = [new RecordedStream(columns), new RecordedStream(columns)];
  return { terminal: new Terminal(stdout, stderr, false, colour), stdout, stderr };
}
