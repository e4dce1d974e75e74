import { describe, expect, onTestFinished, test } from 'vitest';
import { GAME_SERVER, runDaemonOn, scratchHost, TOKEN } from '../support/daemon.ts';
import { eventually } from '../support/eventually.ts';
import { startSink } from '../support/http-sink.ts';
import { type Answer, startFakeDaemon } from './fake-daemon.ts';
import { run } from './run.ts';

async function notify(words: readonly string[], answer: Answer) {
  const daemon = await startFakeDaemon(() => answer);
  onTestFinished(() => daemon.close());
  const ran = await run(['notify', ...words], { env: { ROOST_URL: daemon.url, ROOST_TOKEN: 'secret-token' } });
  return { ...ran, asked: daemon.asked.map(({ method, url }) => `${method} ${url}`) };
}

describe('roost notify', () => {
  test('lists channels, what waits and why, with exit 3 when one takes nothing', async () => {
    const ops = {
      name: 'ops',
      type: 'discord',
      events: [],
      waiting: 2,
      oldest: '2026-01-01T00:00:00.000Z',
      error: 'It\nis away',
    };
    const ran = await notify(['list'], { status: 200, body: { channels: [ops] } });
    expect(ran.exitCode).toBe(3);
    expect(ran.stdout).toMatch(/^ops +discord +2 +202[56]-\d\d-\d\d \d\d:\d\d +It\\nis away$/m);
    const none = await notify(['list'], { status: 200, body: { channels: [] } });
    expect([none.exitCode, none.stdout]).toEqual([0, expect.stringContaining('notify.channels')]);
  });

  test('tests all channels or one, with exit 1 and the hint for one that does not take it', async () => {
    const good = { name: 'ops', delivered: true };
    const bad = { name: 'phone', delivered: false, error: 'It answered 404', hint: 'Check the url.' };
    const ran = await notify(['test', 'a b'], { status: 200, body: { results: [good, bad] } });
    expect(ran.asked).toEqual(['POST /api/notify/test?channel=a%20b']);
    expect([ran.exitCode, ran.stdout]).toEqual([1, 'ops: delivered\nphone: It answered 404\n  Check the url.\n']);
    expect((await notify(['test'], { status: 200, body: { results: [good] } })).exitCode).toBe(0);
  });
});

test('a daemon tells of its backups, and of a test', async () => {
  const sink = await startSink();
  const host = await scratchHost(`notify:
  host_allowlist: [127.0.0.1]
  channels:
    - { name: all, type: webhook, url: "${sink.url}", events: [backup.started, backup.completed] }
    - { name: closed, type: webhook, url: "http://10.0.0.1:9/" }`);
  const { call, url } = await runDaemonOn(host);
  const { body } = await call(`/api/servers/${GAME_SERVER}/backups`, { body: {} });
  await eventually(() => sink.received.length >= 2);
  const told = sink.received.map((each) => JSON.parse(each.body) as { event: string; backup: string });
  expect(told.map(({ event }) => event)).toEqual(['backup.started', 'backup.completed']);
  expect(told[1]?.backup).toBe((body as { id: string }).id);
  const env = { ROOST_URL: url, ROOST_TOKEN: TOKEN };
  const tested = await run(['notify', 'test'], { env });
  expect(tested.stdout).toContain('all: delivered');
  expect(tested.stdout).toMatch(
    /closed: .* 10\.0\.0\.1:9 is a private address\n {2}If that is meant, name it under notify/,
  );
  expect(tested.exitCode).toBe(1);
  expect((await run(['notify', 'test', 'nobody'], { env })).stderr).toContain('the config has none named "nobody"');
});
