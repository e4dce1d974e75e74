/** The log never waits for its reader: lines wait in a bounded buffer, and what was dropped is counted. */
import { execFileSync } from 'node:child_process';
import { closeSync, constants, openSync, readFileSync, readSync } from 'node:fs';
import net from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { openLog } from '../../../src/base/log/log.ts';
import { LogOutput, nonBlockingWriter, type WriteNow } from '../../../src/base/log/output.ts';
import { eventually } from '../../support/eventually.ts';
import { scratchDirectory } from '../../support/scratch.ts';

afterEach(() => void vi.useRealTimers());

/** A reader that takes bytes only when told. */
function scriptedOutput(most = 100) {
  let room = 0;
  let taken = '';
  let broken = false;
  const told: number[] = [];
  const output = new LogOutput(
    (bytes) => {
      if (broken) throw new Error('EPIPE');
      if (room === 0) return -1;
      const part = bytes.subarray(0, room);
      room -= part.length;
      taken += Buffer.from(part).toString();
      return part.length;
    },
    { most, retryMs: 10, onDropped: (lines) => void told.push(lines) },
  );
  return {
    output,
    told,
    taken: () => taken,
    read: (bytes: number) => void (room += bytes),
    leave: () => void (broken = true),
  };
}

describe('a buffer', () => {
  test('keeps what the reader does not take, in order and across half lines, and drops what finds no place', () => {
    vi.useFakeTimers();
    const { output, told, taken, read } = scriptedOutput();
    const line = (number: number): string => `line ${String(number).padStart(4, '0')}\n`;
    for (let number = 0; number < 1000; number++) output.write(line(number));
    expect(taken()).toBe('');
    expect(output.dropped).toBe(990);
    read(15);
    vi.advanceTimersByTime(10);
    expect(taken()).toBe('line 0000\nline ');
    expect(told).toEqual([]);
    read(1000);
    vi.advanceTimersByTime(10);
    expect(taken()).toBe(Array.from({ length: 10 }, (_, number) => line(number)).join(''));
    expect(told).toEqual([990]);
    output.write('after\n');
    expect(taken()).toContain('after\n');
    expect(told).toEqual([990]);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('tells the count in the log itself, once', () => {
    vi.useFakeTimers();
    let room = 0;
    let taken = '';
    const output = new LogOutput(
      (bytes) => (room === 0 ? -1 : ((taken += Buffer.from(bytes).toString()), bytes.length)),
      {
        most: 500,
        retryMs: 10,
        onDropped: (lines) => log.warn('dropped', { lines }),
      },
    );
    const log = openLog({ level: 'info', format: 'json' }, { write: (line) => output.write(line) });
    for (let number = 0; number < 100; number++) log.info('x'.repeat(50));
    room = 1;
    vi.advanceTimersByTime(50);
    const lines = taken
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { msg: string; lines?: number });
    expect(lines.filter(({ msg }) => msg === 'dropped')).toEqual([
      expect.objectContaining({ lines: 100 - (lines.length - 1) }),
    ]);
  });

  test('gives up for a reader that is gone', () => {
    vi.useFakeTimers();
    const { output, taken, leave } = scriptedOutput();
    leave();
    output.write('a\n');
    output.write('b\n');
    output.flush(1000);
    expect(taken()).toBe('');
    expect(vi.getTimerCount()).toBe(0);
  });

  test('is flushed after a fatal line, for a bounded time', () => {
    const { output, taken, read } = scriptedOutput();
    const log = openLog(
      { level: 'info', format: 'text' },
      { write: (line) => output.write(line), flush: () => output.flush(30) },
    );
    log.fatal('the end');
    expect(taken()).toBe('');
    read(1000);
    log.fatal('the end again');
    expect(taken()).toMatch(/FATAL the end\n.*FATAL the end again\n/);
  });
});

describe('a descriptor that is not read', () => {
  const line = Buffer.from(`${'x'.repeat(99)}\n`);

  /** Writes until nothing is taken; the count of bytes. */
  function fill(write: WriteNow): number {
    let bytes = 0;
    for (let written = 0; written >= 0 && bytes < 64 * 1024 * 1024; bytes += Math.max(0, written))
      written = write(line);
    return bytes;
  }

  test('a pipe', async () => {
    const path = join(await scratchDirectory(), 'pipe');
    execFileSync('mkfifo', [path]);
    const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const writer = openSync(path, constants.O_WRONLY);
    const { write, close } = nonBlockingWriter(writer);
    const bytes = fill(write);
    expect(bytes).toBeGreaterThanOrEqual(4096);
    expect(bytes).toBeLessThanOrEqual(1024 * 1024);
    // The flags of the descriptor that others share are as they were: O_NONBLOCK is 04000.
    const flags = /^flags:\s+(\d+)/m.exec(readFileSync(`/proc/self/fdinfo/${writer}`, 'utf8'))?.[1] ?? '';
    expect(Number.parseInt(flags, 8) & 0o4000).toBe(0);
    const memory = Buffer.alloc(bytes);
    let read = 0;
    while (read < bytes) read += readSync(reader, memory, read, bytes - read, null);
    expect(write(line)).toBe(100);
    closeSync(reader);
    expect(() => write(line)).toThrow('EPIPE');
    close();
    closeSync(writer);
  });

  test('a socket, as journald has', async () => {
    const directory = await scratchDirectory();
    const path = join(directory, 'socket');
    const accepted: net.Socket[] = [];
    const server = net.createServer({ pauseOnConnect: true }, (socket) => void accepted.push(socket)).listen(path);
    onTestFinished(() => void server.close());
    const client = net.connect(path);
    onTestFinished(() => void client.destroy());
    await eventually(() => accepted.length > 0);
    const { fd } = (client as unknown as { _handle: { fd: number } })._handle;
    const { write } = nonBlockingWriter(fd);
    const bytes = fill(write);
    expect(bytes).toBeGreaterThan(4096);
    expect(bytes).toBeLessThan(16 * 1024 * 1024);
    accepted[0]?.resume();
    await eventually(() => write(line) > 0);
    accepted[0]?.destroy();
    await eventually(() => {
      try {
        write(line);
        return false;
      } catch {
        return true;
      }
    });
  });

  test('a full disk is waited for, as a full pipe is', async () => {
    const full = openSync('/dev/full', 'w');
    const { write, close } = nonBlockingWriter(full);
    expect(write(line)).toBe(-1);
    close();
    closeSync(full);
  });
});
