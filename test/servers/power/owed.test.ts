import { describe, expect, it, onTestFinished } from 'vitest';
import { HOUR_MS } from '../../../src/base/clock.ts';
import { Failure } from '../../../src/base/failure.ts';
import { silentLog } from '../../../src/base/log/log.ts';
import { OwedPower } from '../../../src/servers/power/owed.ts';
import type { PowerPort, PowerState } from '../../../src/servers/power/port.ts';
import { eventually } from '../../support/eventually.ts';
import { ManualTime } from '../../support/manual-time.ts';
import { serverId } from '../../support/node.ts';

const SERVER = { id: serverId(1), name: 'one', path: '/nowhere' };
const never = new AbortController().signal;

/** A node whose runs of Roost share a memory; power that can be away, and drops starts. */
class Scene {
  readonly calls: string[] = [];
  readonly time = new ManualTime();
  stored: string | undefined;
  now: PowerState = 'stopped';
  away = false;
  busy = false;
  /** A game is asked to keep still. */
  asked = false;
  /** What a line on its way to the game waits for. */
  sending: Promise<void> | undefined;
  /** Starts that are answered and dropped. */
  drops = 0;

  readonly #inner: PowerPort = {
    state: async () => {
      this.#reach();
      return this.now;
    },
    kill: async () => {
      this.#reach();
      this.calls.push('kill');
      this.now = 'stopped';
    },
    stop: async () => void (this.now = 'stopped'),
    start: async () => {
      this.#reach();
      this.calls.push('start');
      if (this.drops-- <= 0) this.now = 'running';
    },
    prepare: async () => {
      this.calls.push('prepare');
      return this.asked ? { how: 'config' } : undefined;
    },
    resume: async () => {
      this.#reach();
      await this.sending;
      this.calls.push('resume');
      return undefined;
    },
  };

  run(startsLater = true): OwedPower {
    const { time, stored } = this;
    const power = new OwedPower({
      power: this.#inner,
      memory: { load: () => stored, save: (text) => void (this.stored = text) },
      startsLater,
      isBusy: () => this.busy,
      clock: time,
      timers: time,
      log: silentLog(),
    });
    onTestFinished(() => power.close());
    return power;
  }

  #reach(): void {
    if (this.away) throw new Failure('server_busy', 'Wings is away');
  }

  /** So many looks. */
  async pass(looks: number): Promise<void> {
    for (let look = 0; look < looks; look++) {
      this.time.advance(2000);
      for (let turn = 0; turn < 10; turn++) await Promise.resolve();
      await eventually(() => expect(this.time.pending === 1 || this.stored === '[]').toBe(true));
    }
  }
}

describe('a restart of what may run on files from before a restore', () => {
  it('is owed while Wings is away, also by the next run, and kills before it starts', async () => {
    const scene = new Scene();
    [scene.away, scene.now] = [true, 'running'];
    const first = scene.run();
    first.restartLater(SERVER);
    await scene.pass(2);
    await first.close();
    scene.run();
    scene.away = false;
    await scene.pass(4);
    expect([scene.calls, scene.now, scene.stored]).toEqual([['kill', 'start'], 'running', '[]']);
  });

  it('is settled where the server is seen offline, and by a kill', async () => {
    const scene = new Scene();
    const power = scene.run();
    power.restartLater(SERVER);
    await scene.pass(1);
    expect([scene.calls, scene.stored]).toEqual([[], '[]']);
    scene.now = 'running';
    power.restartLater(SERVER);
    await power.kill(SERVER, never);
    expect([scene.calls, scene.stored]).toEqual([['kill'], '[]']);
  });
});

