import { describe, expect, onTestFinished, test } from 'vitest';
import { type Answer, startFakeDaemon } from './fake-daemon.ts';
import { run } from './run.ts';

const REPORT = {
  id: 7,
  kind: 'backup',
  server: '0f0e9c52-6d3d-4c5b-9f0e-2f6a1b7c8d90',
  backup: 'bbbbbbbb-0000-4000-8000-000000000001',
  successful: true,
  state: 'pending',
  attempts: 3,
  createdAt: '2026-01-01T00:00:00.000Z',
};
const REFUSED = { ...REPORT, id: 8, state: 'parked', successful: false, error: { code: 'x', message: 'It said\n404' } };

async function panel(words: readonly string[], answer: Answer) {
  const daemon = await startFakeDaemon(() => answer);
  onTestFinished(() => daemon.close());
  const ran = await run(['panel', ...words], { env: { ROOST_URL: daemon.url, ROOST_TOKEN: 'secret-token' } });
  return { ran, asked: daemon.asked.at(-1) };
}

describe('roost panel', () => {
  test('shows what the panel is owed, and warns of what it refused', async () => {
    const { ran, asked } = await panel(['reports'], { status: 200, body: { reports: [REPORT, REFUSED] } });
    expect(asked).toMatchObject({ method: 'GET', url: '/api/panel/reports' });
    expect(ran.stdout).toMatch(/^7 +backup +bbbbbbbb\S+ +success +pending +3/m);
    expect(ran.stdout).toMatch(/^8 +backup +bbbbbbbb\S+ +failure +parked +3 +It said\\n404/m);
    expect(ran.exitCode).toBe(3);
  });

  test('says so when there is nothing', async () => {
    const { ran } = await panel(['reports'], { status: 200, body: { reports: [] } });
    expect([ran.stdout, ran.exitCode]).toEqual(['The panel has been told everything.\n', 0]);
  });

  test('prints what the daemon said with --json', async () => {
    const { ran } = await panel(['reports', '--json'], { status: 200, body: { reports: [REPORT] } });
    expect(ran.json()).toEqual({ reports: [REPORT] });
  });

  test.each([
    [[], '/api/panel/reports/retry'],
    [['8'], '/api/panel/reports/retry?id=8'],
  ])('tries again: %j', async (words, url) => {
    const { ran, asked } = await panel(['retry', ...words], { status: 200, body: { retried: 1 } });
    expect([asked?.method, asked?.url, ran.exitCode]).toEqual(['POST', url, 0]);
    expect(ran.stdout).toContain('1 that had been refused');
  });

  test('gives one up', async () => {
    const { ran, asked } = await panel(['drop', '8'], { status: 200, body: { dropped: 8 } });
    expect([asked?.method, asked?.url, ran.exitCode]).toEqual(['DELETE', '/api/panel/reports/8', 0]);
  });
});
