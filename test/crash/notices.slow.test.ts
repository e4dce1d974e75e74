/** Daemons that are killed between a backup's end and its delivery: each end is told once or twice, never lost. */
import { expect, test } from 'vitest';
import { GAME_SERVER, scratchHost } from '../support/daemon.ts';
import { startDaemon } from '../support/daemon-process.ts';
import { eventually } from '../support/eventually.ts';
import { startSink } from '../support/http-sink.ts';

/** Without NOTICE_KILLS, as many as fit into a minute. */
const KILLS = Number(process.env['NOTICE_KILLS'] ?? 5);

test('kills at any moment lose no end of a backup, and tell none a third time', async () => {
  const sink = await startSink();
  const host = await scratchHost(`notify:
  host_allowlist: [127.0.0.1]
  channels:
    - { name: all, type: webhook, url: "${sink.url}", events: [backup.completed, backup.failed] }`);
  const path = `/api/servers/${GAME_SERVER}/backups`;
  let daemon = await startDaemon(host);
  for (let kill = 0; kill < KILLS; kill++) {
    // Away for some of the deaths, so that what waits has to outlive them.
    sink.answer = { status: kill % 3 === 0 ? 503 : 204 };
    const made = daemon.call(path, { body: {} }).catch(() => undefined);
    if (kill % 2 === 0) await made;
    else await new Promise((resolve) => setTimeout(resolve, kill * 30));
    await daemon.kill();
    await made;
    daemon = await startDaemon(host);
  }
  sink.answer = { status: 204 };
  const { body } = await daemon.call(path);
  const ended = (body as readonly { id: string; status: string }[]).filter(({ status }) => status !== 'IN_PROGRESS');
  expect(ended.length).toBeGreaterThanOrEqual(KILLS / 2);
  const timesTold = (id: string): number => {
    // What was answered 503 was not taken.
    return taken().filter((backup) => backup === id).length;
  };
  const taken = (): string[] => sink.taken.map((each) => (JSON.parse(each.body) as { backup: string }).backup);
  await eventually(() => ended.every(({ id }) => timesTold(id) > 0));
  expect(ended.filter(({ id }) => timesTold(id) > 2)).toEqual([]);
  await daemon.kill();
}, 900_000);
