import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { describe, expect, it, onTestFinished } from 'vitest';
import { NO_QUIESCE } from '../../support/no-quiesce.ts';
import { StillClock } from '../../support/still-clock.ts';
import { type Clock, systemClock } from '../../../src/base/clock.ts';
import { Failure } from '../../../src/base/failure.ts';
import { Secret } from '../../../src/config/secret.ts';
import { openPower } from '../../../src/servers/power/power.ts';
import type { PowerPort } from '../../../src/servers/power/port.ts';
import { serverId } from '../../support/node.ts';

const SERVER = { id: serverId(1), name: 'one', path: '/nowhere' };
const never = new AbortController().signal;

/** The three routes of a Wings, with one server that stops after it was asked about so many times. */
class Wings {
  state = 'running';
  /** Milliseconds; absent with a daemon that does not say. */
  uptime: number | undefined;
  /** Polls until a stop has taken effect; Infinity: only a kill ends it. */
  stopAfter = 1;
  answer: { readonly status: number; readonly body: string } | undefined;
  /** Wings refuses lines while there is no container, whatever the state. */
  hasContainer = true;
  readonly calls: string[] = [];
  readonly tokens = new Set<string | undefined>();

  async open(): Promise<string> {
    const server = createServer((request, response) => {
      void text(request).then((body) => {
        this.tokens.add(request.headers.authorization);
        const { status, body: answer } = this.answer ?? this.#handle(`${request.method} ${request.url}`, body);
        response.writeHead(status, { 'Content-Type': 'application/json', Location: '/elsewhere' }).end(answer);
      });
    });
    await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => {
      server.close();
      server.closeAllConnections();
    });
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  #handle(route: string, body: string): { readonly status: number; readonly body: string } {
    const own = `/api/servers/${SERVER.id}`;
    if (route === `GET ${own}`) {
      if (this.state === 'stopping' && this.stopAfter-- <= 0) this.state = 'offline';
      return {
        status: 200,
        body: JSON.stringify({ state: this.state, is_suspended: false, utilization: { uptime: this.uptime } }),
      };
    }
    this.calls.push(`${route.replace(own, '')} ${body}`);
    if (route === `POST ${own}/commands` && !this.hasContainer) return { status: 502, body: '{"error":"offline"}' };
    if (route === `POST ${own}/power`) this.#act((JSON.parse(body) as { action: string }).action);
    else if (route !== `POST ${own}/commands`) return { status: 404, body: '{"error":"unknown"}' };
    return { status: route.endsWith('power') ? 202 : 204, body: '' };
  }

  #act(action: string): void {
    if (action === 'stop') this.state = 'stopping';
    else this.state = action === 'kill' ? 'offline' : 'running';
  }
}

/** @param away why the panel does not say which game it is; without it the lines of the config are typed. */
async function scene(
  timeoutSeconds = 5,
  away?: string,
  clock: Clock = systemClock,
): Promise<{ readonly wings: Wings; readonly power: PowerPort }> {
  const wings = new Wings();
  const url = await wings.open();
  const typed = { prepare: ['save-off', 'save-all flush'], resume: ['save-on'], quiesce: 'off' as const };
  const commands = away === undefined ? typed : { prepare: [], resume: [], quiesce: 'auto' as const };
  const game = (): Promise<never> => Promise.reject(new Failure('store_unreachable', away ?? ''));
  const power = openPower(
    {
      driver: 'wings',
      url,
      token: new Secret('node-token'),
      timeoutSeconds,
      saved: null,
      ...commands,
    },
    clock,
    { ...NO_QUIESCE, games: { game, known: () => undefined } },
  );
  return { wings, power };
}

