/**
 * Looks at every line that a test has logged, at every level and whether the test reads its log or not, for what must
 * never stand there. A setup file of all tests (vitest.config.ts): whoever leaks fails.
 */
import { afterAll, afterEach, expect, vi } from 'vitest';
import type { Log, LogOptions, LogStream, RootLog } from '../../src/base/log/log.ts';
import { takeLeaks, watchLine } from './secret-shapes.ts';

vi.mock('../../src/base/log/log.ts', async (importOriginal) => {
  const original = await importOriginal<typeof import('../../src/base/log/log.ts')>();
  const openLog = (options: LogOptions, stream: LogStream): RootLog => {
    const asked = original.openLog(options, stream);
    const watched = original.openLog({ level: 'trace', format: 'json' }, { write: watchLine });
    return { ...both(asked, watched), setLevel: (level) => asked.setLevel(level) };
  };
  const silentLog = (): RootLog => openLog({ level: 'silent', format: 'json' }, { write: () => undefined });
  return { ...original, openLog, silentLog };
});

function both(one: Log, other: Log): Log {
  const write =
    (level: Exclude<keyof Log, 'child'>): Log['info'] =>
    (message, facts) => {
      one[level](message, facts);
      other[level](message, facts);
    };
  return {
    trace: write('trace'),
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
    fatal: write('fatal'),
    child: (facts) => both(one.child(facts), other.child(facts)),
  };
}

function expectNone(): void {
  expect(takeLeaks(), 'secrets in log lines').toEqual([]);
}

afterEach(expectNone);
// What a daemon logs while it is stopped comes after its test.
afterAll(expectNone);
