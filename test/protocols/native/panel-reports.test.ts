import { describe, expect, test } from 'vitest';
import type { BackupId, JobId } from '../../../src/base/ids.ts';
import type { DeliveryView } from '../../../src/jobs/contract.ts';
import { Failure } from '../../../src/base/failure.ts';
import { openNativeApp } from '../../support/native-app.ts';
import { SERVER } from '../../support/scripted-service.ts';

const AT = Date.UTC(2026, 0, 1);

function report(change: Partial<DeliveryView> = {}): DeliveryView {
  return {
    id: 7,
    job: 'cccccccc-0000-4000-8000-000000000001' as JobId,
    kind: 'backup',
    server: SERVER,
    backup: 'bbbbbbbb-0000-4000-8000-000000000001' as BackupId,
    successful: true,
    sha256: 'ab'.repeat(32),
    size: 10,
    files: 1,
    withdrawn: false,
    step: 'report',
    state: 'pending',
    attempts: 3,
    error: null,
    askedAt: AT,
    createdAt: AT,
    dueAt: AT + 60_000,
    giveUpAt: AT,
    ...change,
  };
}

describe('reports that the panel is owed', () => {
  test('are listed with what they tell, when they are tried next, and why they did not arrive', async () => {
    const { call, service } = openNativeApp();
    const error = new Failure('backup_not_found', 'Cannot report: the panel answered 404', {
      facts: { x: 1 },
    }).toJSON();
    service.deliveryViews = [report(), report({ id: 8, state: 'parked', error })];
    const { job, server, backup } = report();
    const common = { kind: 'backup', server, backup, job, successful: true, attempts: 3 };
    const createdAt = '2026-01-01T00:00:00.000Z';
    expect(await call('GET', '/api/panel/reports')).toMatchObject({ status: 200 });
    expect((await call('GET', '/api/panel/reports')).body).toEqual({
      reports: [
        { ...common, id: 7, state: 'pending', createdAt, nextAt: '2026-01-01T00:01:00.000Z' },
        { ...common, id: 8, state: 'parked', createdAt, error: { code: error.code, message: error.message } },
      ],
    });
  });

  test('are tried again, all or one', async () => {
    const { call, service } = openNativeApp();
    service.deliveryViews = [report({ state: 'parked' }), report({ id: 8, state: 'parked' })];
    expect((await call('POST', '/api/panel/reports/retry')).body).toEqual({ retried: 2 });
    expect((await call('POST', '/api/panel/reports/retry?id=8')).body).toEqual({ retried: 1 });
    expect(service.lastCall('retryDeliveries')).toEqual([8]);
  });

  test('are given up one by one', async () => {
    const { call, service } = openNativeApp();
    expect(await call('DELETE', '/api/panel/reports/8')).toMatchObject({ status: 200, body: { dropped: 8 } });
    expect(service.lastCall('dropDelivery')).toEqual([8]);
    service.failWithCode('dropDelivery', 'invalid_request');
    expect((await call('DELETE', '/api/panel/reports/9')).status).toBe(400);
  });

  test.each(['x', '-1', '0', '1.5', '1e400', '9007199254740993'])('have no number %s', async (id) => {
    const { call, service } = openNativeApp();
    expect((await call('DELETE', `/api/panel/reports/${id}`)).status).toBe(400);
    expect((await call('POST', `/api/panel/reports/retry?id=${id}`)).status).toBe(400);
    expect(service.calls).toEqual([]);
  });
});
