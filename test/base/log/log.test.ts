import { describe, expect, test, vi } from 'vitest';
import { Failure } from '../../../src/base/failure.ts';
import { type Log, type LogOptions, openLog, silentLog } from '../../../src/base/log/log.ts';

// The log as it is, with nobody who reads along at every level.
vi.unmock('../../../src/base/log/log.ts');

function captured(options: Partial<LogOptions> = {}): {
  log: Log;
  lines: string[];
  last: () => Record<string, unknown>;
} {
  const lines: string[] = [];
  const log = openLog({ level: 'info', format: 'json', ...options }, { write: (line) => void lines.push(line) });
  return { log, lines, last: () => JSON.parse(lines.at(-1) ?? '{}') as Record<string, unknown> };
}

describe('a line', () => {
  test('is one JSON object with level, time and message', () => {
    const { log, lines, last } = captured();
    log.info('Backup completed', { server: 'a', bytes: 12 });
    expect(lines).toHaveLength(1);
    expect(lines[0]?.endsWith('}\n')).toBe(true);
    expect(last()).toMatchObject({ level: 'info', msg: 'Backup completed', server: 'a', bytes: 12 });
    expect(new Date(last()['time'] as string).toISOString()).toBe(last()['time']);
  });

  test('below the level is not written, and costs no walk through its facts', () => {
    const { log, lines } = captured({ level: 'warn' });
    log.info('x', {
      get costly(): never {
        throw new Error('walked');
      },
    });
    expect(lines).toEqual([]);
    log.warn('y');
    expect(lines).toHaveLength(1);
  });

  test('counts for a level that was changed in between, in children too', () => {
    const lines: string[] = [];
    const log = openLog({ level: 'warn', format: 'json' }, { write: (line) => void lines.push(line) });
    const child = log.child({ job: 'j1' });
    child.info('not yet');
    log.setLevel('info');
    child.info('now');
    log.setLevel('silent');
    child.fatal('no more');
    expect(lines.map((line) => (JSON.parse(line) as { msg: string }).msg)).toEqual(['now']);
  });

  test('of a child carries the child’s facts as well', () => {
    const { log, last } = captured();
    log.child({ requestId: 'r1' }).child({ job: 'j1', token: 'hidden' }).error('no', { a: 1 });
    expect(last()).toMatchObject({ requestId: 'r1', job: 'j1', token: '[redacted]', a: 1, level: 'error' });
  });

  test('a fact cannot replace what the log itself writes', () => {
    const { log, last } = captured();
    log.info('the message', { msg: 'forged', level: 'fatal', time: 'never' });
    expect(last()).toMatchObject({
      msg: 'the message',
      level: 'info',
      level_: 'fatal',
      time_: 'never',
      msg_: 'forged',
    });
    expect(last()['time']).not.toBe('never');
  });

  test('nothing is written by the silent log', () => {
    silentLog().fatal('x', { a: 1 });
  });
});

describe('no secret gets into a line', () => {
  test('by its name, at any depth, or inside text', () => {
    const { log, lines } = captured();
    log.info('GET /x?token=hunter2', {
      headers: { Authorization: 'hunter2', 'x-amz-signature': 'hunter2', host: 'h' },
      list: [{ secretAccessKey: 'hunter2' }, 'Bearer hunter2'],
      url: new URL('https://a:hunter2@s3/k?X-Amz-Signature=hunter2'),
      map: new Map([['password', 'hunter2']]),
      error: new Failure('internal', 'Cannot fetch https://s3/k?X-Amz-Signature=hunter2', {
        facts: { secret: 'hunter2' },
        cause: new Error('token=hunter2'),
        hint: 'not token=hunter2',
      }),
      wrapped: { toJSON: () => ({ token: 'hunter2' }) },
    });
    expect(lines[0]).not.toContain('hunter2');
    expect(lines[0]).toContain('[redacted]');
  });
});

