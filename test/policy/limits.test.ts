import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  checkBackupCount,
  checkInodes,
  checkReserve,
  checkRoom,
  expectedSize,
  mostBytes,
  spaceLeft,
  surelyFits,
  tightest,
} from '../../src/policy/limits.ts';
import { thrownBy } from '../support/rejection.ts';

const GIB = 2 ** 30;

describe('how many backups a server keeps', () => {
  test('one below the limit may be added, one at the limit may not', () => {
    checkBackupCount(19, 20);
    expect(thrownBy(() => checkBackupCount(20, 20), 'too_many_backups').facts).toEqual({ kept: 20, limit: 20 });
  });

  test('0 means no limit', () => {
    checkBackupCount(1_000_000, 0);
  });
});

describe('what a server may take up', () => {
  test('is what all limits allow, 0 being none', () => {
    const node = { perServer: 20, maxSize: 0, serverBytes: 500 };
    const token = { perServer: 5, maxSize: 100, serverBytes: 0 };
    expect(tightest(node, token)).toEqual({ perServer: 5, maxSize: 100, serverBytes: 500 });
    expect(tightest()).toEqual({ perServer: 0, maxSize: 0, serverBytes: 0 });
  });

  test('bounds the next archive by what is left of it, to the byte', () => {
    const limits = { perServer: 0, maxSize: 100, serverBytes: 500 };
    expect([0, 400, 401, 499].map((used) => mostBytes(limits, used))).toEqual([100, 100, 99, 1]);
    expect(mostBytes({ ...limits, maxSize: 0 }, 400)).toBe(100);
    const failure = thrownBy(() => mostBytes(limits, 500), 'too_large');
    expect(failure.message).toBe("Cannot create a backup: the server's archives have 500 B of 500 B allowed");
    expect(failure.hint).toContain('limits.server_bytes');
  });
});

describe('free space', () => {
  test('at the reserve nothing is left, one byte above something is', () => {
    thrownBy(() => checkReserve(2 * GIB, 2 * GIB), 'insufficient_storage');
    checkReserve(2 * GIB + 1, 2 * GIB);
  });

  test('an object store, which cannot tell its free space, never refuses', () => {
    checkReserve(null, 2 * GIB);
    checkRoom(Number.MAX_SAFE_INTEGER, null, 2 * GIB);
    expect(surelyFits(null, 2 * GIB, undefined)).toBe(true);
  });

  test('a disk without inodes for the few files of a backup refuses, one that does not count them never', () => {
    checkInodes(null);
    checkInodes(16);
    expect(thrownBy(() => checkInodes(15), 'insufficient_storage').facts['freeInodes']).toBe(15);
  });

  test('what is needed must fit above the reserve, to the byte', () => {
    checkRoom(100, 300, 200);
    const failure = thrownBy(() => checkRoom(101, 300, 200), 'insufficient_storage');
    expect(failure.message).toBe('Cannot store the archive: 300 B free, of which 200 B are to stay free, 101 B needed');
    expect(failure.facts).toEqual({ freeBytes: 300, reserveBytes: 200, neededBytes: 101 });
  });

  test('a tree without history is not taken for incompressible, and 150 MB are still refused 100 MB', () => {
    const needed = expectedSize(150e6, undefined, true);
    expect(needed).toBeLessThan(150e6);
    thrownBy(() => checkRoom(needed, 100e6, 0), 'insufficient_storage');
  });

  test('a server that compressed to a tenth is expected to do so again', () => {
    expect(expectedSize(10 * GIB, { size: GIB, rawSize: 10 * GIB }, true)).toBeLessThan(1.2 * GIB);
  });

  test('an archive that is stored uncompressed needs all of it', () => {
    expect(expectedSize(GIB, { size: 1, rawSize: GIB }, false)).toBeGreaterThanOrEqual(GIB);
  });

  test('the expectation never exceeds the tree itself by more than the overhead, and never is negative', () => {
    const size = fc.integer({ min: 0, max: 2 ** 45 });
    fc.assert(
      fc.property(size, fc.option(fc.record({ size, rawSize: size }), { nil: undefined }), (raw, past) => {
        const needed = expectedSize(raw, past, true);
        expect(needed).toBeGreaterThan(0);
        expect(needed).toBeLessThanOrEqual(raw + 1024 * 1024);
      }),
    );
  });

  test('what surely fits passes the check that a walk would have made, even when the tree doubled', () => {
    const size = fc.integer({ min: 0, max: 2 ** 42 });
    fc.assert(
      fc.property(size, size, size, size, (free, reserve, rawSize, archive) => {
        const past = { size: archive, rawSize };
        fc.pre(surelyFits(free, reserve, past));
        checkRoom(expectedSize(rawSize * 2, past, false), free, reserve);
      }),
    );
  });

  test('what is left counts from the reserve, below it too', () => {
    expect(spaceLeft(5, 8)).toBe(-3);
  });
});
