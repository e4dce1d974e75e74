import { expect, test } from 'vitest';
import { inheritedSockets } from '../../../src/cli/serve/inherited-sockets.ts';
import type { Config } from '../../../src/config/config.ts';

const PID = 4711;
const FRONT = { front: {} as NonNullable<Config['front']> };
const given = (count: string, names: string, pid = `${PID}`) => ({
  LISTEN_PID: pid,
  LISTEN_FDS: count,
  LISTEN_FDNAMES: names,
});

test('descriptors are counted from 3 and go by their names', () => {
  expect(inheritedSockets(given('1', 'front'), FRONT, PID)).toEqual({ front: 3 });
  expect(inheritedSockets(given('2', 'api:front'), FRONT, PID)).toEqual({ api: 3, front: 4 });
  expect(inheritedSockets(given('1', 'api'), { front: null }, PID)).toEqual({ api: 3 });
});

test('none are taken without systemd, or of another process', () => {
  expect(inheritedSockets({}, FRONT, PID)).toEqual({});
  expect(inheritedSockets(given('1', 'front', '1'), FRONT, PID)).toEqual({});
  for (const count of ['0', '-1', 'x', '1.5', ''])
    expect(inheritedSockets(given(count, 'front'), FRONT, PID)).toEqual({});
});

test('a socket in which clients would wait for ever is a fault of the configuration', () => {
  const refusal = (count: string, names: string, config: Pick<Config, 'front'> = FRONT) => {
    try {
      return inheritedSockets(given(count, names), config, PID);
    } catch (error) {
      return error;
    }
  };
  expect(refusal('1', 'roost.socket')).toMatchObject({
    code: 'config_invalid',
    message: expect.stringContaining('roost.socket'),
  });
  expect(refusal('2', 'front')).toMatchObject({ code: 'config_invalid', message: expect.stringContaining('""') });
  expect(refusal('2', 'front:front')).toMatchObject({ message: expect.stringContaining('two are named front') });
  expect(refusal('1', 'front', { front: null })).toMatchObject({ message: expect.stringContaining('has no front') });
});
