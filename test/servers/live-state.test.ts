import { expect, test } from 'vitest';
import type { ServerId } from '../../src/base/ids.ts';
import { LiveState } from '../../src/servers/live-state.ts';
import { OTHER_SERVER, SERVER } from '../support/scripted-service.ts';
import { ManualTime } from '../support/manual-time.ts';

function opened() {
  const time = new ManualTime();
  const told: string[] = [];
  const wings = { reads: 0, away: false, states: new Map<ServerId, string>([[SERVER, 'running']]) };
  const live = new LiveState({
    clock: time,
    async read() {
      wings.reads++;
      if (wings.away) throw new Error('away');
      return wings.states;
    },
    onChange: (server, state) => void told.push(`${server} ${state}`),
  });
  return { time, told, wings, live };
}

test('Wings is asked at most every two seconds, and once for all who ask', async () => {
  const { time, wings, live } = opened();
  const [one, other] = await Promise.all([live.states(), live.states()]);
  expect([one.get(SERVER), other.get(SERVER), wings.reads]).toEqual(['running', 'running', 1]);
  time.advance(1999);
  await live.states();
  expect(wings.reads).toBe(1);
  time.advance(1);
  await live.states();
  expect(wings.reads).toBe(2);
});

test('a change is told once, and a state that is no known one is unknown', async () => {
  const { time, told, wings, live } = opened();
  await live.states();
  wings.states = new Map([
    [SERVER, 'stopping'],
    [OTHER_SERVER, 'on fire'],
  ]);
  for (let count = 0; count < 2; count++) {
    time.advance(2000);
    await live.states();
  }
  expect(told).toEqual([`${SERVER} stopping`, `${OTHER_SERVER} unknown`]);
});

test('with Wings away, what was read counts for half a minute and is then unknown', async () => {
  const { time, wings, live } = opened();
  await live.states();
  wings.away = true;
  time.advance(30_000);
  expect((await live.states()).get(SERVER)).toBe('running');
  time.advance(1);
  expect((await live.states()).get(SERVER)).toBeUndefined();
});