describe('power through Wings', () => {
  it('stops and waits, with its token, then starts', async () => {
    const { wings, power } = await scene();
    await expect(power.state(SERVER)).resolves.toBe('running');
    await power.stop(SERVER, never);
    await expect(power.state(SERVER)).resolves.toBe('stopped');
    await power.start(SERVER);
    expect(wings.calls).toEqual(['POST /power {"action":"stop"}', 'POST /power {"action":"start","wait_seconds":30}']);
    expect([...wings.tokens]).toEqual(['Bearer node-token']);
  });

  it('kills what does not stop in time', async () => {
    const { wings, power } = await scene(1);
    wings.stopAfter = Number.POSITIVE_INFINITY;
    await power.stop(SERVER, never);
    expect(wings.calls.at(-1)).toBe('POST /power {"action":"kill"}');
  });

  it('asks nothing of a server that is offline', async () => {
    const { wings, power } = await scene();
    wings.state = 'offline';
    await power.stop(SERVER, never);
    expect(await power.prepare(SERVER, never)).toBe('stopped');
    expect(await power.resume(SERVER, 'stopped')).toBeUndefined();
    expect(wings.calls).toEqual([]);
  });

  it('says at the end of a reading when the server was started or stopped meanwhile', async () => {
    const { wings, power } = await scene();
    wings.state = 'offline';
    const off = await power.prepare(SERVER, never);
    wings.state = 'starting';
    expect(await power.resume(SERVER, off)).toBe('it was started meanwhile');
    wings.state = 'running';
    const running = await power.prepare(SERVER, never);
    expect(await power.resume(SERVER, running)).toBeUndefined();
    for (const state of ['stopping', 'offline']) {
      wings.state = state;
      wings.stopAfter = 1;
      expect(await power.resume(SERVER, running)).toBe('it was stopped meanwhile');
    }
  });

  it.each([
    [60_000, 1000, 5000, 'it was restarted meanwhile'],
    [60_000, 30_000, 90_000, undefined],
    [60_000, 30_000, 0, undefined],
    [60_000, 30_000, undefined, undefined],
    [undefined, 30_000, 5000, undefined],
    // A game that had run for less time than it was read.
    [20_000, 600_000, 540_000, 'it was restarted meanwhile'],
    [20_000, 600_000, 590_000, undefined],
    // Not measured any more.
    [20_000, 600_000, 20_000, undefined],
  ])('sees a restart by an uptime of %s that is, %s later, %s', async (before, readingMs, after, doubt) => {
    const clock = new StillClock();
    const { wings, power } = await scene(5, undefined, clock);
    wings.uptime = before;
    const prepared = await power.prepare(SERVER, never);
    clock.advance(readingMs);
    wings.uptime = after;
    expect(await power.resume(SERVER, prepared)).toBe(doubt);
  });

  it.each([
    ['running', 'it was restarted meanwhile'],
    ['starting', undefined],
  ])('sees a restart by a game that is starting and was %s', async (before, doubt) => {
    const { wings, power } = await scene();
    [wings.state, wings.uptime] = [before, 60_000];
    const prepared = await power.prepare(SERVER, never);
    // Wings measures nothing before the container is there.
    [wings.state, wings.uptime] = ['starting', 0];
    expect(await power.resume(SERVER, prepared)).toBe(doubt);
  });

  it('says that a game was restarted also when the new one cannot be typed at yet', async () => {
    const { wings, power } = await scene();
    const prepared = await power.prepare(SERVER, never);
    [wings.state, wings.hasContainer] = ['starting', false];
    expect(await power.resume(SERVER, prepared)).toBe('it was restarted meanwhile');
    // What is owed from before is not settled by that.
    await expect(power.resume(SERVER)).rejects.toThrow('status 502');
  });

  it('does not miss the word of a panel that is away for a server that is offline', async () => {
    const { wings, power } = await scene(5, 'The panel is away');
    await expect(power.prepare(SERVER, never)).rejects.toThrow('The panel is away');
    wings.state = 'offline';
    expect(await power.prepare(SERVER, never)).toBe('stopped');
    wings.answer = { status: 502, body: '' };
    await expect(power.prepare(SERVER, never)).rejects.toThrow('The panel is away');
  });

  it('types the console lines before and after a backup reads', async () => {
    const { wings, power } = await scene();
    await power.prepare(SERVER, never);
    await power.resume(SERVER);
    expect(wings.calls).toEqual([
      'POST /commands {"commands":["save-off","save-all flush"]}',
      'POST /commands {"commands":["save-on"]}',
    ]);
  });

  it.each([
    [403, '{}', 'it refuses the token (403)'],
    [404, '{}', 'it does not know the server (404)'],
    [502, '<html>', 'it answered with status 502'],
    [302, '', /redirect/],
    [200, '{"stat":"running"}', 'its answer names no state of the server'],
    [200, 'not json', /JSON/],
  ])('does not take a %i for a stopped server', async (status, body, reason) => {
    const { wings, power } = await scene();
    wings.answer = { status, body };
    await expect(power.state(SERVER)).rejects.toMatchObject({ code: 'server_busy' });
    await expect(power.state(SERVER)).rejects.toThrow(reason);
  });

  it('says so when nobody listens there', async () => {
    const settings = {
      driver: 'wings' as const,
      url: 'http://127.0.0.1:9',
      token: new Secret('x'),
      prepare: [],
      resume: [],
      saved: null,
      quiesce: 'off' as const,
      timeoutSeconds: 1,
    };
    const failing = openPower(settings, systemClock, NO_QUIESCE).state(SERVER);
    await expect(failing).rejects.toMatchObject({ code: 'server_busy', retry: true });
  });

  it('stops waiting when it is cancelled', async () => {
    const { wings, power } = await scene(600);
    wings.stopAfter = Number.POSITIVE_INFINITY;
    const abort = new AbortController();
    const stopping = power.stop(SERVER, abort.signal);
    const asked = expect.poll(() => wings.calls.length).toBe(1);
    await Promise.all([expect(stopping).rejects.toMatchObject({ code: 'cancelled' }), asked.then(() => abort.abort())]);
  });
});
