import { describe, expect, test } from 'vitest';
import type { BackupId, ServerId } from '../../../src/base/ids.ts';
import { KeptComparisons } from '../../../src/jobs/compare/kept.ts';
import { Collector } from '../../../src/jobs/compare/rows.ts';

const ONE = '11111111-1111-4111-8111-111111111111' as ServerId;
const OTHER = '22222222-2222-4222-8222-222222222222' as ServerId;
const BACKUP = '33333333-3333-4333-8333-333333333333' as BackupId;
const MEBIBYTE = 1024 * 1024;

const clock = { monotonic: () => 0 };
const found = () => new Collector().found();
const made = (server: ServerId, paths?: readonly string[]) => ({
  server,
  found: found(),
  missing: [],
  request: paths && { server, backup: BACKUP, truncate: false, paths },
});

describe('comparisons that are kept', () => {
  test('are those of their own server only, and the oldest of that server give way', () => {
    const kept = new KeptComparisons(clock);
    const { id } = kept.add(made(OTHER));
    const own = Array.from({ length: 400 }, () => kept.add(made(ONE)).id);
    expect(kept.get(OTHER, id).id).toBe(id);
    expect(() => kept.get(ONE, id)).toThrow('There is no such comparison');
    expect(kept.get(ONE, own.at(-1) ?? '').id).toBe(own.at(-1));
    expect(() => kept.get(ONE, own[0] ?? '')).toThrow('There is no such comparison');
  });

  test('count what was asked for, so that requests of thousands of paths are not kept by the hundred', () => {
    const kept = new KeptComparisons(clock);
    const paths = Array.from({ length: 1000 }, (_, at) => `${at}`.padEnd(1000, 'x'));
    const ids = Array.from({ length: 100 }, (_, at) => {
      const server = `${at}`.padStart(8, '0') + ONE.slice(8);
      return [server as ServerId, kept.add(made(server as ServerId, paths)).id] as const;
    });
    const isThere = ([server, id]: readonly [ServerId, string]): boolean => {
      try {
        return kept.get(server, id).id === id;
      } catch {
        return false;
      }
    };
    const left = ids.filter(isThere).length;
    expect(left).toBeGreaterThan(0);
    expect(left * 1000 * 1000).toBeLessThan(64 * MEBIBYTE);
  });

  test('count their folders', () => {
    const kept = new KeptComparisons(clock);
    const collector = new Collector();
    for (let at = 0; at < 1000; at++) {
      collector.add('added', { path: `folder ${at}/file`, directory: false, size: 1, before: undefined });
    }
    const many = collector.found();
    const first = kept.add({ ...made(OTHER), found: many });
    for (let at = 0; at < 199; at++) {
      const server = `${at}`.padStart(8, '0') + ONE.slice(8);
      kept.add({ ...made(server as ServerId), found: many });
    }
    expect(() => kept.get(OTHER, first.id)).toThrow('There is no such comparison');
  });
});
