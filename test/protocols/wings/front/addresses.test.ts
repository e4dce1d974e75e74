/** The address of a client, as Wings hears of it. */
import { once } from 'node:events';
import { describe, expect, onTestFinished, test } from 'vitest';
import { WebSocket } from 'ws';
import { SERVER } from '../../../support/scripted-service.ts';
import { openFrontNode } from '../../../support/wings/front-node.ts';
import { rawRequest } from '../../../support/wings/raw-request.ts';
import { AUTHORIZED, headOf } from '../../../support/wings/heads.ts';
import { openWings } from '../../../support/wings/wings.ts';

describe('check 3: the address that Wings believes', () => {
  const FORGERIES = [
    'X-Forwarded-For: 6.6.6.6',
    'x-forwarded-for: 6.6.6.6, 127.0.0.1',
    'X-FORWARDED-FOR: 6.6.6.6\r\nX-Forwarded-For: 7.7.7.7',
    'X-Forwarded-For: ::1',
    'X-Forwarded-For:',
    'X-Forwarded-For: unknown',
    'X-Real-IP: 6.6.6.6',
    'x-real-ip: 6.6.6.6',
    'Forwarded: for=6.6.6.6',
    'X-Forwarded: 6.6.6.6',
    'X-Forwarded-Host: other.test',
    'X-Forwarded-Proto: https',
    'X-Forwarded-Server: other.test',
    'X-Forwarded-For : 6.6.6.6',
    'Connection: X-Forwarded-For\r\nX-Forwarded-For: 6.6.6.6',
    'Proxy-Client-IP: 6.6.6.6',
    'X-Forwarded-For: 6.6.6.6\r\nConnection: keep-alive',
    'X-Forwarded-For: "6.6.6.6"',
    'X-Forwarded-For: 6.6.6.6:80',
    'X-Forwarded-For: 2001:db8::1',
  ];

  test('is the peer in each of 20 forgeries', async () => {
    const wings = await openWings({ servers: [SERVER] });
    const { port } = await openFrontNode(wings);
    for (const forged of FORGERIES) await rawRequest(port, headOf('GET', '/api/system', [AUTHORIZED, forged]));
    expect(new Set(wings.activity)).toEqual(new Set(['127.0.0.1']));
    const names = wings.received.flatMap(({ rawHeaders }) => rawHeaders.filter((_, index) => index % 2 === 0));
    expect(names.filter((name) => /real-ip|^forwarded$|proxy-/i.test(name))).toEqual([]);
    for (const { rawHeaders } of wings.received) expect(rawHeaders).toContain('X-Forwarded-Host');
  });

  test('is the peer on console sockets, and for uploads', async () => {
    const wings = await openWings({ servers: [SERVER] });
    const { port, url, socketToken } = await openFrontNode(wings);
    const upload = headOf('POST', `/upload/file?token=${socketToken()}`, [
      ...FORGERIES.slice(0, 1),
      'Content-Length: 1',
    ]);
    expect((await rawRequest(port, `${upload}x`)).status).toBe(200);
    for (const name of ['X-Forwarded-For', 'X-Real-IP', 'Forwarded']) {
      const headers = { [name]: '6.6.6.6' };
      const target = `${url.replace('http', 'ws')}/api/servers/${SERVER}/ws`;
      const page = new WebSocket(target, { origin: 'https://panel.test', headers });
      onTestFinished(() => page.terminate());
      await once(page, 'open');
    }
    expect(wings.activity).toEqual(Array(4).fill('127.0.0.1'));
  });

  test('is the client where a trusted proxy says so, and no hop before it', async () => {
    const wings = await openWings({ servers: [SERVER] });
    const { port } = await openFrontNode(wings, { trustedProxies: ['127.0.0.1'] });
    const forged = ['X-Forwarded-For: 6.6.6.6, 203.0.113.9', 'X-Forwarded-Proto: https'];
    await rawRequest(port, headOf('GET', '/api/system', [AUTHORIZED, ...forged]));
    expect(wings.activity).toEqual(['203.0.113.9']);
    expect(wings.received[0]?.rawHeaders.join()).toContain('X-Forwarded-Proto,https');
  });
});
