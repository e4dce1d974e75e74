/** What the API answers about work on vaults of which a part failed. */
import { describe, expect, test } from 'vitest';
import { Failure } from '../../../../src/base/failure.ts';
import type { VaultFailure, VaultService } from '../../../../src/jobs/vault-contract.ts';
import { backupId } from '../../../support/catalogue-rows.ts';
import { openNativeApp } from '../../../support/native-app.ts';
import { noVaults } from '../../../support/scripted-vaults.ts';
import { OTHER_SERVER, ScriptedService, SERVER } from '../../../support/scripted-service.ts';

const COLLECTED = { store: 'local', server: SERVER, packs: 1, freedBytes: 8192, movedBytes: 0 };
const ADOPTION = { store: 'local', server: SERVER, backup: backupId(1), size: 100 };
const ADOPTED = { store: 'local', server: SERVER, backups: 1, bytes: 100, failures: 2 };
const hint = 'Put the file back.';

function nodeWith(change: Partial<VaultService>) {
  return openNativeApp({ vaults: { ...noVaults(new ScriptedService()), ...change } });
}

function failures(...codes: readonly ('archive_damaged' | 'store_unreachable')[]): readonly VaultFailure[] {
  return codes.map((code) => ({
    store: 'local',
    server: OTHER_SERVER,
    failure: new Failure(code, `Cannot do it: ${code}`, code === 'archive_damaged' ? { hint } : {}),
  }));
}

const FAILED = [
  { store: 'local', server: OTHER_SERVER, code: 'archive_damaged', message: 'Cannot do it: archive_damaged', hint },
  { store: 'local', server: OTHER_SERVER, code: 'store_unreachable', message: 'Cannot do it: store_unreachable' },
];

describe('a collection', () => {
  test('that fails for some servers is the error of the first, with what was done and all failures', async () => {
    const { call } = nodeWith({
      collect: () =>
        Promise.resolve({
          done: [COLLECTED],
          failures: failures('archive_damaged', 'store_unreachable'),
          failureCount: 2,
        }),
    });
    const { status, body } = await call('POST', '/api/vaults/collect');
    expect(status).toBe(422);
    expect(body).toEqual({
      error: 'Cannot do it: archive_damaged (the first of 2 failures)',
      code: 'archive_damaged',
      hint,
      requestId: 'request-1',
      collections: [COLLECTED],
      failures: FAILED,
      failureCount: 2,
    });
  });

  test('of one server that fails is that error, in its own words', async () => {
    const { call } = nodeWith({
      collect: () => Promise.resolve({ done: [], failures: failures('store_unreachable'), failureCount: 1 }),
    });
    const { status, headers, body } = await call('POST', `/api/vaults/collect?server=${OTHER_SERVER}`);
    expect([status, headers.get('retry-after')]).toEqual([503, '30']);
    expect(body).toMatchObject({ error: 'Cannot do it: store_unreachable', collections: [], failureCount: 1 });
  });

  test('that fails nowhere answers what it always did', async () => {
    const { call } = nodeWith({ collect: () => Promise.resolve({ done: [COLLECTED], failures: [], failureCount: 0 }) });
    expect(await call('POST', '/api/vaults/collect')).toMatchObject({
      status: 200,
      text: JSON.stringify({ collections: [COLLECTED] }),
    });
  });
});

test('an adoption that fails for some backups says which were taken in, and of each server how many', async () => {
  const outcome = { done: [ADOPTION], servers: [ADOPTED], failureCount: 30 };
  const { call } = nodeWith({
    adopt: () => Promise.resolve({ ...outcome, failures: failures('archive_damaged', 'store_unreachable') }),
  });
  const { status, body } = await call('POST', '/api/vaults/adopt');
  expect(status).toBe(422);
  expect(body).toMatchObject({
    error: 'Cannot do it: archive_damaged (the first of 30 failures)',
    adoptions: [ADOPTION],
    servers: [ADOPTED],
    failures: FAILED,
    failureCount: 30,
  });
});

test('a vault that cannot say which servers it has hides neither what the others take nor what was verified of them', async () => {
  const away = { store: 'far', failure: new Failure('store_unreachable', 'the disk is away') };
  const part = { store: 'local', server: SERVER };
  const status = { ...part, backups: 1, archiveBytes: 100, usage: null };
  const verification = { ...part, readBytes: 100, whole: 1, damaged: [], healed: [], unproven: [], faults: [] };
  const { call } = nodeWith({
    status: () => Promise.resolve({ done: [status], failures: [away], failureCount: 1 }),
    verify: () => Promise.resolve({ done: [verification], failures: [away], failureCount: 1 }),
  });
  const failed = { code: 'store_unreachable', failures: [{ store: 'far', message: 'the disk is away' }] };
  expect(await call('GET', '/api/vaults')).toMatchObject({
    status: 503,
    body: { ...failed, vaults: [{ ...part, backups: 1, archiveBytes: 100 }] },
  });
  expect(await call('POST', '/api/vaults/verify')).toMatchObject({
    status: 503,
    body: { ...failed, verifications: [verification] },
  });
});

test('the document describes errors with what was done, and they are errors', async () => {
  const { call } = openNativeApp();
  const { body } = await call('GET', '/openapi.json');
  const { components } = body as { readonly components: { readonly schemas: Record<string, object> } };
  for (const [name, field] of [
    ['VaultStatusError', 'vaults'],
    ['VaultCollectionError', 'collections'],
    ['VaultVerificationError', 'verifications'],
    ['VaultAdoptionError', 'adoptions'],
  ] as const) {
    expect(components.schemas[name]).toMatchObject({
      allOf: [
        { $ref: '#/components/schemas/Error' },
        { properties: { [field]: { type: 'array' }, failures: { type: 'array' }, failureCount: { type: 'number' } } },
      ],
    });
  }
});