describe('a start after a restore', () => {
  it('is sent once when the server leaves offline, and nothing is left to do', async () => {
    const scene = new Scene();
    await scene.run().start(SERVER);
    await scene.pass(3);
    expect(scene.calls).toEqual(['start']);
    expect([scene.stored, scene.time.pending]).toEqual(['[]', 0]);
  });

  it('that was dropped is sent once more, after the time that it may wait for a stop', async () => {
    const scene = new Scene();
    scene.drops = 1;
    await scene.run().start(SERVER);
    await scene.pass(15);
    expect(scene.calls).toEqual(['start']);
    await scene.pass(5);
    expect(scene.calls).toEqual(['start', 'start']);
    await scene.pass(2);
    expect(scene.stored).toBe('[]');
  });

  it('that is dropped twice is given up', async () => {
    const scene = new Scene();
    scene.drops = 9;
    await scene.run().start(SERVER);
    await scene.pass(60);
    expect([scene.calls, scene.stored]).toEqual([['start', 'start'], '[]']);
  });

  it('is owed while Wings is away, also by the next run', async () => {
    const scene = new Scene();
    scene.away = true;
    const first = scene.run();
    await expect(first.start(SERVER)).rejects.toThrow('Wings is away');
    await first.close();
    scene.run();
    await scene.pass(4);
    expect(scene.calls).toEqual([]);
    scene.away = false;
    await scene.pass(3);
    expect([scene.calls, scene.stored]).toEqual([['start'], '[]']);
  });

  it('is not sent again by a run after a kill when the server runs', async () => {
    const scene = new Scene();
    await scene.run().start(SERVER);
    const { stored } = scene;
    expect(stored).toContain('"start"');
    scene.run();
    await scene.pass(2);
    expect([scene.calls, scene.stored]).toEqual([['start'], '[]']);
  });

  it('is never sent into a job, and is settled by a stop', async () => {
    const scene = new Scene();
    scene.away = true;
    const power = scene.run();
    await expect(power.start(SERVER)).rejects.toThrow('Wings is away');
    [scene.away, scene.busy] = [false, true];
    await scene.pass(5);
    expect(scene.calls).toEqual([]);
    await power.stop(SERVER, never);
    scene.busy = false;
    scene.time.advance(10_000);
    expect([scene.calls, scene.stored]).toEqual([[], '[]']);
  });

  it('is given up after an hour', async () => {
    const scene = new Scene();
    scene.away = true;
    await expect(scene.run().start(SERVER)).rejects.toThrow('Wings is away');
    scene.time.advance(HOUR_MS);
    await scene.pass(2);
    expect([scene.calls, scene.stored]).toEqual([[], '[]']);
  });

  it('stays owed, and is sent in time, when the clock is set ahead or back', async () => {
    const scene = new Scene();
    scene.away = true;
    await expect(scene.run().start(SERVER)).rejects.toThrow('Wings is away');
    scene.time.jump(5 * HOUR_MS);
    await scene.pass(2);
    [scene.away, scene.drops] = [false, 1];
    await scene.pass(1);
    scene.time.jump(-9 * HOUR_MS);
    await scene.pass(20);
    expect([scene.calls, scene.now, scene.stored]).toEqual([['start', 'start'], 'running', '[]']);
  });

  it('of a driver that starts at once is over with its answer', async () => {
    const scene = new Scene();
    scene.drops = 1;
    await scene.run(false).start(SERVER);
    expect([scene.calls, scene.stored]).toEqual([['start'], '[]']);
  });
});

describe('letting a server write again', () => {
  it('is owed while Wings is away, also by the next run', async () => {
    const scene = new Scene();
    scene.away = true;
    const first = scene.run();
    await expect(first.resume(SERVER)).rejects.toThrow('Wings is away');
    await first.close();
    scene.away = false;
    scene.run();
    await scene.pass(2);
    expect([scene.calls, scene.stored]).toEqual([['resume'], '[]']);
  });

  it('is owed from before it is asked to keep still: a run that was killed is followed by one that does it', async () => {
    const scene = new Scene();
    [scene.asked, scene.busy] = [true, true];
    const first = scene.run();
    await first.prepare(SERVER, never);
    expect(scene.stored).toContain('"resume"');
    await first.close();
    scene.run();
    // The job of the last run is ended first.
    scene.time.advance(2 * HOUR_MS);
    await scene.pass(2);
    expect(scene.calls).toEqual(['prepare']);
    scene.busy = false;
    await scene.pass(2);
    expect([scene.calls, scene.stored]).toEqual([['prepare', 'resume'], '[]']);
  });

  it('is owed for longer than a start', async () => {
    const scene = new Scene();
    [scene.asked, scene.away] = [true, true];
    const power = scene.run();
    await power.prepare(SERVER, never);
    await expect(power.resume(SERVER)).rejects.toThrow('Wings is away');
    scene.time.advance(24 * HOUR_MS);
    await scene.pass(2);
    scene.away = false;
    await scene.pass(2);
    expect([scene.calls, scene.stored]).toEqual([['prepare', 'resume'], '[]']);
  });

  it('is not owed where nothing was asked', async () => {
    const scene = new Scene();
    await scene.run().prepare(SERVER, never);
    expect(scene.stored).toBe('[]');
  });

  it('is settled by the next reading, which does it itself', async () => {
    const scene = new Scene();
    scene.away = true;
    const power = scene.run();
    await expect(power.resume(SERVER)).rejects.toThrow('Wings is away');
    scene.away = false;
    await power.prepare(SERVER, never);
    expect(scene.stored).toBe('[]');
    scene.time.advance(10_000);
    expect(scene.calls).toEqual(['prepare']);
  });

  it('is not sent into the next reading, which waits for what is on its way', async () => {
    const scene = new Scene();
    [scene.asked, scene.away] = [true, true];
    const power = scene.run();
    await expect(power.resume(SERVER)).rejects.toThrow('Wings is away');
    const line = Promise.withResolvers<void>();
    [scene.away, scene.sending] = [false, line.promise];
    scene.time.advance(2000);
    const prepared = power.prepare(SERVER, never);
    await new Promise(setImmediate);
    expect(scene.calls).toEqual([]);
    line.resolve();
    expect(await prepared).toEqual({ how: 'config' });
    expect(scene.calls).toEqual(['resume', 'prepare']);
    expect(scene.stored).toContain('"resume"');
  });

  it('ignores what another version stored', async () => {
    const scene = new Scene();
    scene.stored = '{"unknown":1}';
    await scene.run().resume(SERVER);
    expect([scene.calls, scene.stored]).toEqual([['resume'], '[]']);
  });
});
