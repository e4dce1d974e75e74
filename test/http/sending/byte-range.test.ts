import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { chooseRange } from '../../../src/http/sending/byte-range.ts';

describe('chooseRange', () => {
  test('without a header, or on nothing, is the whole', () => {
    expect(chooseRange(undefined, 10)).toEqual({ kind: 'whole' });
    expect(chooseRange('bytes=0-', 0)).toEqual({ kind: 'whole' });
    expect(chooseRange('bytes=-5', 0)).toEqual({ kind: 'whole' });
  });

  test('reads numbers beyond what fits a double', () => {
    const huge = '9'.repeat(400);
    expect(chooseRange(`bytes=0-${huge}`, 10)).toEqual({ kind: 'part', start: 0, end: 10 });
    expect(chooseRange(`bytes=${huge}-`, 10)).toEqual({ kind: 'unsatisfiable' });
    expect(chooseRange(`bytes=-${huge}`, 10)).toEqual({ kind: 'part', start: 0, end: 10 });
  });

  test('takes a list of one with empty elements around it', () => {
    expect(chooseRange('bytes=, 2-3 ,', 10)).toEqual({ kind: 'part', start: 2, end: 4 });
  });

  test('several ranges of which one can be met are the whole', () => {
    expect(chooseRange('bytes=0-1, 99-', 10)).toEqual({ kind: 'whole' });
    expect(chooseRange('bytes=50-, 99-', 10)).toEqual({ kind: 'unsatisfiable' });
  });

  test('picks the bytes that a plain reading of RFC 9110 picks', () => {
    const size = fc.integer({ min: 1, max: 50 });
    const position = fc.option(fc.integer({ min: 0, max: 60 }), { nil: undefined });
    fc.assert(
      fc.property(size, position, position, (size, from, to) => {
        const choice = chooseRange(`bytes=${from ?? ''}-${to ?? ''}`, size);
        const all = Array.from({ length: size }, (_, index) => index);
        let wanted: number[] | undefined;
        if (from !== undefined) {
          if (to === undefined || to >= from) wanted = all.filter((at) => at >= from && (to === undefined || at <= to));
        } else if (to !== undefined) wanted = to === 0 ? [] : all.slice(-to);
        if (wanted === undefined) expect(choice).toEqual({ kind: 'whole' });
        else if (wanted.length === 0) expect(choice).toEqual({ kind: 'unsatisfiable' });
        else expect(choice).toEqual({ kind: 'part', start: wanted[0], end: (wanted.at(-1) ?? 0) + 1 });
      }),
    );
  });

  test('never throws and never leaves the representation', () => {
    fc.assert(
      fc.property(fc.string(), fc.nat(1000), (text, size) => {
        const choice = chooseRange(`bytes=${text}`, size);
        if (choice.kind === 'part') {
          expect(choice.start).toBeGreaterThanOrEqual(0);
          expect(choice.end).toBeGreaterThan(choice.start);
          expect(choice.end).toBeLessThanOrEqual(size);
        }
      }),
    );
  });
});
