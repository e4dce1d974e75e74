import { describe, expect, test } from 'vitest';
import { Assembler } from '../../../src/archive/write/assembler.ts';
import { checkedEntries } from '../../support/written-archive.ts';

function assembler(maxSize = 0) {
  const [archive, index]: [Buffer[], Buffer[]] = [[], []];
  const assembled = new Assembler({
    level: 'fast',
    engine: 'zlib',
    maxSize,
    startedAt: 1,
    emit: (bytes) => archive.push(Buffer.from(bytes)),
    emitIndex: (bytes) => index.push(Buffer.from(bytes)),
  });
  return { assembled, archive, index };
}

describe('warnings', () => {
  test('beyond the first thousand are counted, not kept', () => {
    const { assembled } = assembler();
    for (let number = 0; number < 250_000; number++)
      assembled.warn(`path ${number}`, 'unreadable', 'It cannot be read (EIO)');
    const { warnings, warningCount } = assembled.finish();
    expect(warningCount).toBe(250_000);
    expect(warnings).toHaveLength(1000);
    expect(warnings.at(-1)?.path).toBe('path 999');
  });

  test('are known by their path', () => {
    const { assembled } = assembler();
    assembled.warn('a', 'file_grew', 'It grew');
    expect(assembled.hasWarned('a')).toBe(true);
    expect(assembled.hasWarned('b')).toBe(false);
  });
});

test('an archive of nothing is an archive', async () => {
  const { assembled, archive, index } = assembler();
  const result = assembled.finish();
  expect(await checkedEntries({ archive: Buffer.concat(archive), index: Buffer.concat(index), result })).toEqual([]);
});

test('even the frame counts against the limit', () => {
  expect(() => assembler(9)).toThrow(/it passes 9 B, its limit/);
});
