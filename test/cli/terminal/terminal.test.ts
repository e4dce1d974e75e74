import { Writable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { printList } from '../../../src/cli/terminal/entry-list.ts';
import { Terminal } from '../../../src/cli/terminal/terminal.ts';
import { RecordedStream, recordingTerminal } from '../recording-terminal.ts';
import { Failure } from '../../../src/base/failure.ts';

function brokenPipe(): Writable {
  return new Writable({
    write: (_chunk, _encoding, done) => done(Object.assign(new Error('write EPIPE'), { code: 'EPIPE', errno: -32 })),
  });
}

async function* counted(upTo: number, seen: { count: number }) {
  for (let at = 0; at < upTo; at++) {
    seen.count++;
    yield { json: { at }, text: `line ${at} ${'x'.repeat(100)}` };
  }
}

describe('a reader that leaves early', () => {
  it('is no error, and ends a long list soon', async () => {
    const terminal = new Terminal(brokenPipe(), new RecordedStream(), false);
    const seen = { count: 0 };
    await printList(terminal, false, {}, counted(1_000_000, seen));
    expect(terminal.outputClosed).toBe(true);
    expect(seen.count).toBeLessThan(5000);
  });

  it('of stderr does not stop the work either', async () => {
    const stdout = new RecordedStream();
    const terminal = new Terminal(stdout, brokenPipe(), false);
    terminal.note('lost');
    await terminal.result('kept\n');
    expect(stdout.text).toBe('kept\n');
  });
});

describe('a slow reader', () => {
  it('is waited for instead of filling memory', async () => {
    let release: (() => void) | undefined;
    const slow = new Writable({ highWaterMark: 10, write: (_chunk, _encoding, done) => (release = done) });
    const terminal = new Terminal(slow, new RecordedStream(), false);
    let resolved = false;
    const writing = terminal.result('more than ten bytes').then(() => (resolved = true));
    await new Promise(setImmediate);
    expect(resolved).toBe(false);
    release?.();
    await writing;
    expect(resolved).toBe(true);
  });
});

describe('a long list', () => {
  it('is one JSON object with --json', async () => {
    const { terminal, stdout } = recordingTerminal();
    await printList(terminal, true, { file: 'a' }, counted(2000, { count: 0 }), () => ({ end: true }));
    const { file, entries, end } = JSON.parse(stdout.text) as { file: string; entries: { at: number }[]; end: boolean };
    expect([file, entries.length, entries[1999], end]).toEqual(['a', 2000, { at: 1999 }, true]);
  });

  it('without any field or entry is still one JSON object', async () => {
    const { terminal, stdout } = recordingTerminal();
    await printList(terminal, true, {}, counted(0, { count: 0 }));
    expect(JSON.parse(stdout.text)).toEqual({ entries: [] });
  });

  it('that breaks off stays one JSON object, which says why', async () => {
    const { terminal, stdout } = recordingTerminal();
    async function* breaking() {
      yield* counted(3, { count: 0 });
      throw new Failure('archive_damaged', 'Cannot read on: it ends early');
    }
    await expect(printList(terminal, true, {}, breaking())).rejects.toThrow('it ends early');
    const { entries, code } = JSON.parse(stdout.text) as { entries: unknown[]; code: string };
    expect([entries.length, code]).toEqual([3, 'archive_damaged']);
    expect(terminal.resultBegun).toBe(true);
  });
});