describe('facts of any kind', () => {
  test('a foreseen failure is its code, sentence, hint and causes, without a stack', () => {
    const { log, last } = captured();
    const cause = Object.assign(new Error('ENOSPC: no space left'), { code: 'ENOSPC', errno: -28 });
    log.error('Backup failed', {
      error: new Failure('insufficient_storage', 'Cannot store', { cause, facts: { free: 3 }, hint: 'Free some.' }),
    });
    expect(last()['error']).toEqual({
      code: 'insufficient_storage',
      message: 'Cannot store',
      hint: 'Free some.',
      facts: { free: 3 },
      cause: expect.objectContaining({ code: 'ENOSPC', message: 'ENOSPC: no space left' }) as unknown,
    });
  });

  test('an error that nobody foresaw has its stack', () => {
    const { log, last } = captured();
    log.error('x', { error: new TypeError('undefined is no function') });
    expect(last()['error']).toMatchObject({ name: 'TypeError', stack: expect.stringContaining('log.test') as unknown });
  });

  test('circles, depths, lengths, bigints, functions and bytes do no harm', () => {
    const { log, last, lines } = captured();
    const circle: Record<string, unknown> = { name: 'circle' };
    circle['self'] = circle;
    const long = Array.from({ length: 100_000 }, (_, index) => index);
    log.info('x', {
      circle,
      long,
      big: 2n ** 70n,
      call: () => 1,
      bytes: new Uint8Array(9),
      nothing: null,
      text: 'x'.repeat(1e6),
    });
    expect(last()).toMatchObject({ big: String(2n ** 70n), bytes: '9 bytes', nothing: null });
    expect(last()).not.toHaveProperty('call');
    expect(lines[0]?.length).toBeLessThan(20_000);
  });
});

describe('the text format', () => {
  test('is one readable line', () => {
    const { log, lines } = captured({ format: 'text' });
    log.warn('Backup completed', { server: 'a', name: 'two words', bytes: 12 });
    expect(lines[0]).toMatch(
      /^\d{4}-\d\d-\d\dT[\d:.]+Z WARN {2}Backup completed server=a name="two words" bytes=12\n$/,
    );
  });

  test('names from outside forge no line and no terminal sequence', () => {
    const { log, lines } = captured({ format: 'text' });
    log.info('path a\nb \u001b[2J \u202e', { path: 'c\nd' });
    expect(lines[0]?.match(/\n/g)).toHaveLength(1);
    expect(lines[0]).toContain('path a\\nb \\x1b[2J \\u202e path="c\\nd"');
  });
});

describe('the format for the journal', () => {
  test('has the priority that syslog gives a level, and no time', () => {
    const { log, lines } = captured({ format: 'journal', level: 'trace' });
    for (const level of ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const) log[level]('x', { a: 1 });
    expect(lines).toEqual(['<7>x a=1\n', '<7>x a=1\n', '<6>x a=1\n', '<4>x a=1\n', '<3>x a=1\n', '<2>x a=1\n']);
  });

  test('tells a failure in one line: sentences, codes and the hint, no stack', () => {
    const { log, lines } = captured({ format: 'journal' });
    const cause = Object.assign(new Error('ENOSPC: no space left'), { code: 'ENOSPC' });
    const error = new Failure('internal', 'Cannot store', { cause, hint: 'Free some.' });
    log.warn('A job failed', { job: 'j1', error });
    expect(lines).toEqual([
      '<4>A job failed: Cannot store [internal]: ENOSPC: no space left [ENOSPC] job=j1 hint="Free some."\n',
    ]);
  });

  test('keeps the stack of an error of the program, in the same line', () => {
    const { log, lines } = captured({ format: 'journal' });
    log.error('x', { error: new Failure('internal', 'Cannot answer', { cause: new TypeError('no function') }) });
    expect(lines[0]).toMatch(/^<3>x: Cannot answer \[internal\]: no function \[TypeError\] stack=.*log\.test.*\n$/);
    expect(lines[0]?.match(/\n/g)).toHaveLength(1);
  });

  test('has no line and no priority that a name from outside forged, and takes errors that are none', () => {
    const { log, lines } = captured({ format: 'journal' });
    log.info('a\n<0>b', { path: 'c\n<0>d', error: 'text' });
    expect(lines).toEqual(['<6>a\\n<0>b path="c\\n<0>d" error=text\n']);
  });
});
