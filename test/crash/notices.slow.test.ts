/**
 * Daemons that are killed between a backup's end and its delivery: each end is sent by one daemon once, again only after a
 * kill met its delivery, and never lost.
 */
import { expect, test } from 'vitest';
import { GAME_SERVER, scratchHost } from '../support/daemon.ts';
import { startDaemon } from '../support/daemon-process.ts';
import { eventually } from '../support/eventually.ts';
import { startSink } from '../support/http-sink.ts';

/** Without NOTICE_KILLS, as many as fit into a minute. */
const KILLS = Number(process.env['NOTICE_KILLS'] ?? 5);

test('kills at any moment lose no end of a backup, and no daemon sends one twice', async () => {
  const sink = await startSink();
  const host = await scratchHost(`notify:
  host_allowlist: [127.0.0.1]
  channels:
    - { name: all, type: webhook, url: "${sink.url}", events: [backup.completed, backup.failed] }`);
  const path = `/api/servers/${GAME_SERVER}/backups`;
  /** How many were taken when each daemon was killed. */
  const lives: number[] = [];
  let daemon = await startDaemon(host);
  for (let kill = 0; kill < KILLS; kill++) {
    // Away for some of the deaths, so that what waits has to outlive them.
    sink.answer = { status: kill % 3 === 0 ? 503 : 204 };
    const made = daemon.call(path, { body: {} }).catch(() => undefined);
    if (kill % 2 === 0) await made;
    else await new Promise((resolve) => setTimeout(resolve, kill * 30));
    await daemon.kill();
    await sink.settled();
    lives.push(sink.taken.length);
    await made;
    daemon = await startDaemon(host);
  }
  sink.answer = { status: 204 };
  const { body } = await daemon.call(path);
  const ended = (body as readonly { id: string; status: string }[]).filter(({ status }) => status !== 'IN_PROGRESS');
  expect(ended.length).toBeGreaterThanOrEqual(KILLS / 2);
  const ends = (): readonly (readonly string[])[] => lives.map((end, life) => ofBackups(lives[life - 1] ?? 0, end));
  const ofBackups = (from: number, to: number): string[] =>
    sink.taken.slice(from, to).map(({ body: text }) => (JSON.parse(text) as { backup: string }).backup);
  lives.push(Infinity);
  await eventually(() => {
    const sent = new Set(ends().flat());
    return ended.every(({ id }) => sent.has(id));
  });
  expect(ends().map((sent) => sent.length)).toEqual(ends().map((sent) => new Set(sent).size));
  await daemon.kill();
}, 900_000);
