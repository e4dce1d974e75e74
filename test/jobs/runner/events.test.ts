import { describe, expect, test } from 'vitest';
import type { ServerId } from '../../../src/base/ids.ts';
import type { RoostEvent } from '../../../src/jobs/contract.ts';
import { EventHub } from '../../../src/jobs/runner/events.ts';
import { StillClock } from '../../support/still-clock.ts';

const server = '11111111-1111-4111-8111-111111111111' as ServerId;
const happening = { type: 'server.status', server, data: { status: 'READY' } } as const;

describe('events', () => {
  test('are numbered from one, without gaps, in the order of publishing', () => {
    const hub = new EventHub(new StillClock(5), () => undefined);
    const seen: RoostEvent[] = [];
    hub.subscribe((event) => seen.push(event));
    hub.publish(happening);
    hub.publish(happening);
    expect(seen.map(({ seq, at }) => [seq, at])).toEqual([
      [1, 5],
      [2, 5],
    ]);
    expect(hub.lastSeq).toBe(2);
  });

  test('a listener that throws is reported, and the others still hear', () => {
    const errors: unknown[] = [];
    const hub = new EventHub(new StillClock(), (error) => errors.push(error));
    const seen: number[] = [];
    hub.subscribe(() => {
      throw new Error('broken socket');
    });
    hub.subscribe(({ seq }) => seen.push(seq));
    hub.publish(happening);
    expect(seen).toEqual([1]);
    expect(errors).toHaveLength(1);
  });

  test('an ended subscription hears nothing more, and ends only itself', () => {
    const hub = new EventHub(new StillClock(), () => undefined);
    let heard = 0;
    const count = (): void => void heard++;
    const end = hub.subscribe(count);
    hub.subscribe(count);
    end();
    hub.publish(happening);
    expect(heard).toBe(1);
  });

  test('a listener that leaves while it is told does not silence the next', () => {
    const hub = new EventHub(new StillClock(), () => undefined);
    const seen: string[] = [];
    const end = hub.subscribe(() => {
      seen.push('once');
      end();
    });
    hub.subscribe(() => seen.push('always'));
    hub.publish(happening);
    hub.publish(happening);
    expect(seen).toEqual(['once', 'always', 'always']);
  });
});
