/** What a page of Calagopus sends and hears, text and MessagePack: recorded from its source, as each entry names it. */
import { readFileSync } from 'node:fs';
import { decode, encode } from '@msgpack/msgpack';
import { expect, test } from 'vitest';
import type { BackupId } from '../../../src/base/ids.ts';
import { openPanelNode } from '../../support/panel-node.ts';
import { SERVER } from '../../support/scripted-service.ts';

type Frame = { readonly text: string } | { readonly binary: unknown };

interface Recorded {
  readonly title: string;
  readonly source: string;
  readonly send?: readonly Frame[];
  /** Published on the node. */
  readonly event?: { readonly type: string; readonly data: unknown };
  readonly heard: readonly Frame[];
}

const RECORDED = JSON.parse(
  readFileSync(new URL('../../golden/wings/calagopus-sockets.json', import.meta.url), 'utf8'),
) as Recorded[];
const BACKUP = 'bbbbbbbb-0000-4000-8000-000000000001' as BackupId;

test.each(RECORDED)('Calagopus: $title', async ({ send = [], event, heard }) => {
  const node = await openPanelNode('calagopus');
  const { socket, opened } = node.connect();
  const frames: Frame[] = [];
  const settle = () => new Promise((resolve) => (socket.once('pong', resolve), socket.ping()));
  await opened;
  socket.removeAllListeners('message');
  socket.send(encode(['auth', [node.socketToken({}, ['*'])]]));
  await settle();
  socket.on('message', (data: Buffer, binary) =>
    frames.push(binary ? { binary: decode(data) } : { text: data.toString('utf8') }),
  );
  for (const frame of send) {
    socket.send('text' in frame ? frame.text : encode(frame.binary));
    node.time.advance(1000);
  }
  if (event !== undefined) node.events.emit({ ...event, server: SERVER, backup: BACKUP } as never);
  await settle();
  expect(frames).toEqual(heard);
});
