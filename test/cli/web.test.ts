import { describe, expect, onTestFinished, test } from 'vitest';
import { startFakeDaemon } from './fake-daemon.ts';
import { run } from './run.ts';

const SERVER = '0f0e9c52-6d3d-4c5b-9f0e-2f6a1b7c8d90';

async function web(words: readonly string[], url: string, below = '') {
  const daemon = await startFakeDaemon(() => ({
    status: 201,
    body: { id: 'x', code: 'CODE', url, expiresAt: '2026-01-01T00:15:00.000Z' },
  }));
  onTestFinished(() => daemon.close());
  const env = { ROOST_URL: `${daemon.url}${below}`, ROOST_TOKEN: 'secret-token' };
  return { ran: await run(['web', ...words], { env }), asked: daemon.asked.at(-1), url: daemon.url };
}

describe('roost web', () => {
  test('prints one link, below the address that was asked', async () => {
    const { ran, asked, url } = await web([], '/#/in/CODE', '/roost');
    expect([ran.stdout, ran.exitCode]).toEqual([`${url}/roost/#/in/CODE\n`, 0]);
    expect(asked).toMatchObject({ method: 'POST', url: '/roost/api/session/links', body: { minutes: 15 } });
  });

  test('takes the address of the daemon where that knows one', async () => {
    const { ran } = await web(['--minutes', '5'], 'https://node1.example.com/#/in/CODE');
    expect(ran.stdout).toBe('https://node1.example.com/#/in/CODE\n');
  });

  test('asks for a narrow link for one server', async () => {
    const { asked } = await web(['--server', SERVER], '/#/in/CODE');
    expect(asked?.body).toEqual({
      minutes: 15,
      servers: [SERVER],
      permissions: ['backup.read', 'backup.create', 'backup.download', 'backup.restore', 'backup.delete'],
    });
  });

  test.each(['0', '1441', 'soon'])('refuses --minutes %s', async (minutes) => {
    expect((await run(['web', '--minutes', minutes])).exitCode).toBe(2);
  });
});
