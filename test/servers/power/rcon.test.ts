import { describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/base/clock.ts';
import { Secret } from '../../../src/config/secret.ts';
import type { RconPowerConfig } from '../../../src/config/types.ts';
import { openPower } from '../../../src/servers/power/power.ts';
import { withRcon } from '../../../src/servers/quiesce/rcon.ts';
import { RconServer } from '../../support/games/rcon-server.ts';
import { NO_QUIESCE } from '../../support/no-quiesce.ts';
import { serverId } from '../../support/node.ts';

const SERVER = { id: serverId(1), name: 'one', path: '/nowhere' };
const never = new AbortController().signal;

async function scene(more: Partial<RconPowerConfig> = {}) {
  const rcon = await RconServer.open();
  const password = new Secret('rcon-password');
  const power = openPower(
    {
      driver: 'rcon',
      servers: [{ id: SERVER.id, host: '127.0.0.1', port: rcon.port, password }],
      prepare: ['save-off', 'save-all flush'],
      resume: ['save-on'],
      saved: 'Saved the ',
      status: null,
      stop: null,
      kill: null,
      start: null,
      timeoutSeconds: 5,
      ...more,
    },
    systemClock,
    NO_QUIESCE,
  );
  return { rcon, power };
}

describe('a game that is kept still through RCON', () => {
  it('is told to, answers, and is let go on', async () => {
    const { rcon, power } = await scene();
    expect(await power.prepare(SERVER, never)).toEqual({ how: 'rcon', heard: 'Saving the game (…)Saved the game' });
    await power.resume(SERVER);
    expect(rcon.commands).toEqual(['save-off', 'save-all flush', 'save-on']);
  });

  it('is doubted when it does not answer so, and not asked when the config does not name it', async () => {
    const { rcon, power } = await scene();
    rcon.answer = () => 'Unknown command';
    expect(await power.prepare(SERVER, never)).toEqual({
      how: 'rcon',
      heard: 'Unknown command',
      doubt: 'it did not say that it has saved',
    });
    const other = { ...SERVER, id: serverId(2) };
    expect(await power.prepare(other, never)).toBeUndefined();
    await power.resume(other);
    expect(rcon.commands).toEqual(['save-off', 'save-all flush']);
  });

  it('is not asked when its program says that it is off', async () => {
    const { rcon, power } = await scene({ status: ['/bin/false'], stop: ['/bin/true'] });
    expect(await power.prepare(SERVER, never)).toBe('stopped');
    expect(rcon.commands).toEqual([]);
  });

  it('is doubted at the end of a reading when it was started or stopped meanwhile', async () => {
    const { rcon, power } = await scene({ status: ['/bin/false'], stop: ['/bin/true'] });
    const told = { how: 'rcon', heard: 'Saved the game' };
    expect(await power.resume(SERVER, 'stopped')).toBe('it was started meanwhile');
    expect(await power.resume(SERVER, told)).toBeUndefined();
    await rcon.close();
    expect(await power.resume(SERVER, 'stopped')).toBeUndefined();
    expect(await power.resume(SERVER, told)).toBe('it was stopped meanwhile');
    const { rcon: without, power: runs } = await scene({ status: ['/bin/true'], stop: ['/bin/true'] });
    await without.close();
    expect(await runs.resume(SERVER, 'stopped')).toBe('it was started meanwhile');
  });

  it('is a failure before, and nothing owed afterwards, where nothing listens', async () => {
    const { rcon, power } = await scene();
    await rcon.close();
    await expect(power.prepare(SERVER, never)).rejects.toThrow('Cannot use RCON: nothing listens there');
    await power.resume(SERVER);
  });

  it('says that a restore stops nothing without a program for it', async () => {
    const { power } = await scene();
    expect(power.unmanaged).toBe(true);
    await power.stop(SERVER, never);
    expect((await scene({ stop: ['/bin/true'] })).power.unmanaged).toBeUndefined();
  });
});

describe('what answers as RCON', () => {
  it.each([
    ['a wrong password', (rcon: RconServer) => (rcon.password = 'another'), 'it refuses the password'],
    [
      'something else',
      (rcon: RconServer) => (rcon.instead = Buffer.from('HTTP/1.1 400 Bad Request\r\n')),
      'it does not speak RCON',
    ],
    ['a huge packet', (rcon: RconServer) => (rcon.instead = Buffer.from([0, 0, 0, 127])), 'it does not speak RCON'],
    ['a negative length', (rcon: RconServer) => (rcon.instead = Buffer.from([0, 0, 0, 255])), 'it does not speak RCON'],
  ])('%s is refused', async (_name, change, reason) => {
    const { rcon, power } = await scene();
    change(rcon);
    await expect(power.prepare(SERVER, never)).rejects.toThrow(`Cannot use RCON: ${reason}`);
    await expect(power.resume(SERVER)).rejects.toThrow(reason);
  });

  it('is waited for for a bounded time, and not beyond a cancel', async () => {
    const { rcon, power } = await scene();
    rcon.isSilent = true;
    const address = { host: '127.0.0.1', port: rcon.port, password: 'x' };
    const asked = withRcon(address, 50, undefined, (open) => open.command('list'));
    await expect(asked).rejects.toThrow('it did not answer in time');
    const abort = new AbortController();
    const prepared = expect(power.prepare(SERVER, abort.signal)).rejects.toMatchObject({ code: 'cancelled' });
    abort.abort();
    await prepared;
  });
});
